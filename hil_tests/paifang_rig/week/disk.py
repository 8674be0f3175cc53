"""The disk below the gateway's store: full, refusing, dead in the middle of a write, or without what was not synced."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

SECTOR_BYTES = 512
"""Of what was not synced, each of these is there or is not, by itself."""
_lives = itertools.count(1)


@dataclass
class _Unsynced:
    """Of one file since its last sync: its size then, and what its sectors held."""

    size: int
    sectors: dict[int, bytes] = field(default_factory=dict[int, bytes])


class FaultyDisk(apsw.VFS):
    """The system's file system for one life of a gateway, which opens its store with `vfs=disk.name`.

    `fault`: what each write raises. `dies_after`: at that many more writes the gateway's process is gone; `on_death()`
    is called then. Once `is_dead`, nothing reaches the files.
    """

    def __init__(self) -> None:
        self.name = f"paifang-week-{next(_lives)}"
        super().__init__(self.name, "")
        self.fault: type[apsw.Error] | None = None
        self.dies_after: int | None = None
        self.is_dead = False
        self.on_death: Callable[[], object] = lambda: None
        self.refused = self.syncs = 0
        self._unsynced: dict[str, _Unsynced] = {}

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's names
        # What has no name is for a statement only: a file of SQLite's own, gone with its process.
        return apsw.VFSFile("", None, flags) if name is None else _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.check()
        super().xDelete(filename, syncdir)
        self._unsynced.pop(filename, None)

    def check(self) -> None:
        """Raise what a write meets now."""
        if self.dies_after is not None and not self.is_dead:
            self.dies_after -= 1
            if self.dies_after <= 0:
                self.is_dead = True
                self.on_death()
        if self.is_dead:
            raise apsw.IOError("the process is gone")
        if self.fault is not None:
            self.refused += 1
            raise self.fault("the disk does not take it")

    def note(self, path: str, offset: int, count: int) -> None:
        """Remember what a write of `count` bytes, or a truncation, is about to change."""
        place = Path(path)
        known = self._unsynced.get(path)
        if known is None:
            known = self._unsynced[path] = _Unsynced(place.stat().st_size)
        first, last = offset // SECTOR_BYTES, (offset + count - 1) // SECTOR_BYTES
        missing = [sector for sector in range(first, last + 1) if sector not in known.sectors]
        if missing and first * SECTOR_BYTES < known.size:
            with place.open("rb") as file:
                for sector in missing:
                    file.seek(sector * SECTOR_BYTES)
                    known.sectors[sector] = file.read(SECTOR_BYTES)

    def synced(self, path: str) -> None:
        self.syncs += 1
        self._unsynced.pop(path, None)

    def lose(self, chance: random.Random) -> int:
        """Power fails: of the sectors that were not synced some are as they were before; returns how many."""
        lost = 0
        for path, known in self._unsynced.items():
            with Path(path).open("r+b") as file:
                for sector, content in sorted(known.sectors.items()):
                    if chance.random() < 0.5:
                        lost += 1
                        file.seek(sector * SECTOR_BYTES)
                        file.write(content)
                if chance.random() < 0.5:
                    file.truncate(known.size)
        return lost


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: str | apsw.URIFilename, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk = disk

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._disk.check()
        self._disk.note(self._path, offset, len(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.check()
        self._disk.note(self._path, newsize, max(Path(self._path).stat().st_size - newsize, 1))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802, ARG002 - the real sync would only take time
        self._disk.check()
        self._disk.synced(self._path)
