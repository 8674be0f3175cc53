"""Opening the log, or making it at the first start. A log that is missing or damaged is never begun anew in silence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from paifang.audit import checkpoints, ledger, notes, tail, tiles, tree
from paifang.audit.disk import PRIVATE, PRIVATE_FOLDER
from paifang.audit.frontier import Frontier, resume
from paifang.audit.notes import NoteError
from paifang.audit.tail import DamagedTailError
from paifang.errors import EXIT_RESOURCE, PaifangError, resource_error

if TYPE_CHECKING:
    from pathlib import Path

    from paifang.audit.checkpoints import Checkpoint
    from paifang.audit.disk import Disk
    from paifang.audit.frontier import Load
    from paifang.audit.ledger import Ledger

_RESTORE = "restore {folder} from a copy; or move it away and begin another log with `paifang audit begin`"


def open_ledger(folder: Path, origin: str, disk: Disk, *, may_begin: bool = True) -> Ledger:
    """The log in `folder`, whole and published, made if there never was one. Raises PaifangError.

    Whoever knows that there was one says that it may not begin now.
    """
    try:
        if (folder / ledger.KEY_FILE).exists():
            found = _existing(folder, origin, disk)
        else:
            _check_new(folder, may_begin=may_begin)
            found = _new(folder, origin, disk)
        found.publish()
    except OSError as error:
        raise explain(error, folder) from error
    return found


def explain(error: OSError, folder: Path) -> PaifangError:
    """What the disk refused, in words."""
    return resource_error(
        f"the audit log in {folder} cannot be written or read: {error.strerror or error}",
        "free some space or check the disk and the folder's owner; the log goes on by itself once it can be written",
    )


def damaged(folder: Path, what: str, hint: str = "") -> PaifangError:
    """The log is not what was written: nothing goes on until a person has looked."""
    look = f"`paifang audit verify --folder {folder / ledger.PUBLIC_FOLDER}` says more"
    return PaifangError(
        f"the audit log in {folder} is damaged: {what}",
        hint or f"{look}; {_RESTORE.format(folder=folder)}",
        code="audit-damaged",
        exit_code=EXIT_RESOURCE,
    )


def loader(folder: Path, public: Path) -> Load:
    """How whole tiles are read from the folder `public`. The loader raises PaifangError for one that is not there."""

    def load(level: int, number: int) -> list[bytes]:
        path = public / tiles.Place(level, number).path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise damaged(folder, f"{path} cannot be read: {error.strerror}") from error
        if len(data) != tiles.WIDTH * tiles.HASH_LENGTH:
            raise damaged(folder, f"{path} is no whole tile")
        return tiles.split(data)

    return load


def _new(folder: Path, origin: str, disk: Disk) -> Ledger:
    """The key comes last: with it there is a log, without it there never was one."""
    try:
        signer = notes.new_signer(origin, notes.ED25519, os.urandom(32))
    except NoteError as error:
        raise PaifangError(f"no audit log can be called so: {error}", "choose a site without spaces") from error
    public = folder / ledger.PUBLIC_FOLDER
    disk.make_folder(folder, PRIVATE_FOLDER)
    disk.make_folder(public)
    made = ledger.Ledger(folder, signer, disk, Frontier(loader(folder, public)))
    made.rewrite_tail(0)
    made.publish()
    spare = folder / ledger.SPARE_FILE
    disk.put(folder / ledger.PUBLIC_KEY_FILE, f"{signer.verifier.vkey}\n".encode(), spare)
    disk.sync_folder(folder)
    disk.put(folder / ledger.KEY_FILE, f"{signer.skey}\n".encode(), spare, PRIVATE)
    disk.sync_folder(folder)
    disk.sync_folder(folder.parent)
    return made


def _check_new(folder: Path, *, may_begin: bool) -> None:
    """Raise PaifangError when there is more than an interrupted first start leaves: an empty log."""
    if not may_begin:
        hint = "restore it from a copy; or begin another with `paifang audit begin`, and tell who watches it"
        raise damaged(folder, "it is gone: this gateway has logged before", hint)
    found = folder / ledger.TAIL_FILE
    checkpoint = folder / ledger.PUBLIC_FOLDER / tiles.CHECKPOINT
    try:
        empty = not found.exists() or not tail.read(found.read_bytes()).entries
        empty = empty and (not checkpoint.exists() or checkpoints.parse(checkpoint.read_bytes())[0].size == 0)
    except (DamagedTailError, NoteError):
        empty = False
    if not empty:
        key = folder / ledger.KEY_FILE
        raise damaged(folder, f"its key {key} is missing", f"restore {key}; else {_RESTORE.format(folder=folder)}")


def _existing(folder: Path, origin: str, disk: Disk) -> Ledger:
    signer = _signer(folder, origin)
    checkpoint, note = _checkpoint(folder, signer)
    kept = _tail(folder)
    if kept.first + len(kept.entries) < checkpoint.size:
        end = kept.first + len(kept.entries)
        raise damaged(folder, f"its checkpoint covers {checkpoint.size} entries, the tail ends after {end}")
    public = folder / ledger.PUBLIC_FOLDER
    found = ledger.Ledger(folder, signer, disk, resume(loader(folder, public), kept.first))
    found.adopt(kept.entries)
    if tree.root(checkpoint.size, found.view().at) != checkpoint.root:
        raise damaged(folder, f"its {checkpoint.size} entries do not lead to the root that was signed")
    found.published, found.note = checkpoint, note
    found.rewrite_tail(kept.first)
    return found


def _signer(folder: Path, origin: str) -> notes.Signer:
    path = folder / ledger.KEY_FILE
    try:
        signer = notes.signer_of(path.read_text(encoding="ascii"))
    except (NoteError, UnicodeDecodeError) as error:
        raise damaged(folder, f"{path} holds no key: {error}", f"restore {path}") from error
    if signer.name != origin:
        message = f"the audit log in {folder} is {signer.name}, and this gateway's would be {origin}"
        hint = f"set the site back; or move all of {folder} away for a log of another site"
        raise PaifangError(message, hint, code="audit-damaged", exit_code=EXIT_RESOURCE)
    return signer


def _checkpoint(folder: Path, signer: notes.Signer) -> tuple[Checkpoint, str]:
    path = folder / ledger.PUBLIC_FOLDER / tiles.CHECKPOINT
    try:
        data = path.read_bytes()
        return checkpoints.verify(data, signer.verifier), data.decode()
    except FileNotFoundError as error:
        raise damaged(folder, f"{path} is missing") from error
    except NoteError as error:
        raise damaged(folder, f"{path}: {error}") from error


def _tail(folder: Path) -> tail.Tail:
    path = folder / ledger.TAIL_FILE
    try:
        found = tail.read(path.read_bytes())
    except FileNotFoundError as error:
        raise damaged(folder, f"{path} is missing") from error
    except DamagedTailError as error:
        raise damaged(folder, f"{path}: {error}") from error
    if found.first % tiles.WIDTH:
        raise damaged(folder, f"{path} begins inside a bundle")
    return found
