"""Packed records are the same to whoever reads them; nothing is packed that somebody waits for, and nothing is lost."""

from __future__ import annotations

import random
from functools import partial

import pytest
from reports import START_MS, TABLE, Reports, pack, table

from paifang.archive import source
from paifang.archive.source import Tally
from paifang.store import Store, cursors, history, hours, packed, packing, registry, retention, rollups, upkeep
from paifang.store.balance import balance
from paifang.store.points import description_hash
from paifang_wire import cbor, messages

END = (1 << 63) - 1
MINUTE_MS = 60_000
FOREVER = retention.Limits(1 << 60, 1 << 60)
ENCODED = cbor.encode(TABLE.rows)


@pytest.fixture
async def store(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "BLOCK_RECORDS", 20)
    monkeypatch.setattr(packing, "SWEEP_RECORDS", 30)
    monkeypatch.setattr(upkeep, "REST_S", 0)
    opened = Store(tmp_path / "paifang.db", settled=lambda _: None)
    await opened.open()
    registry.keep_description(opened, description_hash(ENCODED), ENCODED)
    yield opened
    await opened.close()


@pytest.fixture
def reports(store):
    return Reports(store)


async def mixed(reports: Reports, count: int = 400, seed: int = 1) -> None:
    """Nodes of two boots and two lanes, events, numbers out of order, what has no time, and what is no message."""
    chance = random.Random(seed)
    store = reports.store
    for _ in range(count):
        node, boot = chance.choice(("aq-1", "aq-2", "aq-3")), 1 + (chance.random() < len(reports.made) / count)
        known = store.boot(node, boot)
        known.description, known.offset_ms = description_hash(ENCODED), START_MS - 7
        lane = known.marks if chance.random() < 0.8 else known.backlog
        number = lane.high + chance.randint(1, 3)
        while lane.holds(number):
            number += 1
        uptime_ms, made_ms = 1_000 * (number % messages.BACKLOG), reports.clock_ms - 10
        utc_ms = chance.choice((made_ms, made_ms, made_ms, None))
        values = {point: chance.choice((chance.randrange(900), None)) for point in chance.sample((1, 2), 2)}
        body = cbor.encode([messages.REPORT, boot, number, uptime_ms, utc_ms, values, {1: chance.choice((3, 8))}])
        kind = messages.REPORT
        if chance.random() < 0.1:
            kind, body = messages.EVENT, messages.encode([messages.EVENT, boot, number, uptime_ms, utc_ms, 4, 1, ""])
        store.add(known, (node, boot, number, kind, uptime_ms, utc_ms, reports.clock_ms, body))
        reports.made.append((node, boot, number))
        reports.clock_ms += chance.choice((1_000, MINUTE_MS))
    await store.flush()
    await rolled(store)


async def rolled(store: Store) -> None:
    while (folded := await store.read(partial(rollups.fold, table=table))) is not None:
        await store.written(partial(rollups.write, folded=folded))


async def of_table(store: Store) -> int:
    return await store.read(lambda connection: connection.execute("SELECT count(*) FROM records").get)


def exported(store: Store, **wanted):
    tally = Tally()
    with source.opened(store.path) as connection:
        return list(source.readings(connection, source.Wanted(**wanted), tally)), tally


def asked(connection, wanted: history.Wanted, kind: int):
    one = partial(history.readings, table=table) if kind == messages.REPORT else lambda row: [history.event(row, table)]
    return history.records(connection, kind, wanted, one)


async def answers(store: Store, clock_ms: int) -> list[object]:
    """What everybody who reads records is told."""
    read = store.read
    found: list[object] = [await read(partial(cursors.page, after=0, last=END, limit=10_000))]
    found += [await read(partial(cursors.page, after=after, last=after + 90, limit=11)) for after in range(0, 400, 7)]
    found += [await read(partial(cursors.counts, low=low, high=low + 33)) for low in range(0, 400, 9)]
    spans = [(START_MS + at * MINUTE_MS, START_MS + 2 * at * MINUTE_MS) for at in range(0, 200, 9)]
    found += [await read(partial(cursors.span, since_ms=since, until_ms=until)) for since, until in spans]
    for kind in (messages.REPORT, messages.EVENT):
        point = "humidity" if kind == messages.REPORT else None
        found += [
            await read(partial(asked, wanted=history.Wanted(None, point, limit), kind=kind)) for limit in (3, 900)
        ]
        # Those of a node come by number, lane by lane, from the table, and window by window from blocks.
        of_node = await read(partial(asked, wanted=history.Wanted("aq-1", point, 900), kind=kind))
        found.append(sorted(of_node, key=repr))
    for node in ("aq-1", None):
        found.append(exported(store, node=node))
        found.append(exported(store, node=node, since_ms=START_MS + 20 * MINUTE_MS, until_ms=START_MS + 50 * MINUTE_MS))
    found.append(await read(lambda connection: hours.hourly(connection, "aq-1", ("pm25",), clock_ms, 4, table)))
    told = await read(balance)
    assert told.problems == []
    return [*found, told.nodes]


async def test_all_is_told_as_before_at_every_stage(store, reports, monkeypatch):
    monkeypatch.setattr(source, "PAGE_RECORDS", 13)
    await mixed(reports)
    before = await answers(store, reports.clock_ms)
    assert len(before[0]) == 400
    stages = []

    async def looked(*_args, **_kwargs):
        stages.append(await of_table(store))
        if len(stages) % 9 == 1:
            found = await answers(store, reports.clock_ms)
            assert [each for each, old in zip(found, before, strict=True) if each != old] == []

    written = store.written

    async def and_look(job):
        result = await written(job)
        await looked()
        return result

    monkeypatch.setattr(store, "written", and_look)
    await pack(store, reports.clock_ms + packing.WAIT_MS + 10)
    assert await answers(store, reports.clock_ms) == before
    assert stages[0] == 400
    assert await of_table(store) == 1
    assert await store.read(packed.findings) == []
