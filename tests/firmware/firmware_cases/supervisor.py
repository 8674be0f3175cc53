"""The keeper of tasks, on the interpreter's own asyncio with a clock that moves when something sleeps."""

import asyncio

from node.supervisor import Supervisor
from paifang_wire.messages import EV_SAFE_STATE, EV_TASK_RESTARTED

from .fakes import Records


class Turns:
    """A clock on which sleepers wake in the order of their times, without waiting."""

    def __init__(self):
        self.ms = 0
        self.due = []

    def now_ms(self):
        return self.ms

    async def sleep_ms(self, duration_ms):
        wake_ms = self.ms + duration_ms
        self.due.append(wake_ms)
        while self.ms < wake_ms:
            await asyncio.sleep(0)
        self.due.remove(wake_ms)

    async def run_until(self, end_ms):
        while self.ms < end_ms:
            for _ in range(6):  # everything that can go on does, until all wait for the time
                await asyncio.sleep(0)
            self.ms = min([due for due in self.due if due > self.ms] + [end_ms])
        for _ in range(6):
            await asyncio.sleep(0)


class Wdt:
    def __init__(self, clock):
        self.clock = clock
        self.fed = []

    def feed(self):
        self.fed.append(self.clock.ms)


def run(tasks, end_ms):
    """(watchdog, records, times of the safe state) after `end_ms` of the tasks."""
    clock = Turns()
    wdt, records, safe = Wdt(clock), Records(), []
    supervisor = Supervisor(clock, wdt, records, lambda: safe.append(clock.ms))

    async def main():
        keeper = asyncio.create_task(supervisor.run(tasks(clock)))
        await clock.run_until(end_ms)
        for task in supervisor._kept:
            task.cancel()
        keeper.cancel()
        await asyncio.sleep(0)

    asyncio.run(main())
    return wdt, records, safe


async def steady(alive):
    while True:
        await alive.nap(30_000)


async def quick_death(alive):
    raise ValueError("broken")


def test_fed_while_every_task_is_alive():
    wdt, records, safe = run(lambda clock: (("a", steady), ("b", steady)), 300_000)
    assert len(wdt.fed) >= 29
    assert (records.events, safe) == ([], [])


def test_not_fed_when_one_task_hangs():
    def tasks(clock):
        async def hangs(alive):
            await alive.nap(60_000)
            await clock.sleep_ms(10_000_000)

        return (("a", steady), ("b", hangs))

    wdt, _, _ = run(tasks, 600_000)
    assert 60_000 <= wdt.fed[-1] <= 80_000


def test_three_failures_are_the_safe_state_and_the_others_go_on():
    ran = []

    def tasks(clock):
        async def counts(alive):
            while True:
                ran.append(clock.ms)
                await alive.nap(1000)

        return (("bad", quick_death), ("good", counts))

    wdt, records, safe = run(tasks, 120_000)
    restarts = [event for event in records.events if event[0] == EV_TASK_RESTARTED]
    assert len(restarts) >= 5  # after 1, 2, 4, 8, 16 s and so on
    assert "broken" in restarts[0][2]
    assert safe == [3000]
    assert [event[2] for event in records.events if event[0] == EV_SAFE_STATE] == ["bad failed 3 times in 10 minutes"]
    assert len(ran) >= 118
    assert len(wdt.fed) >= 11


def test_rare_failures_are_no_safe_state():
    def tasks(clock):
        async def dies_each_six_minutes(alive):
            await alive.nap(360_000)
            raise OSError(5)

        return (("rare", dies_each_six_minutes),)

    _, records, safe = run(tasks, 3_600_000)
    assert len(records.events) >= 8
    assert safe == []


def test_a_task_that_ends_is_started_again():
    async def ends(alive):
        await alive.nap(10)

    _, records, _ = run(lambda clock: (("short", ends),), 5_000)
    assert records.events[0] == (EV_TASK_RESTARTED, None, "short: ended")
