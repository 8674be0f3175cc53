"""Spans in CSV say what the rollups hold, exactly."""

from __future__ import annotations

import csv
import io

import pytest
from reports import START_MS, Reports, table

from paifang.archive import rolled, source
from paifang.errors import PaifangError
from paifang.notation.text import utc
from paifang.store import Store
from paifang.store.upkeep import Upkeep

QUARTER_MS = 900_000
FIRST_MS = -(-START_MS // QUARTER_MS) * QUARTER_MS


@pytest.fixture
async def file(tmp_path):
    """Two nodes; pm25 in tenths, every five minutes of an hour; one point of another kind."""
    store = Store(tmp_path / "paifang.db", settled=lambda _: None)
    await store.open()
    reports = Reports(store)
    for place in range(12):
        reports.add("aq-1", {1: 100 + place, 2: -250, 3: 1}, utc_ms=FIRST_MS + place * 300_000)
        reports.add("aq-2", {1: 7}, utc_ms=FIRST_MS + place * 300_000)
    await store.flush()
    await Upkeep(store, table, lambda: None, lambda: START_MS, print).roll()
    await store.close()
    return store.path


def rows(file, every_min, **wanted):
    tally = source.Tally()
    with source.opened(file) as connection:
        text = b"".join(rolled.written(connection, source.Wanted(**wanted), every_min, tally)).decode()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tally.readings == len(found)
    return found


async def test_a_quarter_is_summed_up_exactly(file):
    found = rows(file, 15, node="aq-1", point="pm25")
    assert [row["start"] for row in found] == [utc(FIRST_MS + place * QUARTER_MS) for place in range(4)]
    first = {name: found[0][name] for name in rolled.COLUMNS[3:]}
    assert first == {
        "count": "3",
        "mean": "10.1000",
        "least": "10.0",
        "greatest": "10.2",
        "last": "10.2",
        "unit": "ug/m3",
    }
    (humidity, *_) = rows(file, 15, node="aq-1", point="humidity")
    assert (humidity["mean"], humidity["least"]) == ("-2.50000", "-2.50")


async def test_only_spans_that_begin_in_the_time(file):
    found = rows(file, 15, point="pm25", since_ms=FIRST_MS + 1, until_ms=FIRST_MS + 2 * QUARTER_MS + 1)
    assert {row["node"] for row in found} == {"aq-1", "aq-2"}
    assert len(found) == 4
    assert len(rows(file, 1)) == 12 * 4


@pytest.mark.parametrize("every_ms", [60_001, 30_000, 86_400_000])
def test_other_spans_there_are_not(every_ms):
    with pytest.raises(PaifangError, match="1m, 15m and 1h"):
        rolled.span_min(every_ms)
