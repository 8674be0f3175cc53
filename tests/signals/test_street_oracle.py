"""The judge of what the street shows: silent over what is right, and it names the rule of each doctored street."""

from __future__ import annotations

import pytest
import sites

from paifang_rig.signals import street_oracle
from paifang_rig.signals.street import AMBER_SHIFT, GREEN_SHIFT
from paifang_rig.signals.street_log import Picture, StreetLog

SHIFTS = {"R": 0, "A": AMBER_SHIFT, "G": GREEN_SHIFT, "-": 0}
TRIP_MS, TRANSFER_MS = 450, street_oracle.TRANSFER_MS


def record(country="US"):
    """Groups: street a, street b across it, a crossing beside a."""
    groups = [sites.group(country, sites.VEHICLE, "a"), sites.group(country, sites.VEHICLE, "b")]
    return sites.record([*groups, sites.group(country, sites.PEDESTRIAN, "walk")], ((0, 2),), country)


def bits(faces):
    """`G R R`: the lamps of each face; `-` is dark."""
    return sum(1 << i + SHIFTS[c] for i, face in enumerate(faces.split()) for c in face if c != "-")


def log(*pictures, end_ms=200_000):
    """Pictures (ms, lit), (ms, lit, asked), or (ms, None): the flasher."""
    made = StreetLog()
    for t_ms, faces, *asked in pictures:
        if faces is None:
            made.add(Picture(t_ms, 0b11, 0, True))
        else:
            made.add(Picture(t_ms, bits(faces), bits(asked[0] if asked else faces), False))
    made.end_ms = end_ms
    return made


def walking(begin_ms, clearance):
    """A walk of 7 s with street a, and `clearance` lit in every other half second for 8 s."""
    flashes = [(begin_ms + 7_000 + 500 * n, f"G R {clearance if n % 2 == 0 else '-'}") for n in range(16)]
    return [(begin_ms, "G R G"), *flashes, (begin_ms + 15_000, "G R R")]


LEGAL = (
    (0, None),
    (4_000, "R R R"),
    (14_000, "G R R"),
    *walking(15_000, "R"),
    (33_000, "A R R"),
    (36_000, "R R R"),
    (38_000, "R G R"),
    (48_000, "R A R"),
    (51_000, "R R R"),
    (60_000, None),
    (70_000, "R R R"),
    (80_000, "G R R"),
)


def test_a_street_as_it_should_be_breaks_no_rule():
    assert street_oracle.judge(log(*LEGAL), record()) == []
    assert street_oracle.longest(log(*LEGAL), record()) == {"S1": 0, "S2": 500, "S3": 0, "S4": 0, "S6": 0}


def at(t_ms, ms, faces, *asked, then="G R R"):
    """The legal street, with these faces for `ms`."""
    return [p for p in LEGAL if p[0] <= t_ms] + [(t_ms, faces, *asked), (t_ms + ms, then), (60_000, None)]


CONFLICTS = {
    "two greens": at(32_000, TRIP_MS, "G G R"),
    "green and amber": at(32_000, TRIP_MS, "G A R"),
    "two ambers": at(34_000, TRIP_MS, "A A R", then="R R R"),
    "green over red": at(32_000, TRIP_MS, "G RG R", "G RG R"),
    "green and walk": at(40_000, TRIP_MS, "R G G", then="R G R"),
    "red with amber": at(32_000, TRIP_MS, "G RA R"),
}
OTHERS = {
    "a dark face": ("S2", at(31_000, 1_000, "G - R")),
    "a dark crossing": ("S2", at(31_000, 1_000, "G R -")),
    "red and green": ("S3", at(31_000, TRIP_MS, "RG R R")),
    "red and amber": ("S3", at(31_000, TRIP_MS, "G RA R")),
    "all three": ("S3", at(31_000, TRIP_MS, "RAG R R")),
    "a walk over red": ("S3", at(31_000, TRIP_MS, "G R RG")),
    "a walk that nobody asked for": ("S4", at(31_000, TRIP_MS, "G R G", "G R R")),
    "a red that nobody asked for": ("S4", at(31_000, TRIP_MS, "R R R", "G R R")),
}
FLASHING = [
    *[p for p in LEGAL if p[0] <= 32_000],
    (32_000, "G G R"),
    (32_280, "G R R"),
    (32_280 + 500, "G G R"),
    (32_280 + 500 + 170, "G R R"),
    (60_000, None),
]
"""A green that flashes beside the other one: 280 ms, a dark half, and again."""
DOCTORED = {name: ("S1", street) for name, street in CONFLICTS.items()} | OTHERS


