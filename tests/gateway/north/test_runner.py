"""A sink delivers everything, in order, new before old; whatever its far side does, nothing is lost or uncounted."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import pytest
from far import Sink
from reports import START_MS, Reports, pack

from paifang.errors import PaifangError
from paifang.north import runner as running
from paifang.north.connector import REFUSED, unreachable
from paifang.store import cursors, facts, packing, upkeep


@pytest.fixture
async def sink(tmp_path):
    async with Sink(tmp_path) as opened:
        opened.now_ms = START_MS
        yield opened


@pytest.fixture
def reports(sink):
    return Reports(sink.stored)


def ids(reports):
    return [f"ward-1/{node}/{boot}.{number}" for node, boot, number in reports.made]


async def test_everything_arrives_once_and_in_order(sink, reports):
    await reports.fill(50, step_ms=0)
    await sink.done()
    assert sink.far.arrived == ids(reports)
    assert await sink.counts() == (50, 50, 0, 0)
    assert sink.runner.figures.problem is None


async def test_what_was_not_confirmed_comes_again(sink, reports):
    chance = random.Random(5)

    moods = []

    def takes(records):
        moods.append(chance.random() < 0.3)
        return chance.randint(0, len(records)) if moods[-1] else len(records)

    def temper(_records):
        if moods[-1]:
            raise ConnectionResetError("gone")
        return {}

    sink.far.takes, sink.far.temper = takes, temper
    await reports.fill(300, step_ms=0)
    await sink.done()
    first = list(dict.fromkeys(sink.far.arrived))
    assert first == ids(reports)
    assert len(sink.far.arrived) > 300
    assert await sink.counts() == (300, 300, 0, 0)
    assert sink.far.opened == sink.far.closed + 1 == len(sink.pauses) + 1


async def test_pauses_between_attempts_grow_and_begin_anew_after_a_success(sink, reports):
    def down():
        raise ConnectionRefusedError("nobody there")

    sink.far.opens = down
    sink.far.temper = lambda _records: (_ for _ in ()).throw(BrokenPipeError("gone"))
    await reports.fill(1)
    await sink.until(lambda: len(sink.pauses) >= 12)
    assert 0.25 <= sink.pauses[0] < 0.5
    assert 30 <= sink.pauses[11] <= 60
    assert str(sink.runner.figures.problem).startswith("city: nobody there")
    sink.far.opens, sink.far.temper = lambda: None, lambda _records: {}
    await sink.done()
    count = len(sink.pauses)
    sink.far.temper = lambda _records: (_ for _ in ()).throw(BrokenPipeError("gone"))
    await reports.fill(1)
    await sink.until(lambda: len(sink.pauses) > count)
    assert 0.25 <= sink.pauses[count] < 0.5


async def test_after_an_outage_what_is_new_comes_first(sink, reports):
    sink.far.temper = lambda _records: (_ for _ in ()).throw(BrokenPipeError("gone"))
    await reports.fill(100, step_ms=0)
    sink.now_ms = reports.clock_ms + running.BEHIND_MS + 1
    await sink.until(lambda: sink.pauses)
    reports.clock_ms = sink.now_ms
    held, slow = asyncio.Event(), sink.far.seqs
    sink.far.temper = lambda records: {} if records[0].seq > 100 else wall_of(held)
    await sink.until(lambda: sink.runner._place.backlogs)
    await reports.fill(30, step_ms=0)
    await sink.until(lambda: sink.runner.figures.delivered == 30)
    await sink.stored.flush()
    assert await sink.counts() == (130, 30, 0, 100)
    held.set()
    await sink.done()
    arrived = slow[slow.index(101) :]
    assert [seq for seq in arrived if seq > 100] == list(range(101, 131))
    assert list(dict.fromkeys(seq for seq in slow if seq <= 100)) == list(range(1, 101))
    assert await sink.counts() == (130, 130, 0, 0)


async def wall_of(event):
    await event.wait()
    return {}


async def test_what_the_far_side_never_takes_is_dropped_with_its_reason(sink, reports):
    sink.far.temper = lambda records: {place: REFUSED for place, record in enumerate(records) if record.number == 2}
    await reports.fill(9, step_ms=0)
    await sink.done()
    assert await sink.counts() == (9, 6, 3, 0)
    assert sink.runner.figures.dropped == {REFUSED: 3}


async def test_records_of_others_and_damaged_ones_are_passed_over(tmp_path):
    async with Sink(tmp_path, nodes=("aq-1", "meter-*")) as sink:
        reports = Reports(sink.stored)
        for node in ("aq-1", "aq-2", "meter-7"):
            reports.add(node)
        boot = sink.stored.boot("aq-1", 1)
        sink.stored.add(boot, ("aq-1", 1, 2, 3, 5, None, START_MS, b"\xff no CBOR"))
        reports.add("aq-1", {99: 5})
        await sink.done()
        assert sink.far.arrived == ["ward-1/aq-1/1.1", "ward-1/meter-7/1.1"]
        assert sink.runner.figures.dropped == {"not-wanted": 1, "unreadable": 2}
        assert await sink.counts() == (5, 2, 3, 0)


async def test_a_far_side_that_never_answers_is_left(sink, reports, monkeypatch):
    never = asyncio.Event()
    monkeypatch.setattr("far.FarConnector.deliver_limit_s", 0.01)
    sink.far.temper = lambda _records: wall_of(never)
    await reports.fill(3)
    await sink.until(lambda: sink.pauses)
    assert "no answer in time" in str(sink.runner.figures.problem)
    sink.far.temper = lambda _records: {}
    await sink.done()
    assert await sink.counts() == (3, 3, 0, 0)


async def test_a_fault_of_ours_does_not_end_it(sink, reports, caplog):
    sink.far.temper = lambda _records: 1 / 0
    await reports.fill(3)
    await sink.until(lambda: sink.pauses)
    assert "please report it" in sink.runner.figures.problem.hint
    assert "ZeroDivisionError" in caplog.text
    sink.far.temper = lambda _records: {}
    await sink.done()


async def test_it_waits_and_goes_on(sink, reports):
    assert await sink.runner.adopt(partial(cursors.pause, sink="city", paused=True))
    await sink.until(lambda: not sink.runner.figures.is_connected)
    await reports.fill(20)
    assert not sink.far.arrived
    assert not await sink.runner.adopt(partial(cursors.pause, sink="city", paused=True))
    assert await sink.runner.adopt(partial(cursors.pause, sink="city", paused=False))
    await sink.done()
    assert len(sink.far.arrived) == 20


async def test_a_replay_goes_through_once_more(sink, reports):
    await reports.fill(20, step_ms=0)
    await sink.done()
    assert await sink.runner.adopt(partial(cursors.replay, sink="city", first=3, last=12)) == 10
    await sink.done()
    assert sink.far.seqs[20:] == list(range(3, 13))
    assert await sink.counts() == (30, 30, 0, 0)


async def test_a_replay_of_packed_records_is_that_of_others(sink, reports, monkeypatch):
    monkeypatch.setattr(upkeep, "REST_S", 0)
    await reports.fill(20, step_ms=0)
    await sink.done()
    await sink.stored.written(lambda connection: facts.put(connection, facts.ROLLED_TO, 20))
    await pack(sink.stored, START_MS + packing.WAIT_MS + 10)
    assert await sink.stored.read(lambda connection: facts.get(connection, facts.PACKED_TO)) == 19
    assert await sink.runner.adopt(partial(cursors.replay, sink="city", first=3, last=20)) == 18
    await sink.done()
    assert sink.far.arrived[20:] == ids(reports)[2:]
    assert await sink.counts() == (38, 38, 0, 0)


async def test_nothing_is_sent_while_no_place_can_be_kept(sink, reports, monkeypatch):
    await reports.fill(5, step_ms=0)
    await sink.done()
    monkeypatch.setattr(sink.stored, "problem", PaifangError("no space is left"))
    boot = sink.stored.boot("aq-1", 1)
    sink.runner.notify()
    await sink.until(lambda: sink.pauses)
    assert sink.runner.figures.problem.message == "no space is left"
    assert boot.marks.high == 2
    monkeypatch.setattr(sink.stored, "problem", None)
    await reports.fill(5, step_ms=0)
    await sink.done()


async def test_it_says_once_what_is_wrong(sink, reports, caplog):
    def down():
        raise unreachable("city", "nobody there", "start it")

    sink.far.opens = down
    sink.far.temper = lambda _records: (_ for _ in ()).throw(BrokenPipeError("gone"))
    await reports.fill(1)
    await sink.until(lambda: len(sink.pauses) > 5)
    assert caplog.text.count("nobody there") == 1
