"""Max-pressure: what it advises, when it keeps silent, and which junctions it does not take."""

from __future__ import annotations

from typing import Any

import pytest

from paifang.errors import PaifangError
from paifang.insight.pressure import FORCE_OFF, Junction, MaxPressure, Order, Traffic, Tuning

RINGS = (((1, 2), (3, 4)), ((5, 6), (7, 8)))
PHASES = range(1, 9)
JUNCTION: dict[str, Any] = {
    "rings": RINGS,
    "lanes": {p: 1 if p % 2 else 2 for p in PHASES},
    "service_s": dict.fromkeys(PHASES, 20.0),
    "room": {},
    "bound_s": 180.0,
}
MAIN = 0b0010_0010
FORCED = (Order(FORCE_OFF, MAIN),)
USUAL = Tuning()
QUIET = Traffic(0, *((0,) * 8,) * 4, MAIN, 0, 0, 0)


def of_phases(**counts: int) -> tuple[int, ...]:
    """`p4=6`: six at phase 4."""
    return tuple(counts.get(f"p{p}", 0) for p in PHASES)


def advised(traffic: Traffic, *, after_s: int = 20, tuning: Tuning = USUAL, **changes: Any) -> tuple[Order, ...]:
    """What stands when the same is seen for `after_s`."""
    core = MaxPressure(Junction(**{**JUNCTION, **changes}), tuning)
    orders: tuple[Order, ...] = ()
    for second in range(after_s + 1):
        orders = core.advise(traffic._replace(t_ms=1_000 * second))
    return orders


WAITING = QUIET._replace(standing=of_phases(p4=7, p8=7), coming=of_phases(p4=7, p8=7), calls=0b1000_1000)


def test_more_beyond_the_barrier_ends_what_is_green() -> None:
    assert advised(WAITING) == FORCED


def test_nothing_is_advised_that_nobody_wins_by() -> None:
    assert advised(QUIET) == ()
    assert advised(WAITING._replace(standing=of_phases(p4=6, p8=6), coming=of_phases(p4=6, p8=6))) == ()


def test_a_change_costs_more_the_more_lanes_it_stops() -> None:
    wide = {**JUNCTION["lanes"], 2: 3, 6: 3}
    assert advised(WAITING, lanes=wide) == ()


def test_who_is_on_the_way_counts_for_a_part() -> None:
    coming = WAITING._replace(standing=of_phases(p4=5, p8=5), coming=of_phases(p4=11, p8=11))
    assert advised(coming) == FORCED
    assert advised(coming, tuning=Tuning(coming_weighs=0.1)) == ()


def test_a_green_has_its_time_before_it_is_ended() -> None:
    assert advised(WAITING, after_s=7) == ()
    assert advised(WAITING, after_s=8) == FORCED


def test_between_two_greens_there_is_nothing_to_say() -> None:
    assert advised(WAITING._replace(green=0)) == ()


def test_a_road_that_is_full_takes_nobody() -> None:
    ahead = WAITING._replace(ahead=of_phases(p4=40, p8=40))
    assert advised(ahead, room={4: 41, 8: 41}) == FORCED
    assert advised(ahead, room={4: 40, 8: 40}) == ()


def test_gaps_are_service_as_far_as_somebody_was_seen_to_take_them() -> None:
    """Permissive green counts by measured departures, not by the lamp."""
    lefts = QUIET._replace(standing=of_phases(p3=7, p7=7), calls=0b1100_1100)
    lefts = lefts._replace(coming=lefts.standing)
    assert advised(lefts) == FORCED
    core = MaxPressure(Junction(**JUNCTION))
    orders: tuple[Order, ...] = ()
    for second in range(60):
        passed = of_phases(p3=second // 3, p7=second // 3)
        orders = core.advise(lefts._replace(t_ms=1_000 * second, passed=passed))
    assert orders == ()


def test_near_saturation_the_node_is_left_alone() -> None:
    crowd = of_phases(**{f"p{p}": 2 for p in PHASES} | {"p4": 9, "p8": 9})
    assert sum(crowd) > USUAL.saturated * sum(JUNCTION["lanes"].values())
    assert advised(WAITING._replace(standing=crowd, coming=crowd)) == ()


@pytest.mark.parametrize("who", [{"calls": 0b0000_0001}, {"buttons": 0b0000_1000}])
def test_who_has_waited_for_long_is_the_nodes_to_serve(who: dict[str, int]) -> None:
    """By call, not by pressure: there may be none where somebody waits."""
    waiting = WAITING._replace(calls=0)._replace(**who)
    assert advised(waiting, after_s=60) == FORCED
    assert advised(waiting, after_s=61) == ()


def test_a_wait_ends_with_green() -> None:
    core = MaxPressure(Junction(**JUNCTION))
    for second in range(200):
        green = MAIN if second % 50 else MAIN | 1
        orders = core.advise(WAITING._replace(t_ms=1_000 * second, calls=0b0000_0001, green=green))
        if second % 50 == 49:
            assert orders == FORCED, "nobody has waited for a minute"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bound_s": 79.0}, "takes 80 s, and nobody may wait longer than 79 s"),
        ({"lanes": {p: 1 for p in PHASES if p != 3}}, "phase 3 has no lanes"),
        ({"service_s": {**JUNCTION["service_s"], 5: 0.0}}, "phase 5 has no lanes, or no service"),
        ({"rings": ()}, "no stage serves"),
    ],
)
def test_what_it_does_not_take(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PaifangError) as raised:
        MaxPressure(Junction(**{**JUNCTION, **changes}))
    assert words in raised.value.message
    assert raised.value.hint


def test_the_bound_is_that_of_what_is_served_one_after_the_other() -> None:
    MaxPressure(Junction(**{**JUNCTION, "bound_s": 80.0}))


def test_one_ring_is_a_junction() -> None:
    single = {"rings": (((2,), (4,)),), "lanes": {2: 1, 4: 1}, "service_s": {2: 20.0, 4: 20.0}}
    seen = QUIET._replace(green=0b10, standing=of_phases(p4=2), coming=of_phases(p4=2))
    assert advised(seen, **single) == ()
    assert advised(seen, **single, tuning=Tuning(change_costs=1.5)) == (Order(FORCE_OFF, 0b10),)
