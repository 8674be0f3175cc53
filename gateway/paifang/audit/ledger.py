"""The log on its disk: what is appended is synced before `append` returns, and published as tiles from time to time.

    log.key    the private key, for its owner alone    tail       what was appended since the last whole bundle
    log.pub    the public key                          public/    checkpoint and tiles: the folder to be copied

Everything the checkpoint covers is on the disk before the checkpoint is. No method is for two threads at once, except
where it says so.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from paifang.audit import checkpoints, notes, tail, tiles, tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from paifang.audit.checkpoints import Checkpoint
    from paifang.audit.disk import Disk
    from paifang.audit.frontier import Frontier
    from paifang.audit.tiles import Place

KEY_FILE = "log.key"
PUBLIC_KEY_FILE = "log.pub"
TAIL_FILE = "tail"
PUBLIC_FOLDER = "public"
SPARE_FILE = "new"


class Ledger:
    """The log in `folder`, signed by `signer`, beginning with entry `first` in memory; `opening.py` makes one.

    `published` is the newest checkpoint, `note` its signed text.
    """

    def __init__(self, folder: Path, signer: notes.Signer, disk: Disk, frontier: Frontier) -> None:
        self.folder = folder
        self.public = folder / PUBLIC_FOLDER
        self.published: Checkpoint | None = None
        self.note = ""
        self._signer = signer
        self._disk = disk
        self._frontier = frontier
        self._first = frontier.size
        self._recent: list[bytes] = []
        self._file: int | None = None
        self._shared = threading.Lock()

    @property
    def verifier(self) -> notes.Verifier:
        return self._signer.verifier

    @property
    def size(self) -> int:
        return self._frontier.size

    def adopt(self, entries: Sequence[bytes]) -> None:
        """Take entries into the tree that are, or are about to be, in the tail."""
        with self._shared:
            self._recent += entries
            for entry in entries:
                self._frontier.add(tree.leaf_hash(entry))

    def append(self, entries: Sequence[bytes]) -> int:
        """Add a group and return the index of its first entry: all of it is on the disk. Raises OSError.

        After an error nothing is added; the next append writes the tail anew, without what the failed one left there.
        """
        if self._file is None:
            self.rewrite_tail(self._first)
        assert self._file is not None
        first = self.size
        try:
            self._disk.write(self._file, tail.frame(first, entries))
            self._disk.sync(self._file)
        except OSError:
            self.close()
            raise
        self.adopt(entries)
        return first

    def publish(self) -> None:
        """Bring tiles, bundles and the checkpoint up to `size`. Raises OSError; the log itself is whole then, too."""
        if self.published is not None and self.published.size == self.size:
            return
        checkpoint = checkpoints.Checkpoint(self._signer.name, self.size, self._frontier.root())
        note = notes.sign(checkpoint.text, self._signer)
        folders: set[Path] = set()
        for place, data in self._unpublished():
            folders |= self._put(place, data)
        for folder in sorted(folders):
            self._disk.sync_folder(folder)
        self._disk.put(self.public / tiles.CHECKPOINT, note.encode(), self.folder / SPARE_FILE)
        self._disk.sync_folder(self.public)
        self.published, self.note = checkpoint, note
        self._put_away()

    def rewrite_tail(self, first: int) -> None:
        """Begin the tail anew with the entries from index `first` on. Raises OSError and keeps the old one."""
        self.close()
        spare = self.folder / SPARE_FILE
        file = self._disk.open(spare)
        try:
            kept = self._recent[first - self._first :]
            self._disk.write(file, tail.head(first) + (tail.frame(first, kept) if kept else b""))
            self._disk.sync(file)
            self._disk.rename(spare, self.folder / TAIL_FILE)
            self._disk.sync_folder(self.folder)
        except OSError:
            self._disk.close(file)
            raise
        self._file = file

    def close(self) -> None:
        """Leave the tail; the next append opens a new one."""
        file, self._file = self._file, None
        if file is not None:
            self._disk.close(file)

    def view(self) -> Frontier:
        """The tree as it is now, for any thread."""
        with self._shared:
            return self._frontier.view()

    def recent(self, first: int, end: int) -> tuple[int, list[bytes]]:
        """(index, entries from there on) of what is in memory of first … end - 1; the rest is in whole bundles.

        For any thread.
        """
        with self._shared:
            begin = max(first, self._first)
            return begin, self._recent[begin - self._first : max(end, begin) - self._first]

    def _unpublished(self) -> list[tuple[Place, bytes]]:
        """What the folder still misses. Bundles come first: a tile is of use only with its entries."""
        found: list[tuple[Place, bytes]] = []
        for first in range(self._first, self.size, tiles.WIDTH):
            entries = self._recent[first - self._first : first - self._first + tiles.WIDTH]
            found.append((tiles.Place(tiles.ENTRIES, first // tiles.WIDTH, len(entries)), tiles.pack(entries)))
        for (level, number), hashes in self._frontier.whole.items():
            found.append((tiles.Place(level, number), b"".join(hashes)))
        for level, hashes in enumerate(self._frontier.parts):
            if hashes:
                number = self.size >> tiles.HEIGHT * (level + 1)
                found.append((tiles.Place(level, number, len(hashes)), b"".join(hashes)))
        return found

    def _put(self, place: Place, data: bytes) -> set[Path]:
        """Write one file and return the folders whose names are to be synced. A partial file never changes."""
        path = self.public / place.path
        if place.width < tiles.WIDTH and path.exists():
            return {path.parent}
        missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
        for folder in reversed(missing):
            self._disk.make_folder(folder)
        self._disk.put(path, data, self.folder / SPARE_FILE)
        return {path.parent, *(folder.parent for folder in missing)}

    def _put_away(self) -> None:
        """Forget what whole bundles hold now, in memory, in the tail, and as the partial files they replace."""
        for level, number in self._frontier.whole:
            self._remove_partial(level, number)
            if level == 0:
                self._remove_partial(tiles.ENTRIES, number)
        first = self.size // tiles.WIDTH * tiles.WIDTH
        if first == self._first:
            return
        self.rewrite_tail(first)
        with self._shared:
            self._recent = self._recent[first - self._first :]
            self._first = first
            self._frontier.whole = {}

    def _remove_partial(self, level: int, number: int) -> None:
        folder = (self.public / tiles.Place(level, number, 1).path).parent
        if folder.exists():
            for file in sorted(folder.iterdir()):
                self._disk.remove(file)
            self._disk.remove_folder(folder)
