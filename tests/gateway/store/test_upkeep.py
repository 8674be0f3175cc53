"""What the store does by itself: it makes room by age once all have passed, and says when counts do not add up."""

from __future__ import annotations

import pytest
from reports import START_MS, Reports, table

from paifang.store import Store
from paifang.store.retention import Limits
from paifang.store.upkeep import Upkeep

DAY_MS, DAY_S = 86_400_000, 86_400


class World:
    def __init__(self, store):
        self.reports = Reports(store)
        self.monotonic_s = 0.0
        self.imbalances = []
        self.limits = Limits(keep_ms=10 * DAY_MS, budget_bytes=1 << 40)
        self.upkeep = Upkeep(
            store,
            table,
            lambda: self.limits,
            lambda: self.reports.clock_ms,
            self.imbalances.append,
            monotonic=lambda: self.monotonic_s,
        )

    async def kept(self):
        query = "SELECT count(*) FROM records"
        return await self.reports.store.read(lambda connection: connection.execute(query).get)


@pytest.fixture
async def world(tmp_path):
    store = Store(tmp_path / "paifang.db", settled=lambda _: None)
    await store.open()
    made = World(store)
    await made.reports.fill(20)
    await made.upkeep.roll()
    yield made
    await store.close()


async def days_pass(world, days):
    """With a report each day: a gateway that runs."""
    for _ in range(days):
        world.reports.clock_ms += DAY_MS
        world.monotonic_s += DAY_S
        await world.reports.fill(1)
        await world.upkeep.roll()


async def test_what_is_old_goes(world):
    await days_pass(world, 9)
    await world.upkeep.retire()
    assert await world.kept() == 29
    await days_pass(world, 2)
    await world.upkeep.retire()
    assert await world.kept() == 10


@pytest.mark.parametrize("told", [True, False])
async def test_a_clock_that_leaps_makes_nothing_old_for_a_day(world, told):
    """Whether the step was seen, or happened while the gateway was off."""
    world.reports.clock_ms = START_MS + 3 * 365 * DAY_MS
    if told:
        world.upkeep.distrust_clock()
        await world.reports.fill(1)
        await world.upkeep.roll()
    await world.upkeep.retire()
    assert await world.kept() == 20 + told
    await world.reports.fill(1)
    await world.upkeep.roll()
    world.monotonic_s += DAY_S - 1
    await world.upkeep.retire()
    assert await world.kept() == 21 + told
    world.monotonic_s += 2
    await world.upkeep.retire()
    assert await world.kept() == 1 + told


async def test_a_clock_that_leaps_does_not_let_the_disk_run_full(world):
    world.limits = Limits(keep_ms=10 * DAY_MS, budget_bytes=0)
    world.upkeep.distrust_clock()
    await world.upkeep.retire()
    assert await world.kept() == 1


async def test_an_imbalance_is_told_once(world):
    await world.upkeep.check()
    assert (world.upkeep.problems, world.imbalances) == ([], [])
    await world.reports.store.written(lambda connection: connection.execute("DELETE FROM records WHERE seq = 5"))
    for _ in range(2):
        await world.upkeep.check()
    (problems,) = world.imbalances
    assert problems == world.upkeep.problems == ["aq-2: settled 7, stored 7, lost 0, kept 6, retired 0"]
