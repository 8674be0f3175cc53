"""The standards as tables: breakpoints, averaging times, categories, each with its source and its dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from paifang.air.averages import Averaging, GreatestOfDay, Mean, NowCast
from paifang.air.scales import Scale, joined, levels, stepped
from paifang.air.units import AT_20_C, AT_25_C, CO, NO2, O3, PM10, PM25, POLLUTANTS, SO2
from paifang.errors import bad_argument

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

MASS, MILLIGRAMS = "µg/m3", "mg/m3"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one pollutant gets an index of its own. Where it has several rules, the greatest index counts."""

    pollutant: str
    averaging: Averaging
    scale: Scale


@dataclass(frozen=True, slots=True)
class Standard:
    """`present` is the report of an hour, `daily` that of a day (empty: none here); both start from hourly means.

    `since` and `until` bound the days it is in force, where a day is set.
    `categories`: the greatest index of each, rising, and its name. Dominant pollutants are named above `named_above`;
    while a pollutant of `wanted` has no index, none up to `withheld_up_to` is published.
    """

    name: str
    title: str
    source: str
    since: date | None
    until: date | None
    categories: tuple[tuple[int, str], ...]
    present: tuple[Rule, ...]
    daily: tuple[Rule, ...]
    molar: Fraction
    wanted: tuple[str, ...] = POLLUTANTS
    named_above: int = 0
    withheld_up_to: int = -1

    def category(self, index: int) -> str:
        return next(name for greatest, name in self.categories if index <= greatest)

    def is_in_force(self, utc_ms: int) -> bool:
        day = datetime.fromtimestamp(utc_ms / 1000, UTC).date()
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


HOUR = Mean(1, 1)
EIGHT_HOURS = Mean(8, 6)
"""Three quarters: GB 3095, table 4; 40 CFR 50, appendix U (O3); 40 CFR 50.8 (CO)."""
CHINESE_DAY = Mean(24, 20)
"""GB 3095, table 4."""
AMERICAN_DAY = Mean(24, 18)
"""40 CFR 50, appendices N (PM2.5) and T (SO2): 75 %."""

# China: HJ 633-2012, table 1; HJ 633-2026 (in force since 2026-03-01) has other values of particles at 100.

_IAQI = (0, 50, 100, 150, 200, 300, 400, 500)
_PARTICLES_2012 = {PM25: (0, 35, 75, 115, 150, 250, 350, 500), PM10: (0, 50, 150, 250, 350, 420, 500, 600)}
_PARTICLES_2026 = {PM25: (0, 35, 60, 115, 150, 250, 350, 500), PM10: (0, 50, 120, 250, 350, 420, 500, 600)}

_CHINESE_HOUR = (
    Rule(SO2, HOUR, joined(MASS, 0, _IAQI, (0, 150, 500, 650, 800), above=200)),  # above: by the day's mean alone
    Rule(NO2, HOUR, joined(MASS, 0, _IAQI, (0, 100, 200, 700, 1200, 2340, 3090, 3840), above=500)),
    Rule(CO, HOUR, joined(MILLIGRAMS, 1, _IAQI, (0, 5, 10, 35, 60, 90, 120, 150), above=500)),
    Rule(O3, HOUR, joined(MASS, 0, _IAQI, (0, 160, 200, 300, 400, 800, 1000, 1200), above=500)),
)
_OZONE_8H = joined(MASS, 0, _IAQI, (0, 100, 160, 215, 265, 800), above=300)  # above: by the hour's mean alone
_CHINESE_DAY = (
    Rule(SO2, CHINESE_DAY, joined(MASS, 0, _IAQI, (0, 50, 150, 475, 800, 1600, 2100, 2620), above=500)),
    Rule(NO2, CHINESE_DAY, joined(MASS, 0, _IAQI, (0, 40, 80, 180, 280, 565, 750, 940), above=500)),
    Rule(CO, CHINESE_DAY, joined(MILLIGRAMS, 1, _IAQI, (0, 2, 4, 14, 24, 36, 48, 60), above=500)),
    Rule(O3, GreatestOfDay(), _OZONE_8H),
)
_CHINESE = (
    (50, "excellent"),
    (100, "good"),
    (150, "lightly polluted"),
    (200, "moderately polluted"),
    (300, "heavily polluted"),
    (500, "severely polluted"),
)


def _particles(table: Mapping[str, tuple[int, ...]], averaging: Averaging) -> tuple[Rule, ...]:
    return tuple(Rule(each, averaging, joined(MASS, 0, _IAQI, edges, above=500)) for each, edges in table.items())


