"""The key of a service that nobody sits beside: its passphrase is in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.keys.files import read_passphrase
from paifang.keys.keyfile import KeyFile
from paifang.keys.keyring import check_kind

if TYPE_CHECKING:
    from pathlib import Path

    from paifang.keys.signing import SigningKey


def open_key(file: Path, passphrase_file: Path, what: str = "an order of the coordination") -> SigningKey:
    """The key that signs `what`.

    Raises PaifangError: not there, open to others, not a service's, or sealed with another passphrase.
    """
    found = KeyFile.read(file)
    check_kind(found, ("service",), what)
    return found.open(read_passphrase(passphrase_file))
