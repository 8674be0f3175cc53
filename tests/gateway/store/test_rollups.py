"""Rollups hold what the records say, however late these come, and nothing counts twice."""

from __future__ import annotations

import random
from functools import partial

import pytest
from reports import START_MS, Reports, table

from paifang.store import Store, facts, rollups
from paifang_wire import messages

MINUTE_MS = 60_000
_ROWS = (
    "SELECT node, point, span_min, start, count, sum, least, greatest, last FROM rollups JOIN series ON id = series "
    "ORDER BY node, point, span_min, start"
)


@pytest.fixture
async def store(tmp_path):
    opened = Store(tmp_path / "paifang.db", settled=lambda _: None)
    await opened.open()
    yield opened
    await opened.close()


async def roll(store):
    await store.flush()
    while (folded := await store.read(lambda connection: rollups.fold(connection, table))) is not None:
        await store.written(partial(rollups.write, folded=folded))


async def rows(store):
    return await store.read(lambda connection: connection.execute(_ROWS).fetchall())


async def test_they_say_what_a_plain_sum_says(store, monkeypatch):
    monkeypatch.setattr(rollups, "PAGE_RECORDS", 7)
    chance = random.Random(1)
    reports = Reports(store)
    made = []
    for _ in range(300):
        node, utc_ms = chance.choice(("aq-1", "aq-2")), START_MS + chance.randrange(3 * 60 * MINUTE_MS)
        value = chance.randrange(10_000)
        reports.add(node, {1: value}, utc_ms=utc_ms)
        made.append((utc_ms, node, value))
        if chance.random() < 0.05:
            await roll(store)
    await roll(store)
    expected = {}
    for utc_ms, node, value in sorted(made, key=lambda each: each[0]):
        for span in rollups.SPANS_MIN:
            expected.setdefault((node, "pm25", span, utc_ms // (span * MINUTE_MS)), []).append(value)
    found = {row[:4]: row[4:] for row in await rows(store)}
    assert found == {key: (len(each), sum(each), min(each), max(each), each[-1]) for key, each in expected.items()}


async def test_what_cannot_count_is_left_out(store):
    reports = Reports(store)
    reports.add(values={1: 5, 2: None, 3: 1}, quality={2: messages.FAULT})
    reports.add(values={1: 9_000}, quality={1: messages.IMPLAUSIBLE})
    reports.add(values={1: rollups.GREATEST + 1})
    reports.add(values={1: 7}, quality={1: messages.INDICATIVE})
    await roll(store)
    minutes = [row for row in await rows(store) if row[2] == 1]
    assert [(row[1], *row[4:]) for row in minutes] == [("door", 1, 1, 1, 1, 1), ("pm25", 2, 12, 5, 7, 7)]


async def test_a_page_that_is_written_twice_counts_once(store):
    reports = Reports(store)
    reports.add(values={1: 5})
    await store.flush()
    folded = await store.read(lambda connection: rollups.fold(connection, table))
    for _ in range(2):
        await store.written(partial(rollups.write, folded=folded))
    assert [row[4] for row in await rows(store)] == [1, 1, 1]
    assert await store.read(lambda connection: facts.get(connection, facts.ROLLED_TO)) == 1


async def test_what_is_too_old_for_its_span_goes(store):
    reports = Reports(store)
    reports.add(values={1: 5})
    await roll(store)
    now_min = START_MS // MINUTE_MS
    await store.written(partial(rollups.prune, now_min=now_min + 8 * 24 * 60, squeezed=1.0))
    assert [row[2] for row in await rows(store)] == [15, 60]
    await store.written(partial(rollups.prune, now_min=now_min + 401 * 24 * 60, squeezed=1.0))
    assert [row[2] for row in await rows(store)] == [60]


async def test_they_keep_to_their_share_of_the_disk(store):
    reports = Reports(store)
    for hour in range(100):
        reports.add(values={1: 5}, utc_ms=START_MS + hour * 60 * MINUTE_MS)
    await roll(store)
    count = len(await rows(store))
    assert await store.read(lambda connection: rollups.squeeze(connection, 1 << 40)) == 1
    squeezed = await store.read(
        lambda connection: rollups.squeeze(connection, rollups.BUDGET_SHARE * rollups.ROW_BYTES * count // 2)
    )
    assert squeezed == pytest.approx(0.5, abs=0.01)
    newest_min = START_MS // MINUTE_MS + 99 * 60
    await store.written(partial(rollups.prune, now_min=newest_min, squeezed=squeezed))
    assert sum(row[2] == 1 for row in await rows(store)) == 7 * 24 // 2 + 1