CN_2012 = Standard(
    "cn-2012",
    "HJ 633-2012",
    "HJ 633-2012, table 1, 4.2, 5.1: the report of an hour takes particles over 24 h",
    date(2016, 1, 1),
    date(2026, 3, 1),
    _CHINESE,
    (*_particles(_PARTICLES_2012, CHINESE_DAY), *_CHINESE_HOUR, Rule(O3, EIGHT_HOURS, _OZONE_8H)),
    (*_particles(_PARTICLES_2012, CHINESE_DAY), *_CHINESE_DAY),
    AT_25_C,
    named_above=50,
)
CN_2026 = Standard(
    "cn-2026",
    "HJ 633-2026",
    "HJ 633-2026: the report of an hour takes the mean of that hour for all six",
    date(2026, 3, 1),
    None,
    _CHINESE,
    (*_particles(_PARTICLES_2026, HOUR), *_CHINESE_HOUR),
    (*_particles(_PARTICLES_2026, CHINESE_DAY), *_CHINESE_DAY),
    AT_25_C,
    named_above=50,
    withheld_up_to=100,
)

# United States: EPA-454/B-24-002 (May 2024), tables 5 and 6; 40 CFR 58, appendix G.

_ZERO = ("0", 0)
_AQI = (50, 100, 150, 200, 300, 500)


def _us(unit: str, digits: int, edges: str, begin: tuple[str, int] = _ZERO) -> Scale:
    """Of the `edges` "9.0 35.4 ..": the greatest concentrations of the categories, from the one `begin` lies in."""
    indices = [index for index in _AQI if index > begin[1]]
    table = dict(zip(edges.split(), indices, strict=False))
    return stepped(unit, digits, table, begin, above=max(table.values()))


US = Standard(
    "us",
    "US EPA AQI 2024",
    "EPA-454/B-24-002 (May 2024); 40 CFR 58, appendix G",
    date(2024, 5, 6),
    None,
    (
        (50, "good"),
        (100, "moderate"),
        (150, "unhealthy for sensitive groups"),
        (200, "unhealthy"),
        (300, "very unhealthy"),
        (500, "hazardous"),
    ),
    (
        Rule(PM25, NowCast(), _us(MASS, 1, "9.0 35.4 55.4 125.4 225.4 325.4")),
        Rule(PM10, NowCast(), _us(MASS, 0, "54 154 254 354 424 604")),
        Rule(SO2, HOUR, _us("ppb", 0, "35 75 185 304")),  # above: by the day's mean alone
        Rule(SO2, AMERICAN_DAY, _us("ppb", 0, "604 1004", ("305", 201))),
        Rule(NO2, HOUR, _us("ppb", 0, "53 100 360 649 1249 2049")),
        Rule(O3, EIGHT_HOURS, _us("ppm", 3, "0.054 0.070 0.085 0.105 0.200")),  # above: by the hour's mean alone
        Rule(O3, HOUR, _us("ppm", 3, "0.164 0.204 0.404 0.604", ("0.125", 101))),
        Rule(CO, EIGHT_HOURS, _us("ppm", 1, "4.4 9.4 12.4 15.4 30.4 50.4")),
    ),
    (),
    AT_25_C,
)

# European Union: bands of the European Air Quality Index as revised in 2024 (ETC HE report 2024/17).

EU = Standard(
    "eu",
    "European Air Quality Index 2024",
    "European Environment Agency; ETC HE report 2024/17: means of an hour, all pollutants",
    None,
    None,
    ((1, "good"), (2, "fair"), (3, "moderate"), (4, "poor"), (5, "very poor"), (6, "extremely poor")),
    (
        Rule(PM25, HOUR, levels(MASS, (5, 15, 50, 90, 140))),
        Rule(PM10, HOUR, levels(MASS, (15, 45, 120, 195, 270))),
        Rule(SO2, HOUR, levels(MASS, (20, 40, 125, 190, 275))),
        Rule(NO2, HOUR, levels(MASS, (10, 25, 60, 100, 150))),
        Rule(O3, HOUR, levels(MASS, (60, 100, 120, 160, 180))),
    ),
    (),
    AT_20_C,
    wanted=(PM25, PM10, SO2, NO2, O3),
)

STANDARDS = {each.name: each for each in (CN_2012, CN_2026, US, EU)}


def named(name: str) -> Standard:
    """Raises PaifangError naming those there are."""
    found = STANDARDS.get(name)
    if found is None:
        raise bad_argument(f"no standard {name!r}", "there are " + ", ".join(STANDARDS))
    return found
