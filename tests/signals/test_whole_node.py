"""A whole unit, monitor and street included: the real controller trips nothing, and a fire engine has its green."""

from __future__ import annotations

import copy
import random

import plan_records
import pytest
import sites

from paifang_rig.signals import in_process, oracle, street_oracle
from paifang_rig.signals.drill import EVERYBODY, LATCHED, RESET, Drill
from paifang_rig.signals.node import example
from paifang_rig.signals.seen import Seen
from roles.traffic_signal import aspects, phases

EMERGENCY_ROW = 0
PREEMPT_TICKS, CYCLES_BACK = 300, 2
ALL = 0xFFFF
RED_AMBER = 1
"""Option of the monitor where red with amber is an indication."""


def plan_of(country):
    """Fire engines, trains, buses, a cycle, detectors; the least times of every country are kept."""
    preempts = [
        [phases.RAIL, 1_000, 0b00100001, 4_000, 0b10000000, 5_000, 60_000, 0, 60_000],
        [phases.EMERGENCY, 0, 0, 0, 0b00100010, 5_000, 60_000, 0b00100010, 60_000],
    ]
    return plan_records.plan(
        peds=True,
        each={"least": 6_000, "red": 9_000 if country == "DE" else 6_000},
        preempts=preempts,
        transit=[[2, 10_000, 5_000, 120_000], [4, 5_000, 5_000, 90_000]],
        detectors=[[n, 0, 1_000, 0, 0, 0, 0] for n in range(1, 9)],
        coordination=[140_000, 0, [25_000, 45_000] * 4, 0b00100010, phases.SHORTWAY, 0],
    )


def whatever(rng):
    """What may come in, changing all the time: traffic, buttons, priorities, orders, switch and hands, the clock."""
    seen = Seen()
    while True:
        if rng.random() < 0.05:
            seen = seen._replace(detectors=rng.getrandbits(8) & rng.getrandbits(8), pedestrians=rng.getrandbits(8))
        if rng.random() < 0.005:
            seen = seen._replace(preempts=rng.choice([0, 0, 0, 1, 2, 3]), transit=rng.getrandbits(2))
        if rng.random() < 0.001:
            seen = seen._replace(flash=rng.random() < 0.3, clock_ms=rng.randrange(10**8))
        if rng.random() < 0.05:
            seen = seen._replace(hands=rng.choice([0, RESET]))
        order = (rng.randrange(5), rng.getrandbits(8)) if rng.random() < 0.1 else None
        yield seen._replace(order=order)


@pytest.mark.parametrize("country", ["CN", "US", "UK", "DE"])
def test_neither_interlock_nor_monitor_trips(country, tier_size):
    """6,000 ticks with their samples; a soak 10^6."""
    site = sites.junction(country)
    site[-1] = [RED_AMBER] if country in {"UK", "DE"} else []
    running = Drill(in_process.InProcess(site, plan_of(country)), site)
    for _, seen in zip(range(tier_size(1_500, 250_000)), whatever(random.Random(country)), strict=False):
        running.seen = seen
        running.tick()
        assert running.mode != LATCHED, (running.t_ms, running.port.reason)
        assert not running.port.trip, (running.t_ms, running.port.trip)
    assert street_oracle.judge(running.street, site) == []
    assert oracle.judge(running.logs[-1], site) == []
    opened, modes = oracle.covered(running.logs[-1], site)
    assert len(opened) > tier_size(1, 11)
    assert {0, 1, 2} <= modes


@pytest.fixture(scope="module")
def unit():
    """A unit in its third cycle, everybody calling all the time; and its longest cycle, in ticks."""
    site, plan = example("US")
    running = Drill(in_process.InProcess(site, plan), site, EVERYBODY)
    running.start()
    cycle = plan[4][0] // 100
    running.coarse(3 * cycle)
    return running.port.unit, plan, cycle


def tick(of, preempts=0):
    of.controller.command(3, 0xFF)
    of.tick(ALL, 0xFF, preempts, 0)


def test_a_fire_engine_has_green_in_time_from_any_tick_of_a_cycle_and_the_cycle_comes_back(unit, tier_size):
    of, plan, cycle = copy.deepcopy(unit[0]), *unit[1:]
    row = plan[5][EMERGENCY_ROW]
    groups = [of.plan.vehicle_groups[p] for p in range(8) if row[4] >> p & 1]
    wanted = [i for i in range(of.site.count) if any(mask >> i & 1 for mask in groups)]
    usual = usual_cycle(copy.deepcopy(of), cycle)
    step, worst = tier_size(400, 1), 0
    for begins in range(0, cycle, step):
        other = copy.deepcopy(of)
        worst = max(worst, ticks_to_green(other, wanted, row[8] // 100))
        for n in range(PREEMPT_TICKS + CYCLES_BACK * cycle):
            tick(other, 1 << EMERGENCY_ROW if n < PREEMPT_TICKS else 0)
        for _ in range(cycle):
            tick(other)
            assert bytes(other.interlock.aspects) == usual[other.controller.coordination.position], begins
        for _ in range(step):
            tick(of)
    print(f"green within {worst * 100} ms from every {step}. tick of {cycle}, promised {row[8]} ms")
    assert worst > 0


def usual_cycle(of, cycle):
    """What is shown at each position of an undisturbed cycle, which is the same once more."""
    shown = {}
    for _ in range(cycle):
        tick(of)
        shown[of.controller.coordination.position] = bytes(of.interlock.aspects)
    for _ in range(cycle):
        tick(of)
        assert shown[of.controller.coordination.position] == bytes(of.interlock.aspects)
    assert len(shown) == cycle
    return shown


def ticks_to_green(of, wanted, most):
    """Ticks of a preemption until all of these are green; fails when there are more than so many."""
    for n in range(most + 1):
        if all(of.interlock.aspects[i] == aspects.GREEN for i in wanted):
            return n
        tick(of, 1 << EMERGENCY_ROW)
    raise AssertionError(f"no green within {most} ticks")
