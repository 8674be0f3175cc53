"""Opening the file, and saying in words what SQLite says in codes."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, cast

import apsw

from paifang.errors import PaifangError, resource_error
from paifang.store import health, schema

if TYPE_CHECKING:
    from pathlib import Path

    from paifang.store.sql import Connection

BUSY_TIMEOUT_MS = 5_000
WAL_PAGES = 4_000
"""Pages in the write-ahead log before it is copied back: 16 MB."""

_CAUSES: tuple[tuple[type[apsw.Error], str, str], ...] = (
    (apsw.FullError, "no space is left for {path}", "free some space on that disk; nothing acknowledged is lost"),
    (apsw.ReadOnlyError, "{path} cannot be written", "check the owner and mode of the data folder, and the mount"),
    (apsw.PermissionsError, "{path} cannot be written", "check the owner and mode of the data folder"),
    (apsw.CantOpenError, "{path} cannot be opened", "check that the data folder exists and can be written"),
    (apsw.CorruptError, "{path} is damaged", health.RESTORE_HINT),
    (apsw.NotADBError, "{path} is not a database", health.RESTORE_HINT),
    (apsw.BusyError, "{path} is in use by another process", "end the other process; one gateway a data folder"),
    (apsw.LockedError, "{path} is in use by another process", "end the other process; one gateway a data folder"),
    (apsw.IOError, "{path} cannot be read or written", "check the disk; the system log may say more"),
)

STORAGE_FAULTS: tuple[type[apsw.Error], ...] = tuple(cause for cause, _, _ in _CAUSES)
"""Faults of the disk, as opposed to faults of a statement."""


def explain(error: Exception, path: str) -> PaifangError:
    """The PaifangError of what SQLite raised for the file `path`."""
    for cause, message, hint in _CAUSES:
        if isinstance(error, cause):
            return resource_error(f"{message.format(path=path)}: {error}", hint)
    hint = "this is a fault of the gateway: please report it"
    return resource_error(f"{path}: {type(error).__name__}: {error}", hint)


def connect(path: Path, *, vfs: str | None = None, synchronous: str = "FULL") -> Connection:
    """Open (or create) the store at `path`. Raises PaifangError (exit code 4) with the cause."""
    _create_private(path)
    try:
        connection = cast("Connection", apsw.Connection(str(path), vfs=vfs))
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", synchronous)
        connection.wal_autocheckpoint(WAL_PAGES)
        schema.prepare(connection, str(path))
    except apsw.Error as error:
        raise explain(error, str(path)) from error
    return connection


def _create_private(path: Path) -> None:
    """Node keys are in there: a new file is its owner's alone, and SQLite gives its log the same mode."""
    with contextlib.suppress(OSError):  # what is wrong with the path, SQLite will tell
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def close(connection: Connection) -> None:
    """Close, whatever state the disk is in: what is synced stays in the log and is found there again."""
    with contextlib.suppress(apsw.Error):
        connection.close(force=True)
