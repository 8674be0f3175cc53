"""Who says nothing, reads nothing or asks too often: told by clocks that the test moves."""

from __future__ import annotations

import asyncio
import time

import pytest
from far_side import until

from paifang.nodes import service, tcp
from paifang.nodes.buckets import Buckets
from paifang.nodes.clocks import Clocks
from paifang_wire import messages


class Watch:
    """A monotonic clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
def watch(monkeypatch) -> Watch:
    monkeypatch.setattr(service, "SWEEP_S", 0.01)
    return Watch()


@pytest.fixture
async def house(start, watch):
    return await start(clocks=Clocks(monotonic=watch))


async def closed_because(house, why: str) -> None:
    await until(lambda: (house.gateway.nodes.desk.counters.closed[why]) == 1)


async def test_a_connection_without_a_session_is_closed(house, watch):
    far = house.far()
    await far.open()
    await until(lambda: house.gateway.nodes.connections == 1)
    watch.ahead_s += service.HANDSHAKE_S + 1
    await far.closed.wait()
    await closed_because(house, "no session")


async def test_a_node_that_is_silent_for_long_is_closed_and_one_that_speaks_is_not(house, watch):
    silent = await house.enrolled("meter-1")
    alive = await house.enrolled("meter-2")
    watch.ahead_s += service.IDLE_S - 1
    alive.say([messages.CLOCK, 5_000])
    await alive.hear(messages.TIME)
    watch.ahead_s += 2
    await silent.closed.wait()
    await closed_because(house, "idle")
    assert set(house.gateway.nodes.desk.sessions) == {"meter-2"}
    assert not alive.closed.is_set()


async def test_a_node_that_never_reads_is_given_up(house, monkeypatch):
    monkeypatch.setattr(tcp, "WRITE_LIMIT_BYTES", 4_000)
    far = await house.enrolled()
    far._task.cancel()
    far._writer.transport.pause_reading()
    link = house.gateway.nodes.desk.sessions["meter-1"]
    async with asyncio.timeout(20):
        while house.gateway.nodes.desk.sessions:
            for _ in range(200):
                link.send([messages.TIME, 1, 1, 1])
            await asyncio.sleep(0)
    await closed_because(house, "the node does not read")


async def test_an_ack_of_a_node_that_has_gone_is_no_trouble(house):
    far = await house.enrolled()
    far.report(1)
    await far.hang_up()
    await until(lambda: house.records() == [("meter-1", 1, 1)])
    assert (await far.connect())[5] == [[1, 1]]


def test_a_bucket_gives_its_burst_and_then_its_rate():
    buckets = Buckets(per_second=2, burst=3)
    assert [buckets.take("a", 100.0) for _ in range(5)] == [True, True, True, False, False]
    assert buckets.take("b", 100.0) is True
    assert [buckets.take("a", 101.0) for _ in range(3)] == [True, True, False]
    assert [buckets.take("a", 1000.0) for _ in range(4)] == [True, True, True, False]


def test_buckets_of_made_up_keys_take_no_more_room():
    buckets = Buckets(per_second=1, burst=1, limit=100)
    for number in range(10_000):
        buckets.take(f"made-up-{number}", 1.0)
    assert len(buckets._filled) == 100
