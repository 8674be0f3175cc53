"""A store of version 1 is brought up to date, with all that is in it; what breaks off leaves it as it was."""

from __future__ import annotations

import apsw
import pytest

from paifang.errors import PaifangError
from paifang.store import Store, commands, schema

VERSION_1 = """
CREATE TABLE nodes(
    id TEXT PRIMARY KEY, key BLOB NOT NULL, epoch INTEGER NOT NULL, added_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE descriptions(hash BLOB PRIMARY KEY, points BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE boots(
    node TEXT NOT NULL, boot INTEGER NOT NULL, high INTEGER NOT NULL, bitmap INTEGER NOT NULL,
    stored INTEGER NOT NULL, lost INTEGER NOT NULL, description BLOB, firmware TEXT, reset_cause INTEGER,
    offset_ms INTEGER, uptime_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, PRIMARY KEY (node, boot)
) STRICT, WITHOUT ROWID;
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
FILL = """
INSERT INTO nodes VALUES ('aq-1', zeroblob(32), 1, 5);
INSERT INTO records VALUES (1, 'aq-1', 1, 1, 3, 10, NULL, 20, x'80');
INSERT INTO commands VALUES (x'0000000000000001', 'aq-1', 1000, x'80', 30, 0, x'81', 40);
INSERT INTO commands VALUES (x'0000000000000002', 'aq-1', NULL, x'80', 50, NULL, NULL, NULL);
"""


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "paifang.db"
    connection = apsw.Connection(str(path))
    connection.execute(VERSION_1 + FILL)
    connection.pragma("application_id", schema.APPLICATION_ID)
    connection.pragma("user_version", 1)
    connection.close()
    return path


def shape(connection) -> list[tuple[str, str]]:
    """Columns of all tables, as they are and not as they were written."""
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return [(table, row[1], row[2]) for table in tables for row in connection.execute(f"PRAGMA table_info({table})")]


async def test_everything_is_still_there(old):
    store = Store(old, settled=lambda _: None)
    await store.open()
    node = store.registry.find("aq-1")
    assert (node.key, node.epoch, node.next_key) == (bytes(32), 1, None)
    first, second = await store.read(lambda connection: commands.newest(connection, 10))
    assert (first.node, first.uid, first.verdict, first.receipt, first.sent_ms) == ("aq-1", 1000, 0, b"\x81", 30)
    assert (second.uid, second.verdict) == (None, 3)
    assert await store.read(commands.unsettled) == []
    assert await store.read(commands.unlogged) == []
    assert await store.read(lambda connection: connection.execute("SELECT count(*) FROM records").get) == 1
    await store.close()


async def test_it_is_as_a_new_one(old, tmp_path):
    shapes = []
    for path in (old, tmp_path / "new.db"):
        store = Store(path, settled=lambda _: None)
        await store.open()
        shapes.append(shape(store._connection))
        assert store._connection.pragma("user_version") == schema.VERSION
        await store.close()
    assert shapes[0] == shapes[1]


async def test_one_that_breaks_off_leaves_it_as_it_was(old, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", {**schema.MIGRATIONS, 2: schema.MIGRATIONS[2] + "SELECT * FROM nothing;"})
    with pytest.raises(PaifangError):
        await Store(old, settled=lambda _: None).open()
    connection = apsw.Connection(str(old))
    assert connection.pragma("user_version") == 1
    assert connection.execute("SELECT count(*) FROM commands WHERE verdict IS NULL").get == 1
    connection.close()
