"""The tables, and the check that a file is ours and of this version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.errors import resource_error

if TYPE_CHECKING:
    from paifang.store.sql import Connection

VERSION = 3
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

-- One row a boot of a node: which record numbers are settled (high, bitmap; those of the backlog lane beside them), how
-- many of them are stored and how many the node declared lost, and what the boot was. offset_ms + uptime = UTC;
-- uptime_ms is the greatest uptime that it has told.
CREATE TABLE boots(
    node TEXT NOT NULL, boot INTEGER NOT NULL, high INTEGER NOT NULL, bitmap INTEGER NOT NULL,
    stored INTEGER NOT NULL, lost INTEGER NOT NULL, description BLOB, firmware TEXT, reset_cause INTEGER,
    offset_ms INTEGER, uptime_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL,
    backlog_high INTEGER NOT NULL DEFAULT 0, backlog_bitmap INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (node, boot)
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

_SINKS = """
-- A sink is a place in the records: what is up to `live` is confirmed by the far side, or dropped, or in `backlogs`,
-- the ranges of seq that are sent behind what is new. A sink that is not in the settings (present = 0) keeps its place
-- and holds nothing back.
CREATE TABLE sinks(
    name TEXT PRIMARY KEY, began_ms INTEGER NOT NULL, live INTEGER NOT NULL, paused INTEGER NOT NULL DEFAULT 0,
    present INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
CREATE TABLE backlogs(
    id INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, next INTEGER NOT NULL, last INTEGER NOT NULL
) STRICT;

-- What a sink owes of a node: all that was ever stored of it, and `extra`, which takes off what was before the sink
-- began and adds what was replayed. It is delivered, dropped for a reason, or still to come.
CREATE TABLE sink_nodes(
    sink TEXT NOT NULL, node TEXT NOT NULL, extra INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sink, node)
) STRICT, WITHOUT ROWID;
CREATE TABLE sink_drops(
    sink TEXT NOT NULL, node TEXT NOT NULL, reason TEXT NOT NULL, dropped INTEGER NOT NULL,
    PRIMARY KEY (sink, node, reason)
) STRICT, WITHOUT ROWID;

-- Records that retention has deleted. Those up to the fact retired-to are gone.
CREATE TABLE retired(node TEXT PRIMARY KEY, records INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

_ROLLUPS = """
CREATE TABLE series(
    id INTEGER PRIMARY KEY, node TEXT NOT NULL, point TEXT NOT NULL, unit TEXT NOT NULL, scale INTEGER NOT NULL,
    UNIQUE (node, point, unit, scale)
) STRICT;
-- span_min 1, 15 or 60; start in such spans since 1970, UTC; figures in wire integers.
CREATE TABLE rollups(
    series INTEGER NOT NULL, span_min INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL,
    sum INTEGER NOT NULL, least INTEGER NOT NULL, greatest INTEGER NOT NULL, last INTEGER NOT NULL,
    last_ms INTEGER NOT NULL, PRIMARY KEY (series, span_min, start)
) STRICT, WITHOUT ROWID;
"""

_BLOCKS = """
-- Old records, packed: each row some of one node, boot and lane (store/blocks.py). Those of one window have the same
-- `upto`, the seq up to which all records are packed; one beyond the fact packed-to is not finished. Times are those of
-- reception, and of UTC where all of them have one. `events` are how many of `count` are no reports.
CREATE TABLE blocks(
    id INTEGER PRIMARY KEY, upto INTEGER NOT NULL, node TEXT NOT NULL, boot INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, first_utc_ms INTEGER, last_utc_ms INTEGER,
    count INTEGER NOT NULL, events INTEGER NOT NULL, data BLOB NOT NULL
) STRICT;
-- With all that is asked of many blocks at once: a row fills a page, nearly.
CREATE INDEX blocks_of_window ON blocks(upto, node, count, first_seq, last_seq, first_ms, last_ms);
CREATE INDEX blocks_of_node ON blocks(node, boot, first, last, upto);
"""

TABLES = _NODES + _RECORDS + _COMMANDS + _SINKS + _ROLLUPS + _BLOCKS

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

_TO_3 = """
ALTER TABLE boots ADD COLUMN backlog_high INTEGER NOT NULL DEFAULT 0;
ALTER TABLE boots ADD COLUMN backlog_bitmap INTEGER NOT NULL DEFAULT 0;
"""

MIGRATIONS = {1: _TO_2 + _COMMANDS + _COMMANDS_TO_2, 2: _TO_3 + _SINKS + _ROLLUPS + _BLOCKS}
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
