"""A backup: one SQLite file that is the store as it was at one moment, with the audit log's files in a table beside.

Other tools read it as any database, and `PRAGMA integrity_check` covers all of it. The store is copied first and the
log after it, because the log leads: an entry is on the disk before the store knows of it.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

import apsw

from paifang.archive import log_copy, placing, seal, source
from paifang.errors import PaifangError, not_found, resource_error
from paifang.store import database, health, packed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from paifang.store.sql import Connection

APPLICATION_ID = 0x50614662
"""In PRAGMA application_id, in the place of the store's: "PaFb"."""
STEP_PAGES = 1_000
PRIVATE = 0o600

_TABLES = """
CREATE TABLE backup_about(name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE backup_rows(name TEXT PRIMARY KEY, rows INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE backup_log(path TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
"""
_SEAL = "seal"
OWN_TABLES = ("backup_about", "backup_rows", "backup_log")


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself: `made_ms` is the time from which on nothing is in it."""

    site: str
    made_ms: int
    has_log: bool
    records: int
    nodes: int


def write(store: Path, log: Path | None, file: Path, site: str, made_ms: int) -> About:
    """Make the backup `file` of a store that is in use or not, and of the log's folder. Raises PaifangError.

    It is there only once all of it has been read back and found whole; nothing is overwritten. The gateway is not held
    up: only its write-ahead log grows while this copies.
    """
    with placing.new_file(file, PRIVATE) as part:
        with source.opened(store) as connection:
            counts, records = _copy_store(connection, part)
        about = About(site, made_ms, log is not None, records, counts["nodes"])
        marked = seal.mark()
        with written(part, APPLICATION_ID) as target:
            target.execute(_TABLES)
            _insert(target, "backup_about", [*asdict(about).items(), (_SEAL, marked)])
            _insert(target, "backup_rows", counts.items())
            _insert(target, "backup_log", () if log is None else log_copy.files(log))
        seal.seal(part, marked)
        check(part)
    return about


def check(file: Path) -> About:
    """What the backup `file` says of itself. Raises PaifangError unless all of it is there and sound."""
    with opened(file) as connection:
        about, sealed = _about(connection, file)
        if not seal.is_sealed(file, sealed):
            raise _damaged(file, "it is not what was written")
        if found := health.findings(connection):
            raise _damaged(file, found[0])
        for name, rows in connection.execute("SELECT name, rows FROM backup_rows").fetchall():
            if rows != (counted := _rows(connection, name)):
                raise _damaged(file, f"{name} has {counted} rows instead of {rows}")
        return about


@contextlib.contextmanager
def opened(file: Path) -> Generator[Connection]:
    """A connection to a backup that cannot write it. Raises PaifangError when it is none."""
    if not file.is_file():
        raise not_found(f"there is no backup {file}", "`paifang backup` writes them")
    with source.opened(file) as connection:
        if connection.pragma("application_id") != APPLICATION_ID:
            raise resource_error(f"{file} is no backup", "a backup is what `paifang backup` writes")
        yield connection


def copy_pages(connection: Connection, path: Path) -> None:
    """Copy the database of `connection`, as it is in the transaction it is in, into the empty file `path`."""
    with _told(path), contextlib.closing(apsw.Connection(str(path))) as target:
        target.pragma("locking_mode", "exclusive")
        with target.backup("main", cast("apsw.Connection", connection), "main") as copying:
            while not copying.done:
                copying.step(STEP_PAGES)
        target.pragma("journal_mode", "delete")


@contextlib.contextmanager
def written(path: Path, application_id: int) -> Generator[Connection]:
    """One transaction on a database that nobody else has; that it is on the disk is the caller's to see to."""
    with _told(path):
        connection = cast("Connection", apsw.Connection(str(path)))
        try:
            connection.pragma("synchronous", "off")
            with connection:
                connection.pragma("application_id", application_id)
                yield connection
        finally:
            database.close(connection)


def _copy_store(connection: Connection, path: Path) -> tuple[dict[str, int], int]:
    """Returns how many rows each table has, and how many records there are, in blocks too."""
    connection.execute("BEGIN")
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()]
    counts = {name: _rows(connection, name) for name in tables if not name.startswith("sqlite_")}
    upto = packed.packed_to(connection)
    records = connection.execute("SELECT count(*) FROM records WHERE seq > ?", (upto,)).get
    if upto:
        records += packed.counts(connection, 0, upto).total()
    copy_pages(connection, path)
    connection.execute("COMMIT")
    return counts, records


@contextlib.contextmanager
def _told(path: Path) -> Generator[None]:
    try:
        yield
    except apsw.Error as error:
        raise database.explain(error, str(path)) from error


def _insert(connection: Connection, table: str, rows: Iterable[tuple[str, Any]]) -> None:
    for row in rows:
        connection.execute(f"INSERT INTO {table} VALUES (?,?)", row)  # noqa: S608 - our own names


def _rows(connection: Connection, table: str) -> int:
    return connection.execute(f'SELECT count(*) FROM "{table}"').get  # noqa: S608 - names of the file's own tables


def _about(connection: Connection, file: Path) -> tuple[About, bytes]:
    """And the seal."""
    told = dict(connection.execute("SELECT name, value FROM backup_about").fetchall())
    try:
        sealed, has_log = bytes(told.pop(_SEAL)), bool(told.pop("has_log"))
        return About(has_log=has_log, **told), sealed
    except (KeyError, TypeError) as error:
        raise _damaged(file, "it does not say what it is") from error


def _damaged(file: Path, what: str) -> PaifangError:
    return resource_error(f"the backup {file} is damaged: {what}", "use another one; keep this file to be looked at")
