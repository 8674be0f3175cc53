"""The judge of lamp logs: silent over what the shipped interlock shows, and it names the rule of each doctored log."""

from __future__ import annotations

import random

import pytest
import sites

from paifang_rig.signals import oracle
from paifang_rig.signals.lamps import LampLog
from roles.traffic_signal import interlock

COUNTRIES = ("CN", "US", "UK", "DE")
TICK_MS = 100


def played(record, ticks: int, seed: int = 1) -> str:
    """A log of the shipped interlock under requests by chance, with flashing and restarts in between."""
    site = sites.tables(record)
    chance = random.Random(seed)
    unit, log, request = interlock.Interlock(site), LampLog(), 0
    for tick in range(1, ticks + 1):
        if chance.random() < 0.03:
            request = chance.getrandbits(site.count)
        if chance.random() < 0.0005:
            unit.to_flash()
        elif unit.mode == interlock.FLASH and chance.random() < 0.02:
            unit.to_run()
        unit.tick(request)
        log.note(tick * TICK_MS, bytes(unit.aspects), unit.mode)
    return log.text()


@pytest.mark.parametrize("country", COUNTRIES)
def test_what_the_interlock_shows_breaks_no_rule(country, tier_size):
    record = sites.junction(country)
    log = played(record, tier_size(20_000, 1_000_000))
    assert oracle.judge(log, record) == []
    opened, modes = oracle.covered(log, record)
    assert len(opened) == len(record[2])
    assert modes == {interlock.START_FLASH, interlock.START_RED, interlock.RUN, interlock.FLASH}


def two_streets():
    """Groups: street a, street b across it, a crossing beside a."""
    groups = [
        sites.group("US", sites.VEHICLE, "a"),
        sites.group("US", sites.VEHICLE, "b"),
        sites.group("US", sites.PEDESTRIAN, "walk"),
    ]
    return sites.record(groups, ((0, 2),))


LEGAL = (
    (100, "ff-", 0),
    (4_000, "RRD", 1),
    (14_000, "RRD", 2),
    (20_000, "GRW", 2),
    (27_000, "GRw", 2),
    (35_000, "GRD", 2),
    (36_000, "ARD", 2),
    (39_000, "RRD", 2),
    (41_000, "RGD", 2),
    (46_000, "RAD", 2),
    (49_000, "RRD", 2),
    (51_000, "GRD", 2),
    (60_000, "ff-", 3),
    (70_000, "RRD", 1),
    (80_000, "RRD", 2),
)
FROM_FLASHING = 12


def text(changes) -> str:
    return "".join(f"{t_ms} {shown} {mode}\n" for t_ms, shown, mode in changes)


def moved(first: int, by_ms: int):
    """The legal log, with everything from its line `first` on earlier by `by_ms`."""
    return [(t_ms - (by_ms if i >= first else 0), shown, mode) for i, (t_ms, shown, mode) in enumerate(LEGAL)]


def replaced(place: int, *changes):
    return [*LEGAL[:place], *changes, *LEGAL[place + 1 :]]


DOCTORED = {
    "conflicting greens": ("I1", replaced(6, (36_000, "GGD", 2))),
    "a green beside a crossing's walk": ("I1", replaced(3, (20_000, "GGW", 2))),
    "amber while the other is green": ("I1", replaced(6, (36_000, "AGD", 2))),
    "a green too short": ("I2", moved(9, 100)),
    "amber left out": ("I3", [*LEGAL[:6], *LEGAL[7:]]),
    "amber too short": ("I3", moved(7, 100)),
    "amber too long": ("I3", moved(7, -100)),
    "amber twice": ("I3", replaced(6, (36_000, "ARD", 2), (36_500, "GRD", 2), (37_000, "ARD", 2))),
    "no red between the two": ("I4", replaced(7, (39_000, "RGD", 2))),
    "an intergreen too short": ("I4", moved(8, 100)),
    "walk too short": ("I5", moved(4, 100)),
    "a clearance cut": ("I5", moved(5, 100)),
    "a clearance left out": ("I3", [*LEGAL[:4], *LEGAL[5:]]),
    "green again at once": ("I6", replaced(8, (40_000, "GRD", 2))),
    "an aspect the country has not": ("I7", replaced(8, (41_000, "RgD", 2))),
    "a pedestrian face with amber": ("I7", replaced(8, (41_000, "RGA", 2))),
    "a dark face": ("I7", replaced(8, (41_000, "-GD", 2))),
    "one face flashes alone": ("I7", replaced(8, (41_000, "fGD", 2))),
    "no flash at a start": ("I11", list(LEGAL[1:])),
    "a start that flashes too short": ("I11", moved(1, 100)),
    "all-red too short": ("I11", moved(2, 100)),
    "all-red too short after flashing": ("I11", moved(14, 100)),
    "from flashing to green": ("I12", replaced(13, (70_000, "GRD", 2))),
    "a green in all-red": ("I7", replaced(13, (70_000, "GRD", 1))),
    "a face too few": ("I7", replaced(8, (41_000, "RG", 2))),
    "running without a reason": ("I11", replaced(10, (49_000, "RRD", 1))),
    "an empty log": ("I7", []),
}


def test_the_legal_log_is_legal():
    assert oracle.judge(text(LEGAL), two_streets()) == []


@pytest.mark.parametrize("name", DOCTORED)
def test_a_doctored_log_is_found_out(name):
    rule, changes = DOCTORED[name]
    breaches = oracle.judge(text(changes), two_streets())
    assert rule in {breach.rule for breach in breaches}, [str(breach) for breach in breaches]


@pytest.mark.parametrize("name", ["rgA", "DWw"])
def test_unknown_letters_are_no_log(name):
    with pytest.raises(ValueError, match="letters"):
        oracle.judge(f"100 {name}x 0\n", two_streets())


def test_the_longest_red_counts_from_the_all_red_of_a_start():
    assert oracle.longest_reds(text(LEGAL), two_streets()) == {"a": 16_000, "b": 37_000, "walk": 16_000}
