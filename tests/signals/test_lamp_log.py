"""One scenario, one lamp log, to the byte: in process, on a board whose link suffers, at the end of a serial line."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random

import pytest
import with_sumo  # noqa: F401 - skips this module where there is no SUMO

from paifang_rig.nodes import SERIAL_LINK
from paifang_rig.signals import demand, junction, loop, nets, oracle, ports, records, scenario
from paifang_rig.signals.node import LOOP_BAUD, LoopLine, make_signal
from paifang_rig.signals.tape import Recorder, play
from paifang_rig.tap import DOWN, UP, Tap

SEED = 7
STEP_MS = 1_000
TRACK_CLEARANCE, DWELLING, LEAVING = 1, 2, 3
FRAMES_BETWEEN = 40
MOST_STALLED_S = 0.2
SPEED = 20
"""Of the node's own time, in which it waits before it connects again."""


class Watched(ports.InProcess):
    """Notes which preemptions, priorities and phases the controller has gone through."""

    def __init__(self, *records):
        super().__init__(*records)
        self.preempted, self.granted, self.green = set(), set(), set()

    def tick(self, t_ms, seen):
        answer = super().tick(t_ms, seen)
        controller = self.unit.controller
        self.preempted.add((controller.preemption.row, controller.preemption.stage))
        self.granted.add(controller.transit.granted)
        self.green |= {p + 1 for p in range(8) if controller.green_phases >> p & 1}
        return answer


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, tier_size):
    """(junction, tape, lamp log, the node that it was recorded from): 10 minutes, a soak 2 hours."""
    place = tmp_path_factory.mktemp("scenario")
    at = junction.read(nets.cross(place).path, "c")
    seconds = tier_size(600, 7_200)
    routes = demand.cross(place / "routes.xml", 1.0, SEED, seconds)
    run = loop.Run(place / "cross.net.xml", routes, place / "out", (at,), SEED, STEP_MS, seconds * 1_000, "")
    recorder = Recorder(Watched(records.site_record(at), scenario.plan_record(at)))
    result = loop.drive(run, [loop.Firmware(at, recorder, wishes=scenario.wishes)])
    yield at, recorder.tape, result.logs["c"], recorder.port
    recorder.close()


def test_the_scenario_covers_everything(recorded):
    at, _, log, watched = recorded
    site = records.site_record(at)
    assert oracle.judge(log, site) == []
    opened, modes = oracle.covered(log, site)
    assert opened == {group[0] for group in site[2]}, "every movement and every crossing"
    assert modes == {0, 1, 2, 3}, "start, all-red, running, flash"
    assert watched.green == set(at.phases)
    expected = {(0, TRACK_CLEARANCE)} | {(row, stage) for row in range(3) for stage in (DWELLING, LEAVING)}
    assert watched.preempted >= expected, "a train and fire engines from two sides, and the way back from each"
    assert watched.granted >= set(range(len(scenario.TRANSIT))), "each bus line was given its priority"


def test_the_tape_gives_the_same_log_once_more(recorded):
    at, tape, log, _ = recorded
    port = ports.InProcess(records.site_record(at), scenario.plan_record(at))
    try:
        assert play(tape, port) == log
    finally:
        port.close()


def double(frame):
    return frame + frame


async def trouble(bench, tap, chance, fired):
    """Frames of the link are lost, doubled, damaged, late, held up; connections break. Until it is cancelled."""
    acts = {
        "lost": tap.drop,
        "doubled": lambda way: tap.change(way, double),
        "damaged": lambda way: tap.corrupt(way, bit=chance.randrange(400)),
    }
    for name in itertools.cycle([*acts, "late", "held up", "cut"]):
        due = sum(tap.counts.frames.values()) + chance.randrange(FRAMES_BETWEEN)
        await bench.until(lambda due=due: sum(tap.counts.frames.values()) >= due)
        if name in acts:
            fired.append((name, acts[name](chance.choice([UP, DOWN]))))
        elif name == "late":
            tap.delay_ms = chance.choice([0, 5, 50])
        elif name == "held up":
            tap.stall()
            await asyncio.sleep(chance.random() * MOST_STALLED_S)
            tap.resume()
        else:
            fired.append((name, tap.cut()))


@pytest.mark.timeout(600)
async def test_a_link_that_suffers_changes_no_lamp(recorded, bench, gateway):
    at, tape, log, _ = recorded
    gate = await gateway()
    running = asyncio.get_running_loop()
    async with Tap(gate.port) as tap:

        def enrol(node):
            asyncio.run_coroutine_threadsafe(gate.enrol(node.identity), running).result(20)

        def make():
            pair = records.site_record(at), scenario.plan_record(at)
            return ports.OnBoard(*pair, link=tap.port, period_ms=STEP_MS, prepare=enrol, speed=SPEED)

        port, fired = await asyncio.to_thread(make), []
        troubled = asyncio.create_task(trouble(bench, tap, random.Random(SEED), fired))
        try:
            assert await asyncio.to_thread(play, tape, port) == log
        finally:
            troubled.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await troubled
            await asyncio.to_thread(port.close)
    happened = [name for name, fault in fired if fault and (name == "cut" or fault.fired)]
    counts = {name: happened.count(name) for name in ("lost", "doubled", "damaged", "cut")}
    stored = len(gate.stored())
    print(f"link: {tap.counts.frames} frames, {tap.counts.connections} connections, {counts}; {stored} stored")
    assert all(counts.values())
    assert stored > 50


async def test_a_board_at_the_end_of_a_serial_line_shows_the_same(recorded, bench, tier_size):
    at, tape, log, _ = recorded
    made = make_signal(
        bench,
        "signal",
        records.site_record(at),
        [scenario.plan_record(at)],
        SERIAL_LINK | {"uart": 2},
        hardware={"loop": {"uart": 1, "baud": LOOP_BAUD}},
        sensors=[LoopLine()],
        period_ms=60_000,
    )
    made.board.power_on()
    part = tape[: tier_size(700, 12_000)]

    def played():
        port = ports.OnLine(len(at.groups), made.board.serial_path)
        try:
            return play(part, port)
        finally:
            port.close()

    shown = await asyncio.to_thread(played)
    assert log.startswith(shown)
    assert {"G", "A", "W", "w"} <= set(shown)
