"""Priority of buses: a green goes on, or others' greens end earlier; once, and nobody is left out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import plan_records
import pytest
import sites
from street import Input, Street

from roles.traffic_signal import phases

EXTENSION, EARLY, LOCKOUT = 80, 100, 1_500
MOST = 300
CYCLE = 900
COORDINATION = [CYCLE * 100, 0, [20_000, 25_000] * 4, 0b00100010, phases.SHORTWAY, 0]
ALL = 0xFF
BUS_ON_4 = 1


def street(**changes: Any) -> Street:
    site = sites.tables(sites.dual_ring("US"))
    row = [4, changes.pop("extension", EXTENSION) * 100, changes.pop("early", EARLY) * 100, LOCKOUT * 100]
    record = plan_records.plan(transit=[row], each={"options": phases.LOCK | phases.DUAL_ENTRY}, **changes)
    made = Street(site, plan_records.tables(record, site))
    made.run_until_green()
    for _ in range(2 * CYCLE):
        made.tick(Input(ALL))
    return made


def until_green(of: Street, number: int, transit: int = 0, limit: int = 3_000) -> int:
    for tick in range(limit):
        if number in of.green():
            return tick
        of.tick(Input(ALL, transit=transit))
    raise AssertionError(f"phase {number} has no green")


def while_green(of: Street, number: int, transit: int = 0) -> int:
    ticks = 0
    while number in of.green():
        of.tick(Input(ALL, transit=transit))
        ticks += 1
    return ticks


def to_the_end_of(of: Street, number: int) -> None:
    until_green(of, number)
    while_green(of, number)


def test_a_green_goes_on_for_the_bus_up_to_the_extension() -> None:
    of = street(early=0)
    to_the_end_of(of, 4)
    until_green(of, 4)
    usual = while_green(of, 4)
    until_green(of, 4)
    assert while_green(of, 4, BUS_ON_4) == usual + EXTENSION


def test_a_bus_that_has_gone_holds_nobody_up() -> None:
    of = street(early=0)
    to_the_end_of(of, 4)
    until_green(of, 4)
    for _ in range(MOST + 20):
        of.tick(Input(ALL, transit=BUS_ON_4))
    assert 4 in of.green()
    assert while_green(of, 4) <= 2


def test_others_end_earlier_for_the_bus_and_nobody_is_left_out() -> None:
    of = street(extension=0)
    to_the_end_of(of, 4)
    usual = until_green(of, 4)
    to_the_end_of(of, 4)
    seen: set[int] = set()
    ticks = 0
    while 4 not in of.green():
        of.tick(Input(ALL, transit=BUS_ON_4))
        seen.update(of.green())
        ticks += 1
    assert usual - 3 * EARLY - 5 <= ticks <= usual - EARLY
    assert seen >= {1, 2, 3, 5, 6, 7}


def test_one_grant_and_then_the_lockout() -> None:
    of = street(early=0)
    to_the_end_of(of, 4)
    lengths = []
    for _ in range(5):
        until_green(of, 4, BUS_ON_4)
        lengths.append(while_green(of, 4, BUS_ON_4))
    usual = min(lengths)
    granted = [length == usual + EXTENSION for length in lengths]
    assert granted[0]
    assert not any(one and other for one, other in pairwise(granted))


@pytest.mark.parametrize("position", range(0, CYCLE, 180))
def test_the_cycle_is_kept(position: int) -> None:
    """With a bus at any time of the cycle, the coordination point stays, and the cycle after is as ever."""
    of = street(coordination=COORDINATION)
    while of.controller.coordination.position != position:
        of.tick(Input(ALL))
    for _ in range(150):
        of.tick(Input(ALL, transit=BUS_ON_4))
    while of.controller.coordination.position != 0:
        of.tick(Input(ALL))
    for _ in range(CYCLE):
        of.tick(Input(ALL))
    ends = set()
    for _ in range(CYCLE):
        before = of.green()
        now = of.controller.coordination.position
        of.tick(Input(ALL))
        ends |= {(number, (now + 1) % CYCLE) for number in set(before) - set(of.green())}
    assert ends == {(2, 0), (6, 0), (3, 200), (7, 200), (4, 450), (8, 450), (1, 650), (5, 650)}
