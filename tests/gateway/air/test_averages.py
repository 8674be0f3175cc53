"""Means and the NowCast, whole and with hours missing, and units."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.air.averages import GreatestOfDay, Mean, NowCast
from paifang.air.units import AT_20_C, AT_25_C, convert
from paifang.errors import PaifangError


def series(*values):
    return [None if each is None else Fraction(each) for each in values]


def with_gaps(length, gaps, value=10):
    return [None if ago in gaps else Fraction(value) for ago in reversed(range(length))]


@pytest.mark.parametrize(("hours", "least"), [(1, 1), (8, 6), (24, 20), (24, 18)])
def test_a_mean_needs_its_hours(hours, least):
    mean = Mean(hours, least)
    enough = with_gaps(hours, set(range(hours - least)))
    assert mean.of(enough) == type(mean.of(enough))(Fraction(10), tuple(range(hours - least)))
    short = mean.of(with_gaps(hours, set(range(hours - least + 1))))
    assert (short.value, short.reason) == (None, f"{least - 1} of {hours} hours, {least} are needed")


def test_a_mean_takes_the_newest_hours_and_what_was_before_a_series_is_missing():
    assert Mean(2, 2).of(series(100, 1, 2)).value == Fraction(3, 2)
    assert Mean(4, 3).of(series(1, 2, 3)).missing == (3,)


def test_a_mean_is_exact():
    assert Mean(8, 6).of(series(*["0.1"] * 8)).value == Fraction(1, 10)


# Wikipedia, "NowCast (air quality index)", after EPA's own sheet: with one pulse of 71 µg/m3 among hours of zero the
# weight is 1/2, and the NowCast of the pulse's hour 71 * 1/2 / (1 - 2^-12), halved with each hour after.
@pytest.mark.parametrize("ago", range(12))
def test_the_nowcast_of_one_pulse(ago):
    values = [Fraction(0)] * 12
    values[11 - ago] = Fraction(71)
    expected = 71 * Fraction(1, 2) ** (ago + 1) / (1 - Fraction(1, 2) ** 12)
    assert NowCast().of(values).value == expected


def test_the_nowcast_by_hand():
    # least 10, greatest 16: weight 10/16 = 0.625; (16 + 0.625*12 + 0.390625*10) / (1 + 0.625 + 0.390625)
    assert NowCast().of(series(10, 12, 16)).value == Fraction("27.40625") / Fraction("2.015625")


def test_a_gap_keeps_the_weights_of_the_other_hours():
    # weight 1/2 at least: (20 + 10/4) / (1 + 1/4)
    assert NowCast().of(series(10, None, 20)).value == Fraction("22.5") / Fraction("1.25")


def test_steady_air_is_its_plain_mean_and_clean_air_is_zero():
    assert NowCast().of(series(*[7] * 12)).value == 7
    assert NowCast().of(series(*[0] * 12)).value == 0


@pytest.mark.parametrize(
    ("gaps", "is_there"),
    [((), True), ((0,), True), ((1,), True), ((2,), True), ((0, 1), False), ((0, 2), False), ((1, 2), False)],
)
def test_the_nowcast_needs_two_of_the_newest_three_hours(gaps, is_there):
    found = NowCast().of(with_gaps(12, set(gaps)))
    assert (found.value is not None) == is_there
    assert found.missing == gaps
    if not is_there:
        assert found.reason == "1 of the newest 3 hours, 2 are needed"


def test_two_hours_are_enough_for_a_nowcast():
    assert NowCast().of(with_gaps(12, set(range(2, 12)))).value == 10


@given(st.lists(st.one_of(st.none(), st.integers(0, 1_000).map(Fraction)), max_size=30))
def test_an_average_lies_between_the_least_and_the_greatest(values):
    there = [each for each in values if each is not None]
    for averaging in (Mean(24, 18), Mean(1, 1), NowCast(), GreatestOfDay()):
        found = averaging.of(values)
        assert (found.value is None) == bool(found.reason)
        if found.value is not None:
            assert min(there) <= found.value <= max(there)


def test_the_greatest_eight_hours_of_a_day():
    day = series(*[10] * 12, *[90] * 8, *[10] * 4)
    assert GreatestOfDay().of(day).value == 90
    # Means of the night before do not count: the first one ends at 8 o'clock.
    assert GreatestOfDay().of(series(*[500] * 24, *[10] * 24)).value == 10


def test_a_day_needs_fourteen_of_its_seventeen_means():
    # Without the first hours of the day: the mean that ends at 8 has 8 - n of its hours.
    assert GreatestOfDay().of(series(*[None] * 5, *[10] * 19)).value == 10
    found = GreatestOfDay().of(series(*[None] * 6, *[10] * 18))
    assert (found.value, found.reason) == (None, "13 of 17 8 h means of the day, 14 are needed")


# DEFRA, "Conversion factors between ppb and µg/m3": 20 °C and 1013 mb for the EU, 25 °C beside it.
@pytest.mark.parametrize(
    ("pollutant", "molar", "factor"),
    [
        ("o3", AT_20_C, "1.9957"),
        ("no2", AT_20_C, "1.9125"),
        ("so2", AT_20_C, "2.6609"),
        ("co", AT_20_C, "1.1642"),
        ("o3", AT_25_C, "1.9620"),
        ("no2", AT_25_C, "1.8804"),
        ("so2", AT_25_C, "2.6186"),
        ("co", AT_25_C, "1.1449"),
    ],
)
def test_parts_become_mass_at_the_temperature_of_the_standard(pollutant, molar, factor):
    mass = convert(Fraction(1), pollutant, "ppb", "µg/m3", molar)
    assert abs(mass / Fraction(factor) - 1) < Fraction(2, 1_000)
    assert convert(mass, pollutant, "µg/m3", "ppb", molar) == 1
    assert convert(Fraction(1), pollutant, "ppm", "mg/m3", molar) == mass


@pytest.mark.parametrize("unit", ["µg/m3", "μg/m3", "ug/m3", "µg/m³"])
def test_micrograms_are_written_in_several_ways(unit):
    assert convert(Fraction(1500), "co", unit, "mg/m3", AT_25_C) == Fraction(3, 2)


@pytest.mark.parametrize("unit", ["", "%", "kg/m3"])
def test_a_unit_that_is_none_of_a_concentration_is_named(unit):
    with pytest.raises(PaifangError, match="no concentration") as refused:
        convert(Fraction(1), "pm25", unit, "µg/m3", AT_25_C)
    assert "µg/m3" in refused.value.hint


def test_particles_have_no_mixing_ratio():
    with pytest.raises(PaifangError, match="particles"):
        convert(Fraction(1), "pm10", "ppb", "µg/m3", AT_25_C)
