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
        uptime_ms, made_ms = reports.clock_ms - START_MS, reports.clock_ms - 10
        utc_ms = chance.choice((made_ms, made_ms, made_ms, None))
        values = {point: chance.choice((*chance.choices(range(900), k=3), None)) for point in chance.sample((1, 2), 2)}
        body = cbor.encode([messages.REPORT, boot, number, uptime_ms, utc_ms, values, {1: chance.choice((3, 8, 8, 8))}])
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
        # Those of a node come by number from the table, lanes merged, and block by block from blocks.
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
    assert any(each is not None for each in before[-2]["pm25"].means)
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


async def late(store: Store, reports: Reports) -> None:
    """All but the newest is due, and packed."""
    await rolled(store)
    await pack(store, reports.clock_ms + packing.WAIT_MS + 10)


async def test_only_what_is_old_and_passed_by_all_is_packed(store, reports):
    await reports.fill(200)
    await pack(store, START_MS + 100_000 + packing.WAIT_MS)
    assert await of_table(store) == 200, "not rolled up"
    await rolled(store)
    await pack(store, START_MS + 30_000)
    assert await of_table(store) == 200, "no full window"
    await store.written(partial(cursors.begin, sink="city", now_ms=1, from_start=True))
    await late(store, reports)
    assert await of_table(store) == 200, "a sink waits"
    await store.written(partial(cursors.keep_only, names=[]))
    await pack(store, START_MS + 100_001)
    assert await of_table(store) == 140, "a full window of three nodes; the next is not full"
    await late(store, reports)
    assert await of_table(store) == 1, "the newest stays"
    await store.written(partial(cursors.keep_only, names=["city"]))
    place = await store.read(partial(cursors.place, sink="city"))
    found = await store.read(partial(cursors.page, after=0, last=place.backlogs[0].last, limit=1_000))
    assert [row[0] for row in found] == list(range(1, 201)), "a sink that comes back finds all"


async def test_a_replay_finds_what_is_packed(store, reports):
    await store.written(partial(cursors.begin, sink="city", now_ms=1, from_start=False))
    await reports.fill(120)
    await store.written(partial(cursors.confirm, sink="city", stream=0, upto=120, delivered=[], dropped={}))
    await store.written(partial(cursors.keep_only, names=[]))
    await late(store, reports)
    assert await store.written(partial(cursors.replay, sink="city", first=31, last=90)) == 60
    assert await store.read(partial(cursors.pending, sink="city")) == [(31, 90), (121, 120)]


async def test_retention_takes_windows_first_and_counts_them(store, reports):
    await reports.fill(150)
    await late(store, reports)
    await store.written(partial(cursors.begin, sink="city", now_ms=1, from_start=True))
    await reports.fill(50)
    full = retention.Limits(1 << 60, 0)
    gone = [await store.written(partial(retention.retire, now_ms=0, limits=full)) for _ in range(5)]
    assert gone == [60, 60, 29, 50, 0]
    told = await store.read(balance)
    assert told.problems == []
    assert sum(each.retired for each in told.nodes) == 199
    assert sum(sum(each.dropped.values()) for each in told.sinks) == 199


async def test_a_window_goes_by_age_when_all_of_it_is_old(store, reports):
    await reports.fill(150)
    await late(store, reports)
    aged = retention.Limits(10_000, 1 << 60)
    retire = partial(retention.retire, limits=aged)
    assert await store.written(partial(retire, now_ms=START_MS + 69_000)) == 0
    assert await store.written(partial(retire, now_ms=START_MS + 69_001)) == 60
    assert await store.written(partial(retire, now_ms=START_MS + 69_001)) == 0
    assert (await store.read(balance)).problems == []
    assert [row[0] for row in await store.read(partial(cursors.page, after=0, last=END, limit=1))] == [61]
    await store.written(partial(cursors.begin, sink="city", now_ms=1, from_start=True))
    assert await store.written(partial(retire, now_ms=END)) == 0, "a sink waits for it"


async def test_a_window_that_is_not_finished_is_none_to_retention(store, reports):
    await reports.fill(61)
    await rolled(store)
    window = await store.read(partial(packing.plan, now_ms=END, pack_ms=1))
    filled = await store.read(partial(packing.fill, window=window, node="aq-1", boot=1, after=0))
    await store.written(partial(packing.write, window=window, filled=filled))
    aged = partial(retention.retire, now_ms=START_MS + 57_001, limits=retention.Limits(0, 1 << 60))
    assert await store.written(aged) == 58
    assert await store.written(aged) == 0


async def test_a_node_that_is_set_aside_keeps_its_packed_records(store, reports):
    await reports.fill(90)
    await late(store, reports)
    await store.written(partial(registry.set_aside, node="aq-2"))
    told = await store.read(partial(cursors.page, after=0, last=END, limit=100))
    assert {(row[1], row[2]) for row in told} == {("aq-1", 1), ("aq-2", 0), ("aq-3", 1)}
    assert len({(row[1], row[3]) for row in told}) == 90


