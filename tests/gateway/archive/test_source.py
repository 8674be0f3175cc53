"""What is read out of a store's file, while somebody writes it or nobody does."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stored import START_MS, boot_row, enrol, fill, report

from paifang.archive import source
from paifang.archive.source import Tally, Wanted, opened, readings
from paifang.errors import PaifangError
from paifang.store import database


@pytest.fixture
def path(tmp_path):
    return tmp_path / "paifang.db"


def found(path, **wanted):
    tally = Tally()
    with opened(path) as connection:
        return list(readings(connection, Wanted(**wanted), tally)), tally


def test_values_qualities_and_times_are_those_of_the_node(path):
    fill(path, [report(1, {1: -2150, 2: None, 3: 5, 4: 1}, quality={2: 5})])
    got, tally = found(path)
    assert [(each.point, each.value, each.unit, each.quality) for each in got] == [
        ("temperature", Decimal("-21.50"), "°C", "good"),
        ("pm25", None, "µg/m3", "mute"),
        ("energy", Decimal(5000), "Wh", "good"),
        ("relay", True, "", "good"),
    ]
    assert {(each.node, each.record, each.utc_ms, each.uptime_ms) for each in got} == {
        ("aq-1", "1.1", START_MS + 1_000, 1_000)
    }
    assert tally == Tally(readings=4)


def test_a_boot_that_was_dated_later_dates_its_records(path):
    fill(
        path,
        [report(1, {2: 1}, utc_ms=None), report(1, {2: 1}, boot=2, utc_ms=None)],
        [boot_row(offset_ms=500), boot_row(boot=2)],
    )
    got, _ = found(path)
    assert [each.utc_ms for each in got] == [1_500, None]


@pytest.mark.parametrize("node", ["aq-1", None])
def test_pages_follow_one_another_without_a_gap(path, monkeypatch, node):
    monkeypatch.setattr(source, "PAGE_RECORDS", 7)
    numbers = [number for number in range(1, 50) if number % 5]
    fill(path, [report(number, {2: number}) for number in reversed(numbers)])
    got, _ = found(path, node=node)
    assert [each.value for each in got] == (numbers if node else numbers[::-1])


def test_only_what_is_asked_for(path):
    fill(
        path,
        [report(number, {1: number, 2: number}, node=node) for number in range(1, 6) for node in ("aq-1", "aq-2")],
        [boot_row(), boot_row("aq-2")],
    )
    got, tally = found(path, node="aq-2", point="pm25", since_ms=START_MS + 2_000, until_ms=START_MS + 4_000)
    assert [(each.node, each.point, each.value) for each in got] == [("aq-2", "pm25", 2), ("aq-2", "pm25", 3)]
    assert tally.readings == 2
    assert len(found(path, point="1")[0]) == 10


def test_what_has_no_time_is_counted_when_times_are_asked_for(path):
    fill(path, [report(1, {2: 1}), report(2, {2: 1}, utc_ms=None)])
    got, tally = found(path, since_ms=0)
    assert (len(got), tally.undated) == (1, 1)


def test_a_damaged_record_is_counted_and_the_others_come(path):
    fill(
        path,
        [report(1, {2: 1}), report(2, {2: 1}, body=b"\x87\x03"), report(3, {2: 1}, body=b"\x80"), report(4, {2: 4})],
    )
    got, tally = found(path)
    assert [each.value for each in got] == [1, 4]
    assert tally == Tally(readings=2, unreadable=2)


def test_what_stands_before_a_damaged_page_comes_and_all_of_a_node_that_it_spares(path):
    records = [report(number, {2: number}, node=node) for node in ("aq-1", "aq-2") for number in range(1, 1_501)]
    fill(path, records, [boot_row(), boot_row("aq-2")])
    data = bytearray(path.read_bytes())
    leaves = [at for at in range(0, len(data), 4096) if data[at] == 0x0D and data.find(b"aq-1", at, at + 4096) > 0]
    data[leaves[12] : leaves[12] + 4096] = bytes(4096)
    path.write_bytes(data)
    got = []
    with pytest.raises(PaifangError, match="is damaged"), opened(path) as connection:
        got.extend(readings(connection, Wanted(), Tally()))
    assert 100 < len(got) < 1_500
    assert [each.value for each in got] == list(range(1, len(got) + 1))
    assert len(found(path, node="aq-2")[0]) == 1_500


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"node": "aq-9"}, "nothing is stored of a node aq-9"),
        ({"node": "aq-1", "point": "pm2"}, "no point 'pm2' on aq-1"),
    ],
)
def test_a_name_that_is_not_there_is_told_before_anything_is_written(path, wanted, said):
    fill(path, [report(1, {2: 1})])
    with opened(path) as connection, pytest.raises(PaifangError, match=said):
        readings(connection, Wanted(**wanted), Tally())


def test_a_node_that_has_never_come_has_no_readings(path):
    enrol(path)
    assert found(path, node="aq-1")[0] == []


@pytest.mark.parametrize("content", [None, b"this is no database, but long enough to have a header" * 40])
def test_what_is_no_store_is_told(path, content):
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PaifangError) as raised, opened(path):
        pass
    assert str(path) in raised.value.message
    assert raised.value.hint


def test_a_gateway_that_writes_is_not_held_up_and_not_waited_for(path):
    """What is not yet in the file itself comes too, and the writer can begin its log anew between two pages."""
    writer = database.connect(path)
    fill(path, [report(number, {2: number}) for number in range(1, 2_502)])
    with opened(path) as connection:
        stream = readings(connection, Wanted(), Tally())
        assert next(stream).value == 1
        row = report(2_600, {2: 9})
        writer.execute(f"INSERT INTO records VALUES (NULL,{','.join('?' * 8)})", row)
        assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        rest = list(stream)
    assert len(rest) == 2_500
    assert rest[-1].value == 2_501
    assert len(found(path)[0]) == 2_502
    writer.close()


def test_the_file_is_not_written(path):
    fill(path, [report(1, {2: 1})])
    before = path.read_bytes()
    with opened(path) as connection, pytest.raises(Exception, match="readonly"):
        connection.execute("DELETE FROM records")
    assert path.read_bytes() == before


def test_as_many_as_another_reader_counts(path):
    fill(path, [report(number, {1: number, 2: number}) for number in range(1, 301)])
    with closing(sqlite3.connect(path)) as other:  # the interpreter's own SQLite, another one than the gateway's
        [counted] = other.execute("SELECT count(*) FROM records").fetchone()
    assert len(found(path)[0]) == 2 * counted
