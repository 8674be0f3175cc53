"""The audit log's files as they are copied: those that its checkpoint and its tail name, and not its private key.

The checkpoint is read first and the tail next, so that all they name is on the disk when it is asked for: the log
brings out tiles before the checkpoint over them, and a whole tile before it takes away the partial ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.audit import checkpoints, ledger, notes, tail, tiles, verify
from paifang.audit.disk import PRIVATE_FOLDER, PUBLIC_FOLDER
from paifang.audit.notes import NoteError
from paifang.audit.tail import DamagedTailError
from paifang.errors import PaifangError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PUBLIC = ledger.PUBLIC_FOLDER
PUBLIC_KEY = ledger.PUBLIC_KEY_FILE
KEY = ledger.KEY_FILE


def exists(folder: Path) -> bool:
    """Whether there is a log in `folder`, or what is left of one."""
    return folder.is_dir() and any(folder.iterdir())


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(path in `folder`, content) of each file to be copied. Raises PaifangError for a log that is not whole."""
    try:
        yield PUBLIC_KEY, (folder / PUBLIC_KEY).read_bytes()
        checkpoint = (folder / PUBLIC / tiles.CHECKPOINT).read_bytes()
        yield f"{PUBLIC}/{tiles.CHECKPOINT}", checkpoint
        newest = (folder / ledger.TAIL_FILE).read_bytes()
        yield ledger.TAIL_FILE, newest
        given: set[str] = set()
        for place in _places(checkpoint, newest):
            path, data = _read(folder, place)
            if path not in given:  # a partial tile may have become the whole one that the tail asks for, too
                given.add(path)
                yield path, data
    except OSError as error:
        raise _damaged(folder, f"{error.filename} cannot be read: {error.strerror}") from error
    except (NoteError, DamagedTailError) as error:
        raise _damaged(folder, str(error)) from error


def put(folder: Path, path: str, data: bytes) -> None:
    """Write one file of a copy below `folder`. Raises OSError."""
    file = folder / path
    folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
    for parent in [*file.relative_to(folder).parents][-2::-1]:
        (folder / parent).mkdir(PUBLIC_FOLDER, exist_ok=True)
    file.write_bytes(data)


def check(folder: Path) -> int:
    """How many entries the copy in `folder` has, of which nothing is missing or changed. Raises PaifangError."""
    try:
        log = notes.verifier_of((folder / PUBLIC_KEY).read_text(encoding="ascii").strip())
        kept = tail.read((folder / ledger.TAIL_FILE).read_bytes())
    except (OSError, UnicodeDecodeError, NoteError, DamagedTailError) as error:
        raise _damaged(folder, str(error)) from error
    report = verify.verify_folder(folder / PUBLIC, log)
    if not report.is_good:
        raise _damaged(folder, str(report.findings[0]))
    assert report.checkpoint is not None
    return max(report.checkpoint.size, kept.first + len(kept.entries))


def _places(checkpoint: bytes, newest: bytes) -> list[tiles.Place]:
    """What the checkpoint covers, and the whole tiles that the tail stands on."""
    size = checkpoints.parse(checkpoint)[0].size
    below = [place for place in tiles.places(tail.read(newest).first) if place.width == tiles.WIDTH]
    return list(dict.fromkeys([*tiles.places(size), *below]))


def _read(folder: Path, place: tiles.Place) -> tuple[str, bytes]:
    path = f"{PUBLIC}/{place.path}"
    try:
        return path, (folder / path).read_bytes()
    except FileNotFoundError:
        if place.width == tiles.WIDTH:
            raise
        return _read(folder, tiles.Place(place.level, place.number))


def _damaged(folder: Path, what: str) -> PaifangError:
    hint = "`paifang audit verify` says more; `paifang backup --without-log` leaves the log out"
    return PaifangError(f"the audit log in {folder} is damaged: {what}", hint, code="audit-damaged")
