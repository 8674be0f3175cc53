"""Socket addresses that may be longer than the kernel's 107 bytes."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ADDRESS_LIMIT = 107
"""Bytes of a path in `struct sockaddr_un`, without the closing zero (unix(7))."""


@contextmanager
def socket_address(path: Path) -> Generator[str]:
    """An address for `bind` or `connect` to a path of any length.

    A long one goes through its opened folder: /proc/self/fd/N/name. OSError if the folder is not there.
    """
    text = os.fspath(path)
    if len(os.fsencode(text)) <= ADDRESS_LIMIT:
        yield text
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
