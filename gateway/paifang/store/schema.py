"""The tables, and the check that a file is ours and of this version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.errors import resource_error

if TYPE_CHECKING:
    from paifang.store.sql import Connection

VERSION = 2
"""Kept in PRAGMA user_version."""
APPLICATION_ID = 0x50614661
"""Kept in PRAGMA application_id: "PaFa"."""

_NODES = """
-- next_key, of next_epoch, is believed beside key from the moment that next_record, the signed epoch change, is known
-- until the node has answered under it.
CREATE TABLE nodes(
    id TEXT PRIMARY KEY, key BLOB NOT NULL, epoch INTEGER NOT NULL, added_ms INTEGER NOT NULL,
    next_key BLOB, next_epoch INTEGER, next_record BLOB
) STRICT, WITHOUT ROWID;
"""

_COMMANDS = """
-- One row a command. `signed` is the order as it came, `approval` the second person's; a row without sent_ms waits for
-- that, until expires_ms. `entry` is the index of the log's entry that was synced before payload was sent. A row
-- without a verdict is open.
CREATE TABLE commands(
    id BLOB PRIMARY KEY, node TEXT NOT NULL, uid INTEGER, person TEXT NOT NULL, via TEXT NOT NULL,
    point INTEGER NOT NULL, op INTEGER NOT NULL, value INTEGER, description BLOB NOT NULL,
    signed BLOB, approval BLOB, approver TEXT, asked_ms INTEGER NOT NULL, expires_ms INTEGER,
    entry INTEGER, payload BLOB, sent_ms INTEGER,
    verdict INTEGER, reason INTEGER, receipt BLOB, ended_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX commands_open ON commands(asked_ms) WHERE verdict IS NULL;
CREATE INDEX commands_unlogged ON commands(asked_ms) WHERE entry IS NULL AND sent_ms IS NOT NULL;
CREATE INDEX commands_asked ON commands(asked_ms);

CREATE TABLE delegations(
    id BLOB PRIMARY KEY, signed BLOB NOT NULL, added_ms INTEGER NOT NULL, revoked_ms INTEGER
) STRICT, WITHOUT ROWID;

-- audit-settled: all commands whose entries stand before this index of the log have their verdict here and there.
CREATE TABLE facts(name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

_RECORDS = """
CREATE TABLE descriptions(hash BLOB PRIMARY KEY, points BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- One row a boot of a node: which record numbers are settled (high, bitmap), how many of them are stored and how many
-- the node declared lost, and what the boot was. offset_ms + uptime = UTC; uptime_ms is
-- the greatest uptime that it has told.
CREATE TABLE boots(
    node TEXT NOT NULL, boot INTEGER NOT NULL, high INTEGER NOT NULL, bitmap INTEGER NOT NULL,
    stored INTEGER NOT NULL, lost INTEGER NOT NULL, description BLOB, firmware TEXT, reset_cause INTEGER,
    offset_ms INTEGER, uptime_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, PRIMARY KEY (node, boot)
) STRICT, WITHOUT ROWID;

-- body is the record's payload as it was verified: the CBOR array of a report or an event.
CREATE TABLE records(
    seq INTEGER PRIMARY KEY, node TEXT NOT NULL, boot INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL,
    uptime_ms INTEGER NOT NULL, utc_ms INTEGER, received_ms INTEGER NOT NULL, body BLOB NOT NULL,
    UNIQUE (node, boot, number)
) STRICT;
CREATE INDEX events ON records(seq) WHERE kind = 4;

CREATE TABLE gaps(
    seq INTEGER PRIMARY KEY, node TEXT NOT NULL, boot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    reason INTEGER NOT NULL, lost INTEGER NOT NULL, received_ms INTEGER NOT NULL
) STRICT;
"""

TABLES = _NODES + _RECORDS + _COMMANDS

# Commands without a receipt were told to be unknown; nobody asks for theirs any more.
_TO_2 = """
ALTER TABLE nodes ADD COLUMN next_key BLOB;
ALTER TABLE nodes ADD COLUMN next_epoch INTEGER;
ALTER TABLE nodes ADD COLUMN next_record BLOB;
ALTER TABLE commands RENAME TO commands_1;
"""
_COMMANDS_TO_2 = """
INSERT INTO commands(id, node, uid, person, via, point, op, description, asked_ms, payload, sent_ms, verdict, receipt,
    ended_ms)
SELECT id, node, uid, 'uid ' || coalesce(uid, '?'), 'local', 0, 0, x'', sent_ms, payload, sent_ms,
    coalesce(verdict, 3), receipt, received_ms FROM commands_1;
DROP TABLE commands_1;
"""

MIGRATIONS = {1: _TO_2 + _COMMANDS + _COMMANDS_TO_2}
"""By the version they start from: what makes the next one of it, in one transaction."""


def prepare(connection: Connection, path: str) -> None:
    """Create the tables in a new file, or bring those of an older version up to date. Raises PaifangError."""
    version = connection.pragma("user_version")
    if version == VERSION:
        return
    if version in MIGRATIONS:
        _migrate(connection, version)
        return
    if version > VERSION:
        raise resource_error(
            f"{path} was written by a newer paifang (store version {version}, this one knows {VERSION})",
            "install that version again, or start with another data folder",
        )
    if connection.execute("SELECT count(*) FROM sqlite_schema").get:
        raise resource_error(f"{path} is a database of something else", "choose another data folder")
    with connection:
        connection.execute(TABLES)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", VERSION)


def _migrate(connection: Connection, version: int) -> None:
    with connection:
        for start in range(version, VERSION):
            connection.execute(MIGRATIONS[start])
        connection.pragma("user_version", VERSION)
