"""The few things the log does to a disk, in one place: a test puts another disk here that forgets or refuses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644
PRIVATE_FOLDER = 0o700
PUBLIC_FOLDER = 0o755


class Disk:
    """Every method raises OSError. What is written is on the disk only after `sync`, a name after `sync_folder`."""

    def open(self, path: Path, mode: int = PUBLIC) -> int:
        """Begin an empty file and return its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)

    def write(self, file: int, data: bytes) -> None:
        """Append `data`, whole."""
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]

    def sync(self, file: int) -> None:
        os.fdatasync(file)

    def close(self, file: int) -> None:
        os.close(file)

    def make_folder(self, path: Path, mode: int = PUBLIC_FOLDER) -> None:
        path.mkdir(mode, exist_ok=True)

    def rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        path.rmdir()

    def sync_folder(self, path: Path) -> None:
        """Have the names in a folder on the disk."""
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def put(self, path: Path, data: bytes, spare: Path, mode: int = PUBLIC) -> None:
        """Have `path` hold `data` or what it held before, never anything between.

        It is written as `spare` first. That the name is on the disk too, `sync_folder` sees to.
        """
        file = self.open(spare, mode)
        try:
            self.write(file, data)
            self.sync(file)
        finally:
            self.close(file)
        self.rename(spare, path)
