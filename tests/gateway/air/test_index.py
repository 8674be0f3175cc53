"""The index of the air: the worst pollutant, by which rules, or why there is none."""

from __future__ import annotations

from fractions import Fraction

import pytest

from paifang.air.index import Measured, assess
from paifang.air.standards import CN_2012, CN_2026, EU, US, named
from paifang.errors import PaifangError

CLEAN = {"so2": 5, "no2": 10, "o3": 50, "co": 1}


def present(standard, measured):
    return assess(standard, standard.present, measured)


def hours(value, count=24, unit="µg/m3"):
    return Measured(unit, [Fraction(value)] * count)


def air(**values):
    return {each: hours(value, unit="mg/m3" if each == "co" else "µg/m3") for each, value in values.items()}


def test_the_worst_pollutant_is_the_index_of_the_air():
    found = present(CN_2026, air(pm25=75, pm10=60, **CLEAN))
    assert (found.index, found.category, found.dominant) == (114, "lightly polluted", ("pm25",))
    assert (found.reason, found.unmeasured, found.beyond) == ("", (), False)
    assert {part.pollutant: part.index for part in found.parts}["pm10"] == 58


def test_equals_are_all_named():
    found = present(CN_2026, air(pm25=60, pm10=120, **CLEAN))
    assert (found.index, found.dominant) == (100, ("pm25", "pm10"))


def test_in_china_nothing_dominates_excellent_air():
    for standard in (CN_2012, CN_2026):
        assert present(standard, air(pm25=35, pm10=20, **CLEAN)).dominant == ()
    assert present(US, air(pm25=5)).dominant == ("pm25",)


def test_with_pollutants_missing_an_index_up_to_100_is_withheld_and_the_parts_are_not():
    found = present(CN_2026, air(pm25=60, pm10=60))
    assert (found.index, found.category, found.dominant) == (None, None, ())
    assert found.reason == "no index up to 100 is published without so2, no2, o3, co"
    assert [part.index for part in found.parts] == [100, 58]
    assert present(CN_2026, air(pm25=61, pm10=60)).index == 101


def test_before_2026_an_index_of_what_there_is_was_one():
    assert present(CN_2012, air(pm25=75)).index == 100


def test_the_same_air_by_the_tables_of_two_dates():
    assert present(CN_2012, air(pm25=75, **CLEAN)).index == 100
    assert present(CN_2026, air(pm25=75, **CLEAN)).index == 114


def test_particles_of_2012_are_rated_over_a_day_and_of_2026_over_an_hour():
    last_hour = Measured("µg/m3", [Fraction(35)] * 23 + [Fraction(155)])
    assert present(CN_2012, {"pm25": last_hour}).index == 57  # (23 * 35 + 155) / 24 = 40
    assert present(CN_2026, {"pm25": last_hour}).index == 205


def test_too_few_hours_make_no_index_and_say_why():
    found = present(CN_2012, {"pm25": hours(35, 19)})
    assert (found.index, found.reason) == (None, "too few hours of every pollutant")
    [part] = found.parts
    assert (part.reason, part.missing) == ("19 of 24 hours, 20 are needed", (19, 20, 21, 22, 23))


def test_a_pollutant_without_its_hours_is_missing_though_it_is_measured():
    found = present(CN_2026, air(pm25=75) | {"pm10": Measured("µg/m3", [Fraction(60), None])})
    assert found.index == 114
    assert found.unmeasured == ("pm10", "so2", "no2", "o3", "co")


def test_nothing_that_is_rated():
    assert present(US, {}).reason == "nothing is measured that this standard rates"


def test_american_ozone_takes_the_worse_of_an_hour_and_eight():
    steady = present(US, {"o3": Measured("ppb", [Fraction(90)] * 8)})
    assert (steady.index, [part.index for part in steady.parts]) == (161, [161, None])
    assert steady.parts[1].reason == "rated from 0.125 ppm on"
    peak = present(US, {"o3": Measured("ppb", [Fraction(20)] * 7 + [Fraction(170)])})
    assert peak.index == 157


def test_american_sulphur_dioxide_is_above_200_by_its_day_alone():
    hour = present(US, {"so2": Measured("ppb", [Fraction(400)])})
    assert (hour.index, hour.beyond) == (200, True)
    day = present(US, {"so2": Measured("ppb", [Fraction(400)] * 24)})
    assert (day.index, day.beyond) == (232, False)


def test_gases_are_converted_at_the_temperature_of_the_standard():
    no2 = {"no2": Measured("ppb", [Fraction(13)])}
    assert [present(each, no2).parts[0].unit for each in (EU, CN_2026, US)] == ["µg/m3", "µg/m3", "ppb"]
    by_mass = [float(present(each, no2).parts[0].concentration) for each in (EU, CN_2026)]
    assert by_mass == pytest.approx([24.87, 24.45], abs=0.01)


@pytest.mark.parametrize(
    ("standard", "pollutant", "averaging", "least"),
    [
        (CN_2012, "pm25", "24 h mean", 20),
        (CN_2012, "o3", "8 h mean", 6),
        (US, "o3", "8 h mean", 6),
        (US, "co", "8 h mean", 6),
        (US, "so2", "24 h mean", 18),
    ],
)
def test_each_average_needs_the_hours_of_its_standard(standard, pollutant, averaging, least):
    def average(count):
        parts = present(standard, {pollutant: hours(900, count)}).parts
        return next(part for part in parts if part.averaging == averaging)

    assert average(least).index is not None
    assert average(least - 1).reason.endswith(f"{least} are needed")


def test_standards_are_in_force_from_a_day_and_until_another():
    day_ms, first_ms = 86_400_000, 1_772_323_200_000  # 2026-03-01
    assert [CN_2012.is_in_force(first_ms + each) for each in (-day_ms, -1, 0)] == [True, True, False]
    assert [CN_2026.is_in_force(first_ms + each) for each in (-day_ms, -1, 0)] == [False, False, True]
    assert EU.is_in_force(0)


def test_beyond_the_scale():
    found = present(US, air(pm25=900))
    assert (found.index, found.category, found.beyond) == (500, "hazardous", True)
    assert not present(EU, air(pm25=900)).beyond


def test_a_day_by_the_chinese_report():
    found = assess(CN_2026, CN_2026.daily, air(pm25=60, pm10=60, so2=50, no2=40, o3=100, co=2))
    assert (found.index, found.dominant) == (100, ("pm25",))
    assert {part.averaging for part in found.parts} == {"24 h mean", "greatest 8 h mean of the day"}


def test_a_concentration_below_zero_and_an_unknown_standard_are_refused():
    with pytest.raises(PaifangError, match="below zero"):
        present(EU, air(pm25=-1))
    with pytest.raises(PaifangError, match="no standard 'cn'") as refused:
        named("cn")
    assert refused.value.hint == "there are cn-2012, cn-2026, us, eu"
