"""A SHA-256 of a whole file that stands inside of it, over the file with zeros in its place."""

from __future__ import annotations

import hashlib
import mmap
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LENGTH = 32


def mark() -> bytes:
    """What a file holds where its seal will be; found nowhere else in it."""
    return os.urandom(LENGTH)


def seal(file: Path, marked: bytes) -> None:
    """Put the file's hash in the place of the mark. Raises OSError; ValueError when the mark is not in the file."""
    digest, place = _digest(file, marked)
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(digest)


def is_sealed(file: Path, digest: bytes) -> bool:
    """Whether every byte of the file is as it was when it was sealed with `digest`. Raises OSError."""
    try:
        return _digest(file, digest)[0] == digest
    except ValueError:
        return False


def _digest(file: Path, hole: bytes) -> tuple[bytes, int]:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        place = mapped.find(hole)
        if place < 0 or len(hole) != LENGTH:
            raise ValueError("no seal")
        with memoryview(mapped) as view, view[:place] as before, view[place + LENGTH :] as behind:
            found = hashlib.sha256(before)
            found.update(bytes(LENGTH))
            found.update(behind)
        return found.digest(), place
