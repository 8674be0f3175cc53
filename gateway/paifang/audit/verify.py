"""Verifying a folder offline: every byte of every file, against what the log's key signed.

The tree is built anew from the entries. Where entries and the tile above them disagree, the hash one level further up,
or the signed root, says which of the two is right; everything else is then held against that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paifang.audit import checkpoints, entries, receipts, tiles, tree
from paifang.audit.frontier import Frontier
from paifang.audit.notes import NoteError
from paifang.audit.receipts import Receipts
from paifang.audit.tiles import ENTRIES, WIDTH, Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from paifang.audit import notes
    from paifang.audit.checkpoints import Checkpoint


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one file, and with which entry of it if that can be said."""

    path: str
    what: str
    entry: int | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" if self.entry is None else f"entry {self.entry} ({self.path}): {self.what}"


@dataclass(slots=True)
class Report:
    """What was found: `findings` is empty when all is well; the first one names the first bad entry or file.

    `uncovered` are files that reach beyond the checkpoint, as in a copy of a log that was being written.
    """

    checkpoint: Checkpoint | None = None
    findings: list[Finding] = field(default_factory=list[Finding])
    uncovered: list[str] = field(default_factory=list[str])
    receipts: Receipts | None = None

    @property
    def is_good(self) -> bool:
        return not self.findings


