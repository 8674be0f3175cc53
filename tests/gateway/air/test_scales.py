"""Every edge of every table, the published examples, and that worse air never has a lesser index."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paifang.air.averages import GreatestOfDay, Mean, NowCast
from paifang.air.standards import CN_2012, CN_2026, EU, STANDARDS, US
from paifang.errors import PaifangError

RULES = [
    pytest.param(rule, id=f"{standard.name}-{report}-{rule.pollutant}-{rule.averaging.label}".replace(" ", "-"))
    for standard in STANDARDS.values()
    for report, rules in (("present", standard.present), ("daily", standard.daily))
    for rule in rules
]
FIFTY = (0, 50, 100, 150, 200, 300, 400, 500)


def scale_of(standard, pollutant, averaging, report="present"):
    [found] = [
        rule.scale
        for rule in getattr(standard, report)
        if rule.pollutant == pollutant and rule.averaging.label == averaging
    ]
    return found


def index_of(standard, pollutant, averaging, concentration, report="present"):
    return scale_of(standard, pollutant, averaging, report).index(Fraction(concentration))[0]


# The tables once more, typed in apart from the code: HJ 633-2012 table 1, HJ 633-2026, EPA-454/B-24-002 table 5.
CHINESE_HOUR = {
    "so2": (0, 150, 500, 650, 800),
    "no2": (0, 100, 200, 700, 1200, 2340, 3090, 3840),
    "co": (0, 5, 10, 35, 60, 90, 120, 150),
    "o3": (0, 160, 200, 300, 400, 800, 1000, 1200),
}
CHINESE_DAY = {
    "so2": (0, 50, 150, 475, 800, 1600, 2100, 2620),
    "no2": (0, 40, 80, 180, 280, 565, 750, 940),
    "co": (0, 2, 4, 14, 24, 36, 48, 60),
}
PARTICLES = {
    CN_2012: {"pm25": (0, 35, 75, 115, 150, 250, 350, 500), "pm10": (0, 50, 150, 250, 350, 420, 500, 600)},
    CN_2026: {"pm25": (0, 35, 60, 115, 150, 250, 350, 500), "pm10": (0, 50, 120, 250, 350, 420, 500, 600)},
}
AMERICAN = [
    ("pm25", "NowCast", "0 9.0 9.1 35.4 35.5 55.4 55.5 125.4 125.5 225.4 225.5 325.4"),
    ("pm10", "NowCast", "0 54 55 154 155 254 255 354 355 424 425 604"),
    ("no2", "1 h mean", "0 53 54 100 101 360 361 649 650 1249 1250 2049"),
    ("co", "8 h mean", "0 4.4 4.5 9.4 9.5 12.4 12.5 15.4 15.5 30.4 30.5 50.4"),
    ("o3", "8 h mean", "0 0.054 0.055 0.070 0.071 0.085 0.086 0.105 0.106 0.200"),
    ("so2", "1 h mean", "0 35 36 75 76 185 186 304"),
]
AMERICAN_LATE = [
    ("so2", "24 h mean", "305 604 605 1004", (201, 300, 301, 500)),
    ("o3", "1 h mean", "0.125 0.164 0.165 0.204 0.205 0.404 0.405 0.604", (101, 150, 151, 200, 201, 300, 301, 500)),
]
ENDS = (0, 50, 51, 100, 101, 150, 151, 200, 201, 300, 301, 500)


@pytest.mark.parametrize("standard", [CN_2012, CN_2026], ids=lambda each: each.name)
def test_every_edge_of_the_chinese_tables(standard):
    particle_hours = {CN_2012: "24 h mean", CN_2026: "1 h mean"}[standard]
    rows = [(each, "1 h mean", edges, "present") for each, edges in CHINESE_HOUR.items()]
    rows += [(each, "24 h mean", edges, "daily") for each, edges in CHINESE_DAY.items()]
    rows += [(each, particle_hours, edges, "present") for each, edges in PARTICLES[standard].items()]
    rows += [(each, "24 h mean", edges, "daily") for each, edges in PARTICLES[standard].items()]
    rows += [("o3", GreatestOfDay().label, (0, 100, 160, 215, 265, 800), "daily")]
    for pollutant, averaging, edges, report in rows:
        for edge, index in zip(edges, FIFTY, strict=False):
            assert index_of(standard, pollutant, averaging, edge, report) == index, (pollutant, averaging, edge)
            if index < FIFTY[len(edges) - 1]:
                step = Fraction(1, 10) if pollutant == "co" else 1
                assert index_of(standard, pollutant, averaging, edge + step, report) > index


@pytest.mark.parametrize(("pollutant", "averaging", "edges"), AMERICAN)
def test_every_edge_of_the_american_table(pollutant, averaging, edges):
    for edge, index in zip(edges.split(), ENDS, strict=False):
        assert index_of(US, pollutant, averaging, edge) == index, (pollutant, edge)


@pytest.mark.parametrize(("pollutant", "averaging", "edges", "indices"), AMERICAN_LATE)
def test_every_edge_of_scales_that_begin_late(pollutant, averaging, edges, indices):
    for edge, index in zip(edges.split(), indices, strict=True):
        assert index_of(US, pollutant, averaging, edge) == index, (pollutant, edge)
    first = Fraction(edges.split()[0])
    assert index_of(US, pollutant, averaging, first - Fraction(1, 10_000)) is None


@pytest.mark.parametrize(
    ("pollutant", "edges"),
    [
        ("pm25", (5, 15, 50, 90, 140)),
        ("pm10", (15, 45, 120, 195, 270)),
        ("no2", (10, 25, 60, 100, 150)),
        ("o3", (60, 100, 120, 160, 180)),
        ("so2", (20, 40, 125, 190, 275)),
    ],
)
def test_every_edge_of_the_european_table(pollutant, edges):
    assert index_of(EU, pollutant, "1 h mean", 0) == 1
    for level, edge in enumerate(edges, 1):
        assert index_of(EU, pollutant, "1 h mean", edge) == level
        assert index_of(EU, pollutant, "1 h mean", edge + Fraction(1, 1000)) == level + 1
    assert EU.category(6) == "extremely poor"


# HJ 633-2026: values published with three independent implementations, PM rounded before it is rated.
@pytest.mark.parametrize(
    ("pollutant", "concentration", "index"),
    [
        ("pm25", "35", 50),
        ("pm25", "36", 52),
        ("pm25", "60", 100),
        ("pm25", "75", 114),
        ("pm25", "115", 150),
        ("pm10", "150", 112),
        ("so2", "801", 200),
        ("no2", "350", 115),
    ],
)
def test_published_chinese_values(pollutant, concentration, index):
    assert index_of(CN_2026, pollutant, "1 h mean", concentration) == index


@pytest.mark.parametrize(
    ("concentration", "index"), [("60.49", 100), ("60.5", 100), ("62.5", 102), ("61.4", 101), ("60.51", 101)]
)
def test_chinese_concentrations_are_rounded_half_to_even(concentration, index):
    assert index_of(CN_2026, "pm25", "1 h mean", concentration) == index


def test_a_chinese_index_is_rounded_up():
    assert index_of(CN_2026, "pm25", "1 h mean", 1) == 2  # 50/35 = 1.43


# EPA-454/B-24-002, "calculating the AQI": ozone 0.07853333 is 0.078 ppm and 126, PM2.5 35.9 is 102, CO 8.4 is 90; and
# values of the fact sheet of 2024.
@pytest.mark.parametrize(
    ("pollutant", "averaging", "concentration", "index"),
    [
        ("o3", "8 h mean", "0.07853333", 126),
        ("pm25", "NowCast", "35.9", 102),
        ("co", "8 h mean", "8.4", 90),
        ("pm25", "NowCast", "9.05", 50),
        ("pm25", "NowCast", "12", 56),
        ("pm25", "NowCast", "35.49", 100),
    ],
)
def test_published_american_values(pollutant, averaging, concentration, index):
    assert index_of(US, pollutant, averaging, concentration) == index


@pytest.mark.parametrize("rule", RULES)
def test_no_scale_goes_below_zero(rule):
    with pytest.raises(PaifangError, match="not below zero"):
        rule.scale.index(Fraction(-1, 10**9))


@pytest.mark.parametrize("rule", RULES)
def test_above_its_end_a_scale_says_so(rule):
    top = rule.scale.bands[-1].high
    last, beyond = rule.scale.index(top)
    assert not beyond
    above, beyond = rule.scale.index(top * 2)
    assert (above, beyond) in {(last, True), (last + 1, False)}


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=40)
@given(numbers=st.tuples(st.decimals(0, 5_000, places=4), st.decimals(0, 5_000, places=4)))
def test_worse_air_never_has_a_lesser_index(rule, numbers):
    low, high = (rule.scale.index(Fraction(each))[0] or 0 for each in sorted(numbers))
    assert low <= high


@given(st.integers(0, 10_000), st.integers(1, 100))
def test_a_category_covers_every_index(concentration, part):
    for standard in STANDARDS.values():
        for rule in standard.present:
            index, _ = rule.scale.index(Fraction(concentration, part))
            assert index is None or standard.category(index)


def test_averaging_times_are_those_of_the_standards():
    assert {rule.pollutant: rule.averaging for rule in US.present if rule.pollutant.startswith("pm")} == {
        "pm25": NowCast(12, 3, 2),
        "pm10": NowCast(12, 3, 2),
    }
    assert {rule.averaging for rule in CN_2026.present} == {Mean(1, 1)}
    assert {rule.averaging for rule in EU.present} == {Mean(1, 1)}
    assert all(rule.averaging == Mean(24, 20) for rule in CN_2012.present if rule.pollutant.startswith("pm"))
