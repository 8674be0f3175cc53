"""A disk that remembers every write, truncate, sync and delete, and what a power cut may leave of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

if TYPE_CHECKING:
    import random

SECTOR_BYTES = 512
"""A write may stop after any whole number of these."""

Entry = tuple[Any, ...]


class RecordingVFS(apsw.VFS):
    """The system's file system; what is done to databases, their logs and journals stands in `entries`.

    ("write", file, offset, data), ("truncate", file, size), ("sync", file), ("delete", file, synced): `file` is the
    last part of the path. The test may add entries of its own.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.entries: list[Entry] = []

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's names
        return _RecordingFile(self, name, flags)

    def xDelete(self, filename, syncdir):  # noqa: N802
        super().xDelete(filename, syncdir)
        self.entries.append(("delete", Path(filename).name, bool(syncdir)))


class _RecordingFile(apsw.VFSFile):
    def __init__(self, vfs: RecordingVFS, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        path = name.filename() if hasattr(name, "filename") else name
        self._file = Path(path).name if path else "temporary"
        self._entries = vfs.entries

    def xWrite(self, data, offset):  # noqa: N802
        super().xWrite(data, offset)
        self._entries.append(("write", self._file, offset, bytes(data)))

    def xTruncate(self, newsize):  # noqa: N802
        super().xTruncate(newsize)
        self._entries.append(("truncate", self._file, newsize))

    def xSync(self, flags):  # noqa: N802
        super().xSync(flags)
        self._entries.append(("sync", self._file))


@dataclass
class _File:
    synced: bytes | None = None
    pending: list[Entry] = field(default_factory=list)


class Disk:
    """The files after some entries: what is synced, and what is still on its way."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._ghosts: dict[str, _File] = {}

    def do(self, entry: Entry) -> None:
        kind, name = entry[:2]
        if kind == "delete":
            gone = self._files.pop(name, _File())
            if not entry[2]:
                self._ghosts[name] = gone
            return
        file = self._files.setdefault(name, _File())
        if kind == "sync":
            if file.synced is None and name.endswith(("-wal", "-journal")):
                self._ghosts = {}  # SQLite syncs the folder with the first sync of a new log (os_unix.c, DIRSYNC)
            file.synced = _applied(file.synced or b"", file.pending)
            file.pending = []
        else:
            file.pending.append(entry)

    @property
    def has_pending(self) -> bool:
        return any(file.pending for file in self._files.values())

    def lose_all(self) -> dict[str, bytes]:
        """The files when nothing that was not synced has reached the disk."""
        return {name: file.synced for name, file in self._files.items() if file.synced is not None}

    def lose_some(self, chance: random.Random) -> dict[str, bytes]:
        """The files when some of the unsynced writes have reached the disk: any, in any order, one perhaps torn."""
        found: dict[str, bytes] = {}
        for name, file in {**self._ghosts, **self._files}.items():
            if name in self._ghosts and name not in self._files and chance.random() < 0.5:
                continue
            arrived = [entry for entry in file.pending if chance.random() < 0.6]
            chance.shuffle(arrived)
            if arrived and chance.random() < 0.5:
                arrived[-1] = _torn(arrived[-1], chance)
            if file.synced is not None or arrived:
                found[name] = _applied(file.synced or b"", arrived)
        return found


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def remove_files(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def _applied(content: bytes, entries: list[Entry]) -> bytes:
    data = bytearray(content)
    for entry in entries:
        if entry[0] == "truncate":
            del data[entry[2] :]
            data.extend(bytes(entry[2] - len(data)))
        else:
            _, _, offset, written = entry
            data.extend(bytes(max(offset - len(data), 0)))
            data[offset : offset + len(written)] = written
    return bytes(data)


def _torn(entry: Entry, chance: random.Random) -> Entry:
    if entry[0] != "write":
        return entry
    sectors = len(entry[3]) // SECTOR_BYTES
    return (*entry[:3], entry[3][: chance.randint(0, sectors) * SECTOR_BYTES])
