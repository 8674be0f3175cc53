"""The data folder as one process's alone."""

import fcntl
import os
from pathlib import Path

from paifang.errors import resource_error

LOCK_FILE = "gateway.lock"


def lock(folder: Path) -> int:
    """Make `folder` this process's alone, and it if need be; returns the file that keeps it so. Raises PaifangError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        hint = "check its owner, its mode and the mount, or choose another folder with --data"
        raise resource_error(f"the data folder {folder} cannot be used: {error.strerror}", hint) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        hint = "stop it first, or choose another folder with --data"
        raise resource_error(f"another gateway uses the data folder {folder}", hint) from error
    return file