@pytest.mark.parametrize("when", range(4))
@pytest.mark.parametrize("what", [partial(registry.set_aside, node="aq-2"), partial(retention.retire, now_ms=0)])
async def test_what_changes_in_the_meantime_is_not_packed_as_it_was(store, reports, when, what):
    await reports.fill(61)
    await rolled(store)
    job = what if what.func is registry.set_aside else partial(what, limits=retention.Limits(1 << 60, 0))
    window = await store.read(partial(packing.plan, now_ms=END, pack_ms=1))
    kept = []
    for turn, (node, boot) in enumerate(window.boots):
        filled = await store.read(partial(packing.fill, window=window, node=node, boot=boot, after=0))
        if turn == when:
            await store.written(job)
        kept.append(filled is not None and await store.written(partial(packing.write, window=window, filled=filled)))
    if when == len(window.boots):
        await store.written(job)
    finished = await store.written(partial(packing.finish, window=window))
    told = await store.read(balance)
    assert told.problems == []
    found = await store.read(partial(cursors.page, after=0, last=END, limit=100))
    assert sum(each.kept for each in told.nodes) == len(found)
    if what.func is registry.set_aside:
        assert len(found) == 61
        assert {row[2] for row in found if row[1] == "aq-2"} == {0}
        assert finished == all(kept) == (when > 1)
    else:
        assert len(found) == 1


async def test_what_broke_off_is_begun_anew(store, reports):
    await reports.fill(100)
    await rolled(store)
    window = await store.read(partial(packing.plan, now_ms=END, pack_ms=1))
    filled = await store.read(partial(packing.fill, window=window, node="aq-1", boot=1, after=0))
    await store.written(partial(packing.write, window=window, filled=filled))
    assert not await store.written(partial(packing.finish, window=window))
    await late(store, reports)
    found = await store.read(partial(cursors.page, after=0, last=END, limit=200))
    assert [row[0] for row in found] == list(range(1, 101))
    assert (await store.read(balance)).problems == []


async def test_a_damaged_block_is_counted_and_the_others_come(store, reports):
    await reports.fill(120)
    await late(store, reports)
    spoil = (
        "UPDATE blocks SET data = CAST(substr(data, 1, 50) || x'ffff' || substr(data, 53) AS BLOB) "
        "WHERE id = (SELECT min(id) FROM blocks WHERE node = 'aq-2')"
    )
    await store.written(lambda connection: connection.execute(spoil))
    for node, readings in ((None, 100), ("aq-2", 20)):
        found, tally = exported(store, node=node)
        assert (len(found), tally.unreadable, tally.undated) == (readings, 20, 0)
    [finding] = await store.read(packed.findings)
    assert "aq-2 1.1 to 1.20, 20 records: a damaged block" in finding
    assert len(await store.read(partial(asked, wanted=history.Wanted("aq-2", None, 100), kind=messages.REPORT))) == 20
    told = await store.read(partial(cursors.page, after=0, last=END, limit=1_000))
    assert sum(not row[8] for row in told) == 20
    assert (await store.read(balance)).problems == []


@pytest.mark.parametrize("node", [None, "aq-2"])
async def test_an_export_has_all_once_while_records_are_packed_and_retired(store, reports, monkeypatch, node):
    monkeypatch.setattr(source, "PAGE_RECORDS", 7)
    await reports.fill(300)
    await rolled(store)
    with source.opened(store.path) as connection:
        stream = source.readings(connection, source.Wanted(node=node), Tally())
        found = [next(stream) for _ in range(10)]
        await pack(store, START_MS + 150_000 + packing.WAIT_MS)
        found += [next(stream) for _ in range(50)]
        await reports.fill(9)
        await late(store, reports)
        found += list(stream)
    records = [(each.node, each.record) for each in found]
    expected = [(each, f"{boot}.{number}") for each, boot, number in reports.made[:300] if node in {None, each}]
    assert records == expected


async def test_times_are_asked_for_to_the_millisecond(store, reports):
    await reports.fill(200)
    await late(store, reports)
    for node in ("aq-1", None):
        every = [each.utc_ms for each in exported(store, node=node)[0]]
        for at in every[:80:3]:
            assert [each.utc_ms for each in exported(store, node=node, since_ms=at)[0]] == [
                ms for ms in every if ms >= at
            ]
            assert [each.utc_ms for each in exported(store, node=node, until_ms=at)[0]] == [
                ms for ms in every if ms < at
            ]


async def test_the_latest_values_of_a_node_are_found_in_blocks(store, reports):
    reports.add("aq-1", {1: 5, 2: 7})
    await reports.fill(60)
    before = await store.read(lambda connection: history.latest(connection, "aq-1", table))
    await late(store, reports)
    assert await of_table(store) == 1
    assert await store.read(lambda connection: history.latest(connection, "aq-1", table)) == before
    assert [item["point"] for item in before.values()] == ["pm25", "humidity"]


async def test_what_is_told_late_is_not_the_latest(store, reports):
    reports.clock_ms += 90 * MINUTE_MS
    await reports.fill(40, nodes=1)
    known = store.boot("aq-1", 1)
    for at in range(1, 41):
        number, made_ms = messages.BACKLOG + at, START_MS + at
        body = messages.encode([messages.REPORT, 1, number, at, made_ms, {1: 9_999}, {}])
        store.add(known, ("aq-1", 1, number, messages.REPORT, at, made_ms, reports.clock_ms + at, body))
    await store.flush()
    latest = await store.read(lambda connection: history.latest(connection, "aq-1", table))
    assert latest[1]["record"] == "1.40"
    newest = await store.read(partial(asked, wanted=history.Wanted("aq-1", None, 60), kind=messages.REPORT))
    assert [item["record_number"] for item in newest[-40:]] == list(range(1, 41))
