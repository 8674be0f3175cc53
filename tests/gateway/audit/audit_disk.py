"""Disks for the audit log: one that remembers what was done to it and loses what was not synced, one that refuses.

A file's content is sure after its sync; that it has a name, or a new one, or none any more, after its folder's sync.
"""

from __future__ import annotations

import errno
from pathlib import Path

from paifang.audit.disk import Disk

SECTOR_BYTES = 512
ROOT = Path()


class QuickDisk(Disk):
    """A disk that does not sync, for what looks at a log afterwards: the computer stays on."""

    def sync(self, file):
        pass

    def sync_folder(self, path):
        pass


class RecordingDisk(QuickDisk):
    """The system's disk; what is done to it below `base` stands in `entries`, and what the test adds there.

    `syncs` says whether content is synced at all: a log on a disk where it is not must be seen to lose.
    """

    def __init__(self, base, *, syncs=True):
        self.base = base
        self.entries = []
        self._syncs = syncs
        self._paths = {}

    def open(self, path, mode=0o644):
        file = super().open(path, mode)
        self._paths[file] = path
        self._add("open", path)
        return file

    def write(self, file, data):
        super().write(file, data)
        self._add("write", self._paths[file], bytes(data))

    def sync(self, file):
        super().sync(file)
        if self._syncs:
            self._add("sync", self._paths[file])

    def make_folder(self, path, mode=0o755):
        super().make_folder(path, mode)
        self._add("folder", path)

    def rename(self, old, new):
        super().rename(old, new)
        for file, path in self._paths.items():
            if path == old:
                self._paths[file] = new
        self.entries.append(("rename", old.relative_to(self.base), new.relative_to(self.base)))

    def remove(self, path):
        super().remove(path)
        self._add("remove", path)

    def remove_folder(self, path):
        super().remove_folder(path)
        self._add("remove", path)

    def sync_folder(self, path):
        super().sync_folder(path)
        self._add("names", path)

    def _add(self, kind, path, *more):
        self.entries.append((kind, path.relative_to(self.base), *more))


class File:
    """What a file holds for sure, and what was written behind that."""

    def __init__(self, synced=b"", is_folder=False):
        self.synced = synced
        self.pending = b""
        self.is_folder = is_folder

    def left(self, chance):
        """Its content after a power cut; with `chance`, some of what was not synced has arrived, perhaps as zeros."""
        if chance is None or not self.pending:
            return self.synced
        data = bytearray(self.pending[: chance.randint(0, len(self.pending))])
        for start in range(0, len(data), SECTOR_BYTES):
            if chance.random() < 0.3:
                data[start : start + SECTOR_BYTES] = bytes(len(data[start : start + SECTOR_BYTES]))
        return self.synced + bytes(data)


class LossyDisk:
    """What is on the disk after some entries of a `RecordingDisk`."""

    def __init__(self, files=None):
        self.sure = {path: File(data, is_folder=data is None) for path, data in (files or {}).items()}
        self._now = dict(self.sure)
        self._changes = []

    def do(self, entry):
        kind, path, *more = entry
        if kind == "open":
            if path in self._now:  # the same file, emptied: that is as good as a new one of the name
                self._set(path, None)
            self._set(path, File())
        elif kind == "write":
            self._now[path].pending += more[0]
        elif kind == "sync":
            file = self._now[path]
            file.synced, file.pending = file.synced + file.pending, b""
        elif kind == "folder":
            if path not in self._now:
                self._set(path, File(is_folder=True))
        elif kind == "rename":
            file = self._now[path]
            self._changes.append(((path, None), (more[0], file)))
            self._now[more[0]] = self._now.pop(path)
        elif kind == "remove":
            if path in self._now:
                self._set(path, None)
        elif kind == "names":
            self._make_sure(path)

    @property
    def has_pending(self):
        return bool(self._changes) or any(file.pending for file in self._now.values())

    def left(self, chance=None):
        """{path: content, None for a folder} after a power cut; with `chance`, some unsynced things have arrived."""
        names = dict(self.sure)
        if chance is not None:
            for change in self._changes:
                if chance.random() < 0.5:
                    for path, file in change:
                        _change(names, path, file)
        found = {path: None if file.is_folder else file.left(chance) for path, file in names.items()}
        return {
            path: data
            for path, data in found.items()
            if all(parent == ROOT or parent in found for parent in path.parents)
        }

    def _set(self, path, file):
        self._changes.append(((path, file),))
        _change(self._now, path, file)

    def _make_sure(self, folder):
        """What was renamed between two folders is sure with the one it went to: it was moved in one step."""
        waiting = []
        for change in self._changes:
            if change[-1][0].parent == folder:
                for path, file in change:
                    _change(self.sure, path, file)
            else:
                waiting.append(change)
        self._changes = waiting


def _change(names, path, file):
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file


def lay(base, files):
    """Put files where a log will be opened."""
    base.mkdir()
    for path, data in sorted(files.items()):
        if data is None:
            (base / path).mkdir()
        else:
            (base / path).write_bytes(data)


class FullDisk(Disk):
    """A disk on which nothing can be written while it `is_full`, and that counts how often this was tried."""

    def __init__(self):
        self.is_full = False
        self.refused = 0

    def open(self, path, mode=0o644):
        self._refuse()
        return super().open(path, mode)

    def write(self, file, data):
        if self.is_full:
            super().write(file, data[: len(data) // 2])
        self._refuse()
        super().write(file, data)

    def _refuse(self):
        if self.is_full:
            self.refused += 1
            raise OSError(errno.ENOSPC, "No space left on device")


class FailingDisk(QuickDisk):
    """A disk whose `fails_at`-th write, sync, rename or sync of a folder fails with EIO; `count` says how many came."""

    def __init__(self, fails_at=None):
        self.fails_at = fails_at
        self.count = 0

    def write(self, file, data):
        self._step()
        super().write(file, data)

    def sync(self, file):
        self._step()
        super().sync(file)

    def rename(self, old, new):
        self._step()
        super().rename(old, new)

    def sync_folder(self, path):
        self._step()
        super().sync_folder(path)

    def _step(self):
        self.count += 1
        if self.count == self.fails_at:
            raise OSError(errno.EIO, "Input/output error")