def longer(street, by_ms):
    """The same, what is wrong lasting longer."""
    return [*street[:-2], (street[-2][0] + by_ms, *street[-2][1:]), street[-1]]


@pytest.mark.parametrize("name", DOCTORED)
def test_what_lasts_too_long_is_found_and_what_a_monitor_ends_in_time_is_not(name):
    rule, street = DOCTORED[name]
    in_time = street_oracle.judge(log(*longer(street, TRANSFER_MS)), record())
    assert in_time == [], [str(breach) for breach in in_time]
    assert street_oracle.longest(log(*longer(street, TRANSFER_MS)), record())[rule] == (street_oracle.BOUNDS_MS[rule])
    late = street_oracle.judge(log(*longer(street, TRANSFER_MS + 20)), record())
    assert rule in {breach.rule for breach in late}


@pytest.mark.parametrize("name", DOCTORED)
def test_what_the_flasher_ends_is_over(name):
    rule, street = DOCTORED[name]
    ended = [*street[:-2], (street[-2][0] + TRANSFER_MS, None)]
    assert street_oracle.judge(log(*ended), record()) == []
    flashed = log(*ended)
    assert street_oracle.longest(flashed, record())[rule] == street_oracle.BOUNDS_MS[rule]


def test_a_light_that_flashes_has_a_dark_half_more():
    assert street_oracle.judge(log(*FLASHING), record()) == []
    assert street_oracle.longest(log(*FLASHING), record()) | {"S2": 0} == {
        "S1": 280,
        "S2": 0,
        "S3": 0,
        "S4": 0,
        "S6": 950,
    }
    late = [*FLASHING[:-2], (FLASHING[-2][0] + 200, *FLASHING[-2][1:]), FLASHING[-1]]
    assert {breach.rule for breach in street_oracle.judge(log(*late), record())} == {"S6"}


@pytest.mark.parametrize(("country", "clearance"), [("US", "R"), ("CN", "G"), ("UK", "G")])
def test_a_clearance_is_moving_until_it_is_steady(country, clearance):
    street = [*LEGAL[:3], *walking(15_000, clearance), (33_000, "A R R"), (36_000, None)]
    assert street_oracle.judge(log(*street, end_ms=40_000), record(country)) == []
    early = [(t, f.replace("G R", "R G") if f and t >= 24_000 else f) for t, f in street if t != 33_000]
    found = [f for f in street_oracle.findings(log(*early, end_ms=40_000), record(country)) if f.rule == "S6"]
    assert [finding.t_ms for finding in found if finding.text == "b and walk move"] == [24_000]
    assert {finding.ms for finding in found if finding.text == "b and walk move"} <= {5_500, 6_000}


def test_red_with_amber_is_one_indication_where_the_country_has_it():
    street = [(0, "R R R"), (1_000, "RA R R"), (3_000, "G R R")]
    assert street_oracle.judge(log(*street, end_ms=9_000), record("UK")) == []
    assert {breach.rule for breach in street_oracle.judge(log(*street, end_ms=9_000), record("US"))} == {"S3"}


@pytest.mark.parametrize(("red_ms", "rules"), [(9_700, set()), (9_680, {"S5"}), (0, {"S5"})])
def test_after_the_flasher_comes_all_red(red_ms, rules):
    street = [(0, None), (5_000, "R R R"), (5_000 + red_ms, "G R R")]
    assert {breach.rule for breach in street_oracle.judge(log(*street, end_ms=30_000), record())} == rules
