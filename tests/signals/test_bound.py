"""I8: a call is served within the site's longest red, whatever is held, omitted, forced off; and nothing trips."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import adversaries
import plan_records
import pytest
import sites
from hypothesis import given, settings
from hypothesis import strategies as st
from street import Input, Street, all_locked, bounded_site

from roles.traffic_signal import calls, interlock, phases

if TYPE_CHECKING:
    from collections.abc import Callable

SPLITS = [20_000, 40_000] * 4
COORDINATION = [120_000, 0, SPLITS, 0b00100010, phases.SHORTWAY, 0]
LEADING = [[[1, 2], [3, 4]], [[6, 5], [7, 8]]]
VARIANTS: dict[str, dict[str, Any]] = {
    "free": {"peds": True},
    "vehicles only": {},
    "coordinated": {"peds": True, "coordination": COORDINATION},
    "coordinated, floating": {"peds": True, "coordination": [*COORDINATION[:5], 1]},
    "lagging left": {"peds": True, "rings": LEADING, "coordination": [120_000, 0, SPLITS, 0b00100010, 0, 0]},
    "red rest": {"peds": True, "each": {"options": phases.LOCK | phases.RED_REST}},
    "rest in walk": {"peds": True, "each": {"options": phases.LOCK | phases.REST_IN_WALK | phases.DUAL_ENTRY}},
    "coordinated, rest in walk": {
        "peds": True,
        "coordination": COORDINATION,
        "each": {"options": phases.LOCK | phases.REST_IN_WALK | phases.PED_RECALL | phases.DUAL_ENTRY},
    },
    "no backing up": {
        "peds": True,
        "each": {"options": phases.LOCK | phases.BACKUP_PROTECT | phases.DUAL_ENTRY | phases.SIMULTANEOUS_GAP},
    },
    "no backing up, coordinated": {
        "peds": True,
        "coordination": COORDINATION,
        "each": {"options": phases.LOCK | phases.BACKUP_PROTECT},
    },
    "buses": {"peds": True, "transit": [[2, 20_000, 10_000, 30_000], [4, 20_000, 10_000, 30_000]]},
    "four sides": {"rings": [[[1], [2], [3], [4]], [[5], [6], [7], [8]]], "peds": True},
}
ROOMS_MS = (0, 10_000, 40_000)
"""What the longest red has beyond the shortest that a plan is taken for."""


def laid_out(variant: str, room_ms: int) -> Street:
    changes = {"each": all_locked(), **VARIANTS[variant]}
    peds = changes.pop("peds", False)
    site = bounded_site(peds=peds, room_ms=room_ms, **changes)
    return Street(site, plan_records.tables(plan_records.plan(peds=peds, **changes), site))


def watch(street: Street, adversary: Any, ticks: int) -> None:
    """Raise AssertionError when a call waits too long or the interlock flashes."""
    inputs = adversary(street)
    for _ in range(ticks):
        street.tick(next(inputs))
        assert street.interlock.mode <= interlock.RUN
        for i, wait in enumerate(street.waits):
            assert wait is None or wait <= street.plan.most_wait[i], (
                f"tick {street.ticks}: {'pedestrians' if i > 7 else 'vehicles'} of phase {i % 8 + 1} wait {wait} ticks"
            )


@pytest.mark.parametrize("room_ms", ROOMS_MS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_nobody_waits_longer_than_the_site_allows(
    variant: str, room_ms: int, tier_size: Callable[[int, int], int]
) -> None:
    longest = [0] * 16
    for seed in range(tier_size(2, 40)):
        rng = random.Random(f"{variant} {room_ms} {seed}")
        street = laid_out(variant, room_ms)
        watch(street, lambda street, rng=rng: adversaries.meddler(rng, street), tier_size(4_000, 50_000))
        longest = [max(pair) for pair in zip(longest, street.longest, strict=True)]
    # The adversary is a real one: it gets as near to the bound as the bound's own margin.
    nearest = min(street.plan.most_wait[i] - wait for i, wait in enumerate(longest) if wait)
    assert nearest <= 50 or room_ms


def test_a_ring_that_could_go_back_puts_off_nobody_in_the_other() -> None:
    """Vehicles of 1 and 5 are passed by for as long as may be; then 1 alone is let in again, and everybody comes."""
    street = laid_out("free", 60_000)
    for _ in range(1_000):
        street.tick(Input(0b0010_0010))

    def inputs(street: Street) -> Any:
        bound, is_let_in = street.controller.bound, False
        while True:
            is_let_in = is_let_in or 0 < bound.slack < 30
            chosen = 0b0010_0001 if is_let_in else 0b0010_0010
            orders = (calls.FORCE_OFF, ~chosen & 0xFF), (calls.OMIT, ~chosen & 0xFF), (calls.HOLD, chosen)
            yield Input(
                0xFF if is_let_in else 0b0001_0001,
                0xFF if is_let_in else 0,
                commands=[(*order, 100) for order in orders],
            )

    watch(street, inputs, 6_000)


@settings(max_examples=15)
@given(data=st.data())
def test_any_plan_that_is_taken_keeps_the_bound(data: st.DataObject) -> None:
    times = st.integers(50, 150).map(lambda ticks: ticks * 100)
    each = {
        "options": phases.LOCK | data.draw(st.integers(0, phases.OPTIONS)),
        "least": data.draw(times),
        "most": data.draw(times) + 15_000,
        "walk": data.draw(times) + 2_000,
        "passage": data.draw(st.integers(0, 40)) * 100,
        "before": data.draw(st.integers(0, 100)) * 100,
        "reduce": data.draw(st.integers(0, 100)) * 100,
    }
    rings = [[data.draw(st.permutations(side)) for side in ring] for ring in plan_records.RINGS]
    site = bounded_site(peds=True, each=each, rings=rings, room_ms=data.draw(st.integers(0, 300)) * 100)
    street = Street(site, plan_records.tables(plan_records.plan(peds=True, each=each, rings=rings), site))
    rng = random.Random(data.draw(st.integers(0, 1_000_000)))
    watch(street, lambda street: adversaries.meddler(rng, street), 1_500)


@pytest.mark.parametrize("country", ["CN", "US", "UK", "DE"])
def test_the_controller_never_trips_the_interlock(country: str, tier_size: Callable[[int, int], int]) -> None:
    """Random detectors, commands, preemptions, priorities, and a new plan now and then: 10^5 ticks, a soak 10^7."""
    site = sites.tables(sites.junction(country))
    changes = {"each": {"least": 6_000, "red": 6_000}}
    preempts = [
        [phases.RAIL, 1_000, 0b00100001, 4_000, 0b10000000, 5_000, 60_000, 0, 60_000],
        [phases.EMERGENCY, 0, 0, 0, 0b00100010, 5_000, 60_000, 0b00100010, 60_000],
    ]
    usual = {"peds": True, "preempts": preempts, "transit": [[2, 10_000, 5_000, 120_000], [4, 5_000, 5_000, 90_000]]}
    plans = [
        plan_records.tables(plan_records.plan(**usual, **changes), site),
        plan_records.tables(plan_records.plan(**usual, **changes, coordination=COORDINATION), site),
        plan_records.tables(plan_records.plan(**usual, **changes, rings=LEADING), site),
    ]
    rng = random.Random(country)
    street = Street(site, plans[0])
    inputs = adversaries.everything(rng, street)
    for tick in range(tier_size(25_000, 2_500_000)):
        street.tick(next(inputs))
        if street.controller.coordination and rng.random() < 0.001:
            street.controller.coordination.sync(rng.getrandbits(41))
        if tick % 5_000 == 4_999:
            street.load(rng.choice(plans))
        assert street.interlock.mode <= interlock.RUN, (tick, street.interlock.reason)
