"""Offsets of green waves: the widest bands there are, found by trying everything that could be."""

from __future__ import annotations

import itertools
import random

import pytest

from paifang.insight.waves import Arterial, Green, Junction, bandwidths, best

COARSE_MS = 2_000


def through(arterial: Arterial, offsets_ms: tuple[int, ...]) -> tuple[int, int]:
    """Bandwidths found by driving: who enters at each moment of a cycle, in steps of COARSE_MS, and meets no red."""
    cycle_ms = arterial.cycle_ms
    found: list[int] = []
    for is_back in (False, True):
        clear: list[bool] = []
        for enter_ms in range(0, cycle_ms, COARSE_MS):
            at_ms, is_clear = enter_ms, True
            # Backwards from where the way back ends: who passes the first junction at `at_ms` passed that one then.
            for junction, offset_ms in zip(arterial.junctions, offsets_ms, strict=True):
                at_ms += -junction.back_ms if is_back else junction.out_ms
                green = junction.back if is_back else junction.out
                since_ms = (at_ms - offset_ms - green.ends_ms + green.lasts_ms) % cycle_ms
                is_clear = is_clear and since_ms < green.lasts_ms
            clear.append(is_clear)
        found.append(COARSE_MS * longest_run(clear))
    return found[0], found[1]


def longest_run(clear: list[bool]) -> int:
    """Of a circle."""
    if all(clear):
        return len(clear)
    return max((len(list(run)) for is_clear, run in itertools.groupby(clear + clear) if is_clear), default=0)


def some_arterial(chance: random.Random, count: int) -> Arterial:
    """All times are multiples of COARSE_MS, so that steps of it miss nothing."""
    cycle_ms = COARSE_MS * chance.randint(8, 14)

    def green() -> Green:
        lasts_ms = COARSE_MS * chance.randint(2, cycle_ms // COARSE_MS - 2)
        return Green(lasts_ms, -COARSE_MS * chance.randint(0, 3))

    def junction(is_first: bool) -> Junction:
        out_ms, back_ms = (0 if is_first else COARSE_MS * chance.randint(1, 20) for _ in range(2))
        return Junction(green(), green(), out_ms, back_ms)

    junctions = tuple(junction(place == 0) for place in range(count))
    return Arterial(cycle_ms, junctions, chance.choice((1, 2, 3.5)), chance.choice((0, 1, 1.5)))


def worth(arterial: Arterial, widths: tuple[int, int]) -> float:
    return arterial.out_weight * widths[0] + arterial.back_weight * widths[1]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_no_other_offsets_are_better(count, tier_size):
    chance = random.Random(count)
    for _ in range(tier_size(12, 200)):
        arterial = some_arterial(chance, count)
        wave = best(arterial)
        others = itertools.product(range(0, arterial.cycle_ms, COARSE_MS), repeat=count - 1)
        most = max(worth(arterial, through(arterial, (0, *offsets_ms))) for offsets_ms in others)
        assert worth(arterial, wave[1:]) == pytest.approx(most), arterial


def test_bandwidths_are_what_driving_finds():
    chance = random.Random(7)
    for _ in range(300):
        arterial = some_arterial(chance, chance.randint(1, 5))
        cycle = range(0, arterial.cycle_ms, COARSE_MS)
        offsets_ms = tuple(chance.choice(cycle) for _ in arterial.junctions)
        assert bandwidths(arterial, offsets_ms) == through(arterial, offsets_ms), (arterial, offsets_ms)


def test_one_way_takes_the_travel_time():
    greens = (Green(40_000), Green(40_000))
    arterial = Arterial(90_000, (Junction(*greens), *[Junction(*greens, 25_200, 25_200)] * 3), back_weight=0)
    assert best(arterial) == ((0, 25_200, 50_400, 75_600), 40_000, 0)


def test_half_a_cycle_apart_both_ways_are_whole():
    greens = (Green(35_000), Green(35_000))
    arterial = Arterial(80_000, (Junction(*greens), Junction(*greens, 40_000, 40_000)))
    assert best(arterial) == ((0, 40_000), 35_000, 35_000)


def test_slack_is_shared_between_both_ends_of_a_longer_green():
    arterial = Arterial(90_000, (Junction(Green(30_000), Green(30_000)), Junction(Green(50_000), Green(50_000))))
    assert best(arterial) == ((0, 10_000), 30_000, 30_000)


def test_a_long_way_of_many_cycles():
    greens = (Green(30_000), Green(30_000))
    arterial = Arterial(60_000, (Junction(*greens), *[Junction(*greens, 450_000, 450_000)] * 8))
    assert best(arterial).out_ms == best(arterial).back_ms == 30_000


def test_turns_that_lead_or_lag_are_counted_in():
    arterial = Arterial(
        80_000,
        (
            Junction(Green(30_000), Green(30_000, -20_000)),
            Junction(Green(30_000, -20_000), Green(30_000), 20_000, 20_000),
        ),
    )
    found = best(arterial)
    assert (found.out_ms, found.back_ms) == (30_000, 30_000)
    assert found.offsets_ms == (0, 40_000)
