"""Reading a log: entries and proofs, from the one that runs or from a copied folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from paifang.audit import checkpoints, entries, tiles, tree
from paifang.audit.frontier import Frontier
from paifang.audit.notes import NoteError
from paifang.errors import PaifangError, bad_argument, not_found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from paifang.audit.entries import Entry

_FOLDER_HINT = "copy the whole folder once more, the checkpoint first; `paifang audit verify` says more"


class Readable(Protocol):
    """A log to be read: `AuditLog` and `LogFolder` are."""

    @property
    def size(self) -> int: ...

    def read_raw(self, first: int, last: int) -> list[bytes]: ...

    def inclusion(self, index: int, size: int) -> list[bytes]: ...

    def checkpoint(self) -> str: ...


class LogFolder:
    """The log in a (copied) folder of checkpoint and tiles, as its checkpoint says; nothing is verified by this.

    Every method raises PaifangError for files that are missing or are not what they should be.
    """

    def __init__(self, public: Path) -> None:
        self.public = public
        data = read_file(public, tiles.CHECKPOINT)
        try:
            self.head, _ = checkpoints.parse(data)
        except NoteError as error:
            raise broken_folder(public, tiles.CHECKPOINT, str(error)) from error
        self._note = data.decode()

    @property
    def size(self) -> int:
        return self.head.size

    def checkpoint(self) -> str:
        """The signed note."""
        return self._note

    def read_raw(self, first: int, last: int) -> list[bytes]:
        """The bytes of the entries first … last, as far as there are."""
        return bundled(self.public, first, min(last + 1, self.size), self.size)

    def read(self, first: int, last: int) -> list[Entry]:
        return decoded(first, self.read_raw(first, last))

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return inclusion(self.tree(), index, size)

    def tree(self) -> Frontier:
        """The tree of the folder's tiles."""
        parts: list[list[bytes]] = []
        size, level = self.size, 0
        while hashes := size >> tiles.HEIGHT * level:
            place = tiles.Place(level, hashes // tiles.WIDTH, hashes % tiles.WIDTH)
            parts.append(self._hashes(place) if place.width else [])
            level += 1
        return Frontier(lambda level, number: self._hashes(tiles.Place(level, number)), size, parts)

    def _hashes(self, place: tiles.Place) -> list[bytes]:
        found = tiles.split(read_place(self.public, place))
        if len(found) < place.width:
            raise broken_folder(self.public, place.path, "it is too short")
        return found[: place.width]


def read_file(public: Path, path: str) -> bytes:
    try:
        return (public / path).read_bytes()
    except OSError as error:
        raise broken_folder(public, path, error.strerror or str(error)) from error


def read_place(public: Path, place: tiles.Place) -> bytes:
    """A tile or a bundle; the whole one, longer, where a partial one has been replaced by it."""
    if place.width < tiles.WIDTH:
        try:
            return (public / place.path).read_bytes()
        except FileNotFoundError:
            whole = tiles.Place(place.level, place.number)
            if (public / whole.path).exists():
                place = whole
    return read_file(public, place.path)


def broken_folder(public: Path, path: str, what: str) -> PaifangError:
    return PaifangError(f"{public / path}: {what}", _FOLDER_HINT, code="audit-folder")


def bundled(public: Path, first: int, end: int, size: int) -> list[bytes]:
    """The entries first … end - 1 out of the bundles of a log of `size` entries."""
    found: list[bytes] = []
    while first < end:
        number, offset = divmod(first, tiles.WIDTH)
        place = tiles.Place(tiles.ENTRIES, number, min(size - number * tiles.WIDTH, tiles.WIDTH))
        bundle, _ = tiles.unpack(read_place(public, place))
        wanted = bundle[offset : offset + end - first]
        if len(bundle) < place.width:
            raise broken_folder(public, place.path, f"it holds {len(bundle)} entries instead of {place.width}")
        found += wanted
        first += len(wanted)
    return found


def decoded(first: int, found: list[bytes]) -> list[Entry]:
    """Entries from their bytes, `first` the index of the first. Raises PaifangError for what is no entry."""
    return [entry(index, data) for index, data in enumerate(found, first)]


def entry(index: int, data: bytes) -> Entry:
    try:
        return entries.decode(index, data)
    except ValueError as error:
        raise PaifangError(f"entry {index} of the audit log cannot be read: {error}", code="audit-entry") from error


def since(log: Readable, first: int) -> Iterator[Entry]:
    """Every entry from index `first` on, to the end that the log has when this begins."""
    end = log.size
    while first < end:
        last = min(first // tiles.WIDTH * tiles.WIDTH + tiles.WIDTH, end) - 1
        yield from decoded(first, log.read_raw(first, last))
        first = last + 1


def inclusion(found: Frontier, index: int, size: int) -> list[bytes]:
    """The proof that entry `index` is in the tree of `size` entries. Raises PaifangError for a wrong index or size."""
    if not 0 < size <= found.size:
        raise bad_argument(f"the audit log has {found.size} entries, not {size}")
    if not 0 <= index < size:
        raise not_found(f"there is no entry {index} among {size}", "`paifang audit list` shows the newest ones")
    return tree.inclusion(index, size, found.at)


def consistency(found: Frontier, old: int, new: int) -> list[bytes]:
    """The proof that the first `old` of `new` entries are the same. Raises PaifangError for wrong sizes."""
    if not 0 < old <= new <= found.size:
        raise bad_argument(f"no proof from {old} to {new} entries: the audit log has {found.size}")
    return tree.consistency(old, new, found.at)