def verify_folder(public: Path, log: notes.Verifier, receipt_keys: Mapping[str, bytes] | None = None) -> Report:
    """Verify the folder of checkpoint and tiles `public` under the log's key, and with receipt keys the receipts."""
    report = Report(receipts=None if receipt_keys is None else Receipts(receipt_keys))
    try:
        report.checkpoint = _signed(public, log)
    except (OSError, NoteError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        report.findings.append(Finding(tiles.CHECKPOINT, str(what)))
        return report
    _Verification(_Files(public, report), report.checkpoint, report).run()
    if report.receipts is not None:
        for index, what in report.receipts.wrong():
            report.findings.append(Finding(Place(ENTRIES, index // WIDTH).path, what, index))
    return report


def _signed(public: Path, log: notes.Verifier) -> Checkpoint:
    """The checkpoint, under one signature only, so that no byte is left unverified. Raises NoteError, OSError."""
    data = (public / tiles.CHECKPOINT).read_bytes()
    checkpoint = checkpoints.verify(data, log)
    if len(checkpoints.parse(data)[1].signatures) != 1:
        raise NoteError("it has further signatures, of keys that are not known here")
    return checkpoint


class _Files:
    """The files of a folder by level and number; there may be several for one place, of growing widths."""

    def __init__(self, public: Path, report: Report) -> None:
        self._public = public
        self._report = report
        self._places: dict[tuple[int, int], list[Place]] = {}
        self.strangers: list[str] = []
        for path in sorted(public.rglob("*")):
            name = path.relative_to(public).as_posix()
            place = tiles.place_of(name)
            if place is not None and path.is_file():
                self._places.setdefault((place.level, place.number), []).append(place)
            elif name != tiles.CHECKPOINT and not path.is_dir():
                self.strangers.append(name)

    def take(self, place: Place) -> list[tuple[Place, bytes]]:
        """The files there are for a place, the one that is needed first: of its width, or the whole one."""
        found = self._places.pop((place.level, place.number), [])
        found.sort(key=lambda each: (each.width < place.width, each.width))
        self._report.uncovered += [each.path for each in found if each.width > place.width]
        if not found or found[0].width < place.width:
            self._report.findings.append(Finding(place.path, "is missing"))
        return [(each, (self._public / each.path).read_bytes()) for each in found]

    def peek(self, place: Place) -> bytes:
        """The file of a place, or nothing."""
        for each in self._places.get((place.level, place.number), []):
            if each.width >= place.width:
                return (self._public / each.path).read_bytes()
        return b""

    def rest(self) -> list[str]:
        """The files that were not taken."""
        return [place.path for places in self._places.values() for place in places]


class _Verification:
    def __init__(self, files: _Files, checkpoint: Checkpoint, report: Report) -> None:
        self._files = files
        self._checkpoint = checkpoint
        self._report = report
        self._tree = Frontier(lambda _level, _number: [])

    def run(self) -> None:
        size = self._checkpoint.size
        for number in range(-(-size // WIDTH)):
            self._bundle(number, min(size - number * WIDTH, WIDTH))
            for (level, above), hashes in self._tree.whole.items():
                if level:
                    self._upper_tile(Place(level, above), hashes)
            self._tree.whole.clear()
        for level, hashes in enumerate(self._tree.parts):
            if level and hashes:
                self._upper_tile(Place(level, size >> tiles.HEIGHT * (level + 1), len(hashes)), hashes)
        if self._tree.root() != self._checkpoint.root:
            self._find(tiles.CHECKPOINT, "the entries do not lead to the root that was signed")
        for name in self._files.strangers:
            self._find(name, "does not belong to a log")
        self._report.uncovered += self._files.rest()

    def _bundle(self, number: int, width: int) -> None:
        """Take 256 entries, or the last ones, into the tree; say what is wrong with them and their hashes."""
        bundles = [(place, *tiles.unpack(data)) for place, data in self._files.take(Place(ENTRIES, number, width))]
        found = [(place, [tree.leaf_hash(entry) for entry in held], whole) for place, held, whole in bundles]
        stored = self._files.take(Place(0, number, width))
        computed = found[0][1][:width] if found else []
        kept = tiles.split(stored[0][1])[:width] if stored else []
        right = computed if computed == kept else self._right(number, width, kept, computed)
        for place, hashes, whole in found:
            self._check_bundle(place, hashes, whole, right)
        for place, data in stored:
            self._check_tile(place, data, right, "does not fit its entries")
        for hash_ in right:
            self._tree.add(hash_)
        if self._report.receipts is not None and computed == right:
            self._take_receipts(self._report.receipts, number * WIDTH, bundles[0][1][:width])

    def _right(self, number: int, width: int, kept: list[bytes], computed: list[bytes]) -> list[bytes]:
        """Which hashes are those that were logged: of the tile (`kept`), or of the entries."""
        candidates = [hashes for hashes in (kept, computed) if len(hashes) == width]
        parent = self._parent(number) if width == WIDTH else None
        for hashes in candidates:
            if tree.perfect_root(hashes) == parent if parent else self._leads_to_root(hashes):
                return hashes
        return candidates[0] if candidates else (kept or computed + [bytes(32)] * width)[:width]

    def _parent(self, number: int) -> bytes | None:
        """What the tile above has for a whole tile of level 0."""
        above, inner = divmod(number, WIDTH)
        width = min(self._checkpoint.size // WIDTH - above * WIDTH, WIDTH)
        hashes = tiles.split(self._files.peek(Place(1, above, width)))
        return hashes[inner] if inner < len(hashes) else None

    def _leads_to_root(self, hashes: list[bytes]) -> bool:
        """Whether the tree is the signed one when these are its last hashes."""
        attempt = self._tree.view()
        for hash_ in hashes:
            attempt.add(hash_)
        return attempt.size == self._checkpoint.size and attempt.root() == self._checkpoint.root

    def _check_bundle(self, place: Place, hashes: list[bytes], whole: bool, right: list[bytes]) -> None:
        first = place.number * WIDTH
        count = min(place.width, len(right))
        for inner in range(count):
            if inner >= len(hashes) or hashes[inner] != right[inner]:
                self._find(place.path, "is not what was logged", first + inner)
                return
        if place.width == count and (not whole or len(hashes) > count):
            self._find(place.path, "holds more than its entries")

    def _upper_tile(self, place: Place, hashes: list[bytes]) -> None:
        for each, data in self._files.take(place):
            self._check_tile(each, data, hashes, "does not fit the tiles below it")

    def _check_tile(self, place: Place, data: bytes, right: list[bytes], what: str) -> None:
        """A tile that reaches beyond the checkpoint is compared as far as that goes."""
        expected = b"".join(right[: place.width])
        if data != expected if place.width <= len(right) else not data.startswith(expected):
            self._find(place.path, what)

    def _take_receipts(self, found: Receipts, first: int, held: list[bytes]) -> None:
        for index, data in enumerate(held, first):
            if receipts.MARK not in data:
                continue
            try:
                found.take(entries.decode(index, data))
            except ValueError as error:
                self._find(Place(ENTRIES, index // WIDTH).path, str(error), index)

    def _find(self, path: str, what: str, entry: int | None = None) -> None:
        self._report.findings.append(Finding(path, what, entry))
