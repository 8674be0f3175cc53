"""The tables, and the check that a file is ours and of this version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.errors import resource_error

if TYPE_CHECKING:
    from paifang.store.sql import Connection

VERSION = 1
"""Kept in PRAGMA user_version."""
APPLICATION_ID = 0x50614661
"""Kept in PRAGMA application_id: "PaFa"."""

TABLES = """
CREATE TABLE nodes(
    id TEXT PRIMARY KEY, key BLOB NOT NULL, epoch INTEGER NOT NULL, added_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE TABLE commands(
    id BLOB PRIMARY KEY, node TEXT NOT NULL, uid INTEGER, payload BLOB NOT NULL, sent_ms INTEGER NOT NULL,
    verdict INTEGER, receipt BLOB, received_ms INTEGER
) STRICT, WITHOUT ROWID;
"""


def prepare(connection: Connection, path: str) -> None:
    """Create the tables in a new file, or check the version of an old one. Raises PaifangError."""
    version = connection.pragma("user_version")
    if version == VERSION:
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
