"""Cycle, offset, split: the coordinated phases end at the coordination point, whatever the others do."""

from __future__ import annotations

from typing import Any

import plan_records
import pytest
import sites
from street import Input, Street

from roles.traffic_signal import phases
from roles.traffic_signal.coordination import Coordination

CYCLE = 900
SPLITS_MS = [15_000, 35_000, 15_000, 25_000] * 2
ALL = 0xFF
EACH = {"options": phases.LOCK | phases.DUAL_ENTRY}
CLEARANCE = 50
"""Amber and red clearance at the site."""


def street(transition: int = phases.SHORTWAY, floating: int = 0, offset_ms: int = 0, **changes: Any) -> Street:
    site = sites.tables(sites.junction("US") if changes.get("peds") else sites.dual_ring("US"))
    cycle = [CYCLE * 100, offset_ms, SPLITS_MS, 0b00100010, transition, floating]
    record = plan_records.plan(**{"each": EACH, "coordination": cycle, **changes})
    made = Street(site, plan_records.tables(record, site))
    made.run_until_green()
    return made


def ends(of: Street, number: int, ticks: int, vehicles: int = ALL) -> list[int]:
    """Positions in the cycle at which the green of a phase ends."""
    seen = []
    before = False
    for _ in range(ticks):
        position = of.controller.coordination.position
        of.tick(Input(vehicles))
        now = number in of.green()
        if before and not now:
            seen.append((position + 1) % CYCLE)
        before = now
    return seen


def settled(of: Street, vehicles: int = ALL) -> Street:
    for _ in range(2 * CYCLE):
        of.tick(Input(vehicles))
    return of


def test_with_traffic_everywhere_each_split_is_used_up() -> None:
    expected = {2: 0, 3: 150, 4: 400, 1: 550, 6: 0, 7: 150, 8: 400, 5: 550}
    of = settled(street())
    for number, position in expected.items():
        assert set(ends(of, number, 2 * CYCLE)) == {position}


def test_what_others_do_not_need_is_the_coordinated_phases_own() -> None:
    of = settled(street(), 0b10)
    assert ends(of, 2, 3 * CYCLE, 0b10) == [], "nobody waits, nothing ends"
    of = settled(street(), 0b1010)
    assert set(ends(of, 2, 3 * CYCLE, 0b1010)) == {0}
    assert set(ends(of, 4, 3 * CYCLE, 0b1010)) == {400}


@pytest.mark.parametrize("floating", [0, 1])
def test_floating_splits_give_no_more_than_the_split(floating: int) -> None:
    """Phase 3 is not called: with fixed force-offs 4 may use its time, with floating ones 2 gets it."""
    of = settled(street(floating=floating), 0b1010)
    assert set(ends(of, 4, 2 * CYCLE, 0b1010)) == {250 if floating else 400}


def test_a_late_call_waits_for_its_window() -> None:
    """The split of 4 ends at 400: a call at 360 has no room for a least green after the clearance, one at 290 has."""
    for position, served in ((290, True), (360, False)):
        of = settled(street(), 0)
        while of.controller.coordination.position != position:
            of.tick(Input())
        of.tick(Input(0b1000))
        got = False
        while of.controller.coordination.position != 450:
            of.tick(Input())
            got = got or 4 in of.green()
        assert got == served


def test_the_coordinated_phase_yields_once_a_cycle() -> None:
    of = settled(street(), 0)
    while of.controller.coordination.position != 890:
        of.tick(Input())
    starts = 0
    before = False
    for _ in range(CYCLE):
        of.tick(Input(0b1000 if of.ticks % 100 < 5 else 0))
        now = 4 in of.green()
        starts += now and not before
        before = now
    assert starts == 1


def test_a_lagging_left_turn_follows_its_through_phase() -> None:
    of = settled(street(rings=[[[1, 2], [3, 4]], [[6, 5], [7, 8]]]))
    assert set(ends(of, 2, 2 * CYCLE)) == {0}
    assert set(ends(of, 6, 2 * CYCLE)) == {CYCLE - 150}
    assert set(ends(of, 5, 2 * CYCLE)) == {0}


@pytest.mark.parametrize("transition", [phases.DWELL, phases.SHORTWAY])
@pytest.mark.parametrize("error", [-449, -300, -1, 1, 5, 200, 449])
def test_the_clock_moves_the_point_slowly_and_nothing_else(transition: int, error: int) -> None:
    of = street(transition)
    coordination = Coordination(of.plan)
    coordination.sync(0)
    coordination.error = error
    steps = []
    for _ in range(8 * CYCLE):
        before = coordination.position
        coordination.tick()
        steps.append((coordination.position - before) % CYCLE)
        if not coordination.error:
            break
    assert not coordination.error
    assert set(steps) <= ({0, 1} if transition == phases.DWELL else {0, 1, 2})
    if transition == phases.SHORTWAY:
        assert len(steps) <= 6 * abs(error) + 6
    assert sum(step - 1 for step in steps) % CYCLE == error % CYCLE


@pytest.mark.parametrize("offset_ms", [0, 12_300, 89_900])
def test_the_point_is_where_utc_and_the_offset_say(offset_ms: int) -> None:
    of = street(offset_ms=offset_ms)
    utc_ms = 1_800_000_000_000
    for tick in range(4 * CYCLE):
        of.controller.coordination.sync(utc_ms + 100 * tick)
        of.tick(Input(ALL))
    now_ms = utc_ms + 400 * CYCLE - 100
    assert (of.controller.coordination.position - (now_ms - offset_ms) // 100) % CYCLE in {0, 1}


@pytest.mark.parametrize("step_ms", [-3_600_000, 3_600_000, 60_000, -7_000])
def test_a_clock_step_cuts_no_interval(step_ms: int) -> None:
    """The lamps keep their times while the clock jumps: amber, least green and clearance are the interlock's."""
    of = settled(street())
    lengths: dict[tuple[int, int], list[int]] = {}
    before, since = bytes(of.interlock.aspects), [0] * of.site.count
    for tick in range(4 * CYCLE):
        of.controller.coordination.sync(tick * 100 + (step_ms if tick > CYCLE else 0))
        of.tick(Input(ALL))
        for i, aspect in enumerate(of.interlock.aspects):
            if aspect != before[i]:
                lengths.setdefault((i, before[i]), []).append(tick - since[i])
                since[i] = tick
        before = bytes(of.interlock.aspects)
    greens = [length for (_, aspect), some in lengths.items() for length in some[1:] if aspect == 2]
    ambers = [length for (_, aspect), some in lengths.items() for length in some if aspect == 4]
    assert min(greens) >= 50
    assert set(ambers) == {30}


def test_pedestrians_fit_into_the_cycle() -> None:
    of = street(peds=True)
    for _ in range(2 * CYCLE):
        of.tick(Input(ALL, ALL))
    seen = []
    before = False
    for _ in range(3 * CYCLE):
        position = of.controller.coordination.position
        of.tick(Input(ALL, ALL))
        if before and 2 not in of.green():
            seen.append((position + 1) % CYCLE)
        before = 2 in of.green()
    assert set(seen) == {0}
