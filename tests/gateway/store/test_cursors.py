"""Places of sinks: whatever happens in whatever order, every record is delivered, dropped or waiting, once each."""

from __future__ import annotations

import random
from functools import partial

import pytest
from reports import Reports, pack

from paifang.errors import PaifangError
from paifang.store import Store, cursors, facts, packing, retention, upkeep
from paifang.store.balance import balance

SINKS = ("city", "bureau")


@pytest.fixture
async def store(tmp_path):
    opened = Store(tmp_path / "paifang.db", settled=lambda _: None)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def reports(store):
    return Reports(store)


async def begin(store, sink="city", *, from_start=False):
    return await store.written(partial(cursors.begin, sink=sink, now_ms=1, from_start=from_start))


async def rows(store, place, limit=100):
    return await store.read(lambda connection: cursors.page(connection, place.live, 1 << 60, limit))


async def confirm(store, sink, stream, found, dropped=None):
    marked = [row[:2] for row in found]
    last = found[-1][0]
    await store.written(
        lambda connection: cursors.confirm(connection, sink, stream, last, marked, dropped or {}),
    )
    return await store.read(lambda connection: cursors.place(connection, sink))


async def at(store, sink="city"):
    found = await store.read(balance)
    assert found.problems == []
    return {
        each.node: (each.due, each.delivered, sum(each.dropped.values()), each.buffered)
        for each in found.sinks
        if each.sink == sink
    }


async def test_a_new_sink_begins_with_what_comes(store, reports):
    await reports.fill(6)
    place = await begin(store)
    assert (place.live, place.backlogs) == (6, ())
    await reports.fill(3)
    found = await rows(store, place)
    assert [row[:4] for row in found] == [(7, "aq-1", 1, 3), (8, "aq-2", 1, 3), (9, "aq-3", 1, 3)]
    assert await at(store) == dict.fromkeys(("aq-1", "aq-2", "aq-3"), (1, 0, 0, 1))
    await confirm(store, "city", cursors.LIVE, found[:2])
    assert await at(store) == {"aq-1": (1, 1, 0, 0), "aq-2": (1, 1, 0, 0), "aq-3": (1, 0, 0, 1)}


async def test_or_with_all_that_is_there(store, reports):
    await reports.fill(6)
    place = await begin(store, from_start=True)
    assert (place.live, [(each.next, each.last) for each in place.backlogs]) == (6, [(1, 6)])
    assert (await at(store))["aq-1"] == (2, 0, 0, 2)


async def test_one_that_comes_back_goes_on_where_it_was(store, reports):
    await begin(store)
    await reports.fill(4)
    await store.written(partial(cursors.keep_only, names=[]))
    assert await store.read(cursors.held_from) is None
    assert (await begin(store)).live == 0
    assert await store.read(cursors.held_from) == 1


async def test_what_waits_is_left_behind_in_one_range_as_long_as_it_follows_on(store, reports):
    await begin(store)
    await reports.fill(4)
    await store.written(partial(cursors.defer, sink="city", last=4))
    await reports.fill(4)
    place = await store.written(partial(cursors.defer, sink="city", last=8))
    assert [(each.next, each.last) for each in place.backlogs] == [(1, 8)]
    await reports.fill(4)
    place = await confirm(store, "city", cursors.LIVE, await rows(store, place, 2))
    place = await store.written(partial(cursors.defer, sink="city", last=12))
    assert [(each.next, each.last) for each in place.backlogs] == [(1, 8), (11, 12)]
    assert sum(row[3] for row in (await at(store)).values()) == 10


async def test_a_replay_leaves_out_what_still_waits(store, reports):
    place = await begin(store)
    await reports.fill(9)
    place = await confirm(store, "city", cursors.LIVE, await rows(store, place, 3))
    await store.written(partial(cursors.defer, sink="city", last=6))
    place = await store.read(lambda connection: cursors.place(connection, "city"))
    place = await confirm(store, "city", cursors.LIVE, await rows(store, place, 2))
    assert await store.written(partial(cursors.replay, sink="city", first=1, last=100)) == 5
    place = await store.read(lambda connection: cursors.place(connection, "city"))
    assert [(each.next, each.last) for each in place.backlogs] == [(4, 6), (1, 3), (7, 8)]
    assert sum(row[0] for row in (await at(store)).values()) == 14


async def test_what_had_no_room_is_dropped_at_each_sink_that_waited_for_it(store, reports):
    for sink in SINKS:
        await begin(store, sink)
    await reports.fill(6)
    place = await store.read(lambda connection: cursors.place(connection, "city"))
    sent = await rows(store, place, 4)
    await store.written(lambda connection: cursors.confirm(connection, "city", 0, 2, [row[:2] for row in sent[:2]], {}))
    full = retention.Limits(keep_ms=1 << 60, budget_bytes=0)
    assert await store.written(partial(retention.retire, now_ms=0, limits=full)) == 5
    assert [row[2] for row in (await at(store, "city")).values()] == [1, 1, 1]
    assert [row[2] for row in (await at(store, "bureau")).values()] == [2, 2, 1]
    # Sent before, confirmed after: counted as dropped, and not once more as delivered.
    await store.written(lambda connection: cursors.confirm(connection, "city", 0, 4, [row[:2] for row in sent[2:]], {}))
    assert [row[1:3] for row in (await at(store, "city")).values()] == [(1, 1), (1, 1), (0, 1)]


