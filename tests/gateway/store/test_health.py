"""A store that was not closed is looked through at the next start, and damage is told before anything is taken in."""

from __future__ import annotations

import shutil

import apsw
import pytest

from paifang.errors import EXIT_RESOURCE, PaifangError
from paifang.store import Store, database, health

PAGE_BYTES = 4096


@pytest.fixture
def path(tmp_path):
    """A store of some hundred pages as a killed gateway leaves it: with its write-ahead log."""
    made = tmp_path / "first" / "paifang.db"
    made.parent.mkdir()
    connection = database.connect(made)
    insert = "INSERT INTO records VALUES (?, 'aq-1', 1, ?, 3, 1, 1, 1, zeroblob(200))"
    with connection:
        for number in range(1, 3_001):
            connection.execute(insert, (number, number))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute(insert, (9_999, 9_999))
    path = tmp_path / "paifang.db"
    for end in ("", "-wal"):
        shutil.copy(f"{made}{end}", f"{path}{end}")
    connection.close()
    return path


async def opened(path):
    store = Store(path, settled=lambda _: None)
    await store.open()
    return store


def damage(path, page):
    data = bytearray(path.read_bytes())
    data[page * PAGE_BYTES : page * PAGE_BYTES + 64] = b"\xa5" * 64
    path.write_bytes(data)


async def test_a_sound_one_is_opened_with_all_that_was_committed(path, caplog):
    caplog.set_level("INFO")
    store = await opened(path)
    assert await store.read(lambda connection: connection.execute("SELECT count(*) FROM records").get) == 3_001
    await store.close()
    assert "was not closed, and is sound" in caplog.text


async def test_one_that_was_closed_is_not_looked_through(path, caplog):
    await (await opened(path)).close()
    caplog.set_level("INFO")
    caplog.clear()
    await (await opened(path)).close()
    assert caplog.text == ""


@pytest.mark.parametrize("page", [40, 90, 140])
async def test_a_damaged_page_is_told_at_the_start_with_the_command_that_helps(path, page):
    damage(path, page)
    with pytest.raises(PaifangError, match="is damaged") as raised:
        await opened(path)
    assert raised.value.exit_code == EXIT_RESOURCE
    assert "paifang restore BACKUP --aside" in raised.value.hint


async def test_the_look_ends_when_its_time_is_over_and_the_gateway_starts(path, caplog, monkeypatch):
    monkeypatch.setattr(health, "_STEPS", 10)
    connection = database.connect(path)
    assert health.check_start(connection, path, limit_s=0.0) is False
    assert "as far as 0 s reach" in caplog.text
    assert connection.execute("SELECT count(*) FROM records").get == 3_001
    assert health.check_start(connection, path) is True
    connection.close()


def test_an_index_that_misses_a_row_is_found_by_the_thorough_look(path):
    connection = database.connect(path)
    assert health.findings(connection) == []
    connection.close()
    spoil_index(path)
    connection = database.connect(path)
    assert any("missing from index" in each for each in health.findings(connection))
    connection.close()


def spoil_index(path):
    """As a fault of the disk would: a row that an index knows nothing of."""

    def apart(statement, values=()):
        connection = apsw.Connection(str(path))
        connection.pragma("writable_schema", "on")
        found = connection.execute(statement, values).fetchall()
        connection.close()
        return found

    (index,) = apart("SELECT * FROM sqlite_schema WHERE name = 'events'")
    apart("DELETE FROM sqlite_schema WHERE name = 'events'")
    apart("INSERT INTO records VALUES (10000, 'aq-1', 1, 10000, 4, 1, 1, 1, x'80')")
    apart("INSERT INTO sqlite_schema VALUES (?,?,?,?,?)", index)
