"""A backup put into a data folder, in two halves with one rename between them.

First all of it is made and checked in `restoring/`; whatever ends that leaves the folder as it was. Then this is
renamed `restored/`, and from there on it is carried out, by whoever comes next if this process is killed: a gateway
does that before it starts. So there is never half of it.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import apsw

from paifang.archive import backup, log_copy
from paifang.archive.placing import sync_folder
from paifang.config.folder import lock
from paifang.config.places import AUDIT_FOLDER, STORE_FILE
from paifang.errors import EXIT_USAGE, PaifangError, resource_error
from paifang.store import database, health, schema

if TYPE_CHECKING:
    from pathlib import Path

    from paifang.archive.backup import About

STAGE = "restoring"
READY = "restored"
ASIDE = "aside-"
"""Begins the name of the folder into which a store is moved that was there before; its time in ms follows."""
_STORE_FILES = (STORE_FILE, f"{STORE_FILE}-wal", f"{STORE_FILE}-shm")


@dataclass(frozen=True, slots=True)
class Restored:
    """`aside` is where the store is that was there before; `log` says whether the log came out of the backup."""

    about: About
    aside: Path | None
    log: bool


def restore(file: Path, folder: Path, now_ms: int, *, aside: bool = False) -> Restored:
    """Make the backup `file` the store of `folder`, and its log the log there unless there is one.

    A store that is there is moved aside if that is allowed, and else is a reason to refuse. Raises PaifangError, also
    while a gateway runs there.
    """
    held = lock(folder)
    try:
        finish(folder)
        _check_free(file, folder, aside=aside)
        about = _stage(file, folder, now_ms)
        with_log = about.has_log and not log_copy.exists(folder / AUDIT_FOLDER)
        _rename(folder / STAGE, folder / READY)
        finish(folder)
    except OSError as error:
        raise _refused(folder, error) from error
    finally:
        os.close(held)
    moved = folder / f"{ASIDE}{now_ms}"
    return Restored(about, moved if moved.exists() else None, with_log)


def finish(folder: Path) -> bool:
    """Carry out what was made ready in `folder`, wherever it was broken off; False when nothing was. For who holds it.

    Raises PaifangError.
    """
    ready = folder / READY
    if not ready.exists():
        return False
    try:
        _carry_out(folder, ready)
    except OSError as error:
        raise _refused(folder, error) from error
    return True


def _carry_out(folder: Path, ready: Path) -> None:
    """Every step may have been done before. An old write-ahead log is gone before the new store has its name."""
    aside = next(ready.glob(f"{ASIDE}*"), None)
    if aside is not None and (ready / STORE_FILE).exists():
        for name in _STORE_FILES:
            if (folder / name).exists():
                (folder / name).rename(aside / name)
        if (ready / AUDIT_FOLDER).exists() and not log_copy.exists(folder / AUDIT_FOLDER):
            (ready / AUDIT_FOLDER).rename(folder / AUDIT_FOLDER)
        sync_folder(folder)
        _rename(ready / STORE_FILE, folder / STORE_FILE)
    if aside is not None and any(aside.iterdir()):
        _rename(aside, folder / aside.name)
    shutil.rmtree(ready)
    sync_folder(folder)


def _check_free(file: Path, folder: Path, *, aside: bool) -> None:
    if any((folder / name).exists() for name in _STORE_FILES) and not aside:
        raise PaifangError(
            f"there is a store in {folder}",
            f"`paifang restore {file} --aside` moves it away first; or choose another folder with --data",
            exit_code=EXIT_USAGE,
        )


def _stage(file: Path, folder: Path, now_ms: int) -> About:
    """All of the backup in STAGE, on the disk and checked; after an error nothing is left of it."""
    stage = folder / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    try:
        (stage / f"{ASIDE}{now_ms}").mkdir(parents=True, mode=0o700)
        about = backup.check(file)
        _stage_log(file, folder, stage / AUDIT_FOLDER)
        _stage_store(file, stage / STORE_FILE)
        _sync_all(stage)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    return about


def _stage_log(file: Path, folder: Path, staged: Path) -> None:
    """The log of the backup, checked; one that is there already must be the same, because it is what stays."""
    with backup.opened(file) as connection:
        for path, data in connection.execute("SELECT path, data FROM backup_log"):
            log_copy.put(staged, path, data)
    if not staged.exists():
        return
    log_copy.check(staged)
    there = folder / AUDIT_FOLDER
    if log_copy.exists(there) and _key(there) != _key(staged):
        message = f"the audit log in {there} is another one than that of {file}"
        raise PaifangError(message, f"move {there} away, and keep it", exit_code=EXIT_USAGE)


def _key(log: Path) -> bytes | None:
    path = log / log_copy.PUBLIC_KEY
    return path.read_bytes().strip() if path.exists() else None


def _stage_store(file: Path, path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, backup.PRIVATE))
    with backup.opened(file) as connection:
        backup.copy_pages(connection, path)
    with backup.written(path, schema.APPLICATION_ID) as target:
        for table in backup.OWN_TABLES:
            target.execute(f"DROP TABLE {table}")
    try:
        connection = database.connect(path)
        found = health.findings(connection)
        connection.pragma("journal_mode", "delete")
        connection.close()
    except apsw.Error as error:
        raise database.explain(error, str(path)) from error
    if found:
        raise resource_error(f"what was restored is damaged: {found[0]}", "check the disk; nothing was changed")


def _sync_all(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            sync_folder(path)
        else:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(file)
            finally:
                os.close(file)


def _rename(old: Path, new: Path) -> None:
    """And have it on the disk."""
    old.rename(new)
    sync_folder(new.parent)


def _refused(folder: Path, error: OSError) -> PaifangError:
    hint = "free some space, or check the disk and the folder's owner; then do it again"
    return resource_error(f"{error.filename or folder} cannot be written: {error.strerror or error}", hint)