async def test_the_newest_record_is_never_retired(store, reports):
    await reports.fill(3)
    full = retention.Limits(keep_ms=0, budget_bytes=0)
    while await store.written(partial(retention.retire, now_ms=1 << 60, limits=full)):
        pass
    await reports.fill(1)
    assert await store.read(
        lambda connection: connection.execute("SELECT seq FROM records ORDER BY seq").fetchall()
    ) == [(3,), (4,)]
    assert (await store.read(balance)).problems == []


async def test_no_sink_is_no_sink(store):
    with pytest.raises(PaifangError, match="no sink city"):
        await store.read(lambda connection: cursors.place(connection, "city"))


async def test_whatever_happens_all_is_accounted_for(store, reports, tier_size, monkeypatch):
    """A random walk against a plain model: what each sink was given, what it dropped, what it still waits for."""
    monkeypatch.setattr(packing, "BLOCK_RECORDS", 3)
    monkeypatch.setattr(upkeep, "REST_S", 0)
    aged = packed = 0
    for seed in range(tier_size(4, 60)):
        walk = Walk(store, reports, random.Random(seed), f"-{seed}")
        await walk.begin()
        for _ in range(60):
            await walk.step()
        await walk.finish()
        aged += walk.aged
        packed = max(packed, walk.packed)
    assert aged
    assert packed


class Walk:
    """`owed[sink]`: ids of records it has neither confirmed nor dropped."""

    def __init__(self, store, reports, chance, suffix):
        self.store, self.reports, self.chance = store, reports, chance
        self.sinks = [sink + suffix for sink in SINKS]
        self.owed = {sink: set() for sink in self.sinks}
        self.aged = self.packed = 0

    async def begin(self):
        for sink in self.sinks:
            await begin(self.store, sink)

    async def step(self):
        sink = self.chance.choice(self.sinks)
        await self.chance.choice(
            (self.fill, self.fill, self.deliver, self.deliver, self.defer, self.replay, self.retire, self.pack)
        )(sink)
        assert (await self.store.read(balance)).problems == []

    async def fill(self, _sink):
        before = await self.store.read(cursors.newest)
        await self.reports.fill(self.chance.randint(1, 8))
        for owed in self.owed.values():
            owed.update(range(before + 1, await self.store.read(cursors.newest) + 1))

    async def deliver(self, sink):
        place = await self.store.read(lambda connection: cursors.place(connection, sink))
        streams = [
            (cursors.LIVE, place.live, 1 << 60),
            *((each.id, each.next - 1, each.last) for each in place.backlogs),
        ]
        stream, after, last = self.chance.choice(streams)
        limit = self.chance.randint(1, 9)
        found = await self.store.read(lambda connection: cursors.page(connection, after, last, limit))
        if found:
            marked = [row[:2] for row in found]
            cut = self.chance.randint(0, len(marked))
            assert {seq for seq, _ in marked} <= self.owed[sink]
            job = partial(cursors.confirm, sink=sink, stream=stream, upto=found[-1][0])
            await self.store.written(partial(job, delivered=marked[:cut], dropped={"refused": marked[cut:]}))
            self.owed[sink] -= {seq for seq, _ in marked}

    async def defer(self, sink):
        await self.store.written(lambda connection: cursors.defer(connection, sink, cursors.newest(connection)))

    async def replay(self, sink):
        first = self.chance.randint(1, 40)
        last = first + self.chance.randint(0, 40)
        place = await self.store.read(lambda connection: cursors.place(connection, sink))
        again = {seq for seq in await self.kept() if first <= seq <= min(last, place.live)} - self.owed[sink]
        assert await self.store.written(partial(cursors.replay, sink=sink, first=first, last=last)) == len(again)
        self.owed[sink] |= again

    async def retire(self, _sink):
        forced = self.chance.random() < 0.3
        limits = retention.Limits(keep_ms=20_000, budget_bytes=0 if forced else 1 << 60)
        await self.store.written(lambda connection: facts.put(connection, facts.ROLLED_TO, cursors.newest(connection)))
        count = await self.store.written(partial(retention.retire, now_ms=self.reports.clock_ms, limits=limits))
        self.aged += count if not forced else 0
        gone = set(range(1, min(await self.kept(), default=0)))
        assert forced or not any(owed & gone for owed in self.owed.values())
        for owed in self.owed.values():
            owed.difference_update(gone)

    async def pack(self, _sink):
        await self.store.written(lambda connection: facts.put(connection, facts.ROLLED_TO, cursors.newest(connection)))
        before = await self.kept()
        await pack(self.store, self.reports.clock_ms + packing.WAIT_MS)
        self.packed = max(self.packed, await self.store.read(lambda each: facts.get(each, facts.PACKED_TO)))
        assert await self.kept() == before

    async def kept(self):
        rows = await self.store.read(partial(cursors.page, after=0, last=1 << 60, limit=1 << 30))
        return [row[0] for row in rows]

    async def finish(self):
        for sink in self.sinks:
            ranges = await self.store.read(partial(cursors.pending, sink=sink))
            waiting = {seq for seq in await self.kept() if any(low <= seq <= high for low, high in ranges)}
            assert waiting == self.owed[sink]
        await self.store.written(partial(cursors.keep_only, names=[]))
