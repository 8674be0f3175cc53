"""Averages over hours, and how many hours each needs to be one.

A series is hourly means, the newest last, None where the hour has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

Series = Sequence[Fraction | None]

LEAST_WEIGHT = Fraction(1, 2)
"""Of the NowCast of particles: what makes it about a mean of three hours when the air changes quickly."""


@dataclass(frozen=True, slots=True)
class Average:
    """`value` is None when there are too few hours, and `reason` says so. `missing`: hours ago, 0 the newest hour."""

    value: Fraction | None
    missing: tuple[int, ...]
    reason: str = ""


class Averaging(Protocol):
    """A way to average; `hours` is how far back it looks."""

    @property
    def hours(self) -> int: ...
    @property
    def label(self) -> str: ...
    def of(self, series: Series) -> Average: ...


@dataclass(frozen=True, slots=True)
class Mean:
    """The plain mean of the last `hours`, of which at least `least` must be there."""

    hours: int
    least: int

    @property
    def label(self) -> str:
        return f"{self.hours} h mean"

    def of(self, series: Series) -> Average:
        window = _newest_first(series, self.hours)
        there = [each for each in window if each is not None]
        missing = _missing(window)
        if len(there) < self.least:
            return Average(None, missing, f"{len(there)} of {self.hours} hours, {self.least} are needed")
        return Average(sum(there, Fraction(0)) / len(there), missing)


@dataclass(frozen=True, slots=True)
class NowCast:
    """EPA-454/B-24-002, "NowCast" of PM2.5 and PM10: a mean in which each hour weighs less than the one after it.

    The weight is least/greatest of the last 12 hours, at least 0.5. Two of the newest three hours must be there.
    """

    hours: int = 12
    recent: int = 3
    least: int = 2

    @property
    def label(self) -> str:
        return "NowCast"

    def of(self, series: Series) -> Average:
        window = _newest_first(series, self.hours)
        there = {ago: each for ago, each in enumerate(window) if each is not None}
        missing = _missing(window)
        recent = sum(ago < self.recent for ago in there)
        if recent < self.least:
            return Average(None, missing, f"{recent} of the newest {self.recent} hours, {self.least} are needed")
        greatest = max(there.values())
        weight = max(min(there.values()) / greatest, LEAST_WEIGHT) if greatest else Fraction(1)
        weights = {ago: Fraction(weight**ago) for ago in there}
        weighed = sum((each * weights[ago] for ago, each in there.items()), Fraction(0))
        return Average(weighed / sum(weights.values(), Fraction(0)), missing)


@dataclass(frozen=True, slots=True)
class GreatestOfDay:
    """The greatest 8 h mean of a day, of those that end at 8, 9, .. 24 o'clock (GB 3095, HJ 663).

    Each needs 6 of its hours, the day 14 of these 17 means.
    """

    hours: int = 24
    mean: Mean = Mean(8, 6)
    least: int = 14

    @property
    def label(self) -> str:
        return f"greatest {self.mean.label} of the day"

    def of(self, series: Series) -> Average:
        window = _newest_first(series, self.hours)
        day = window[::-1]
        means = [self.mean.of(day[end - self.mean.hours : end]).value for end in range(self.mean.hours, self.hours + 1)]
        there = [each for each in means if each is not None]
        missing = _missing(window)
        if len(there) < self.least:
            return Average(
                None, missing, f"{len(there)} of {len(means)} {self.mean.label}s of the day, {self.least} are needed"
            )
        return Average(max(there), missing)


def _newest_first(series: Series, hours: int) -> list[Fraction | None]:
    """Exactly so many; before the series began there is nothing."""
    found = list(reversed(series))[:hours]
    return found + [None] * (hours - len(found))


def _missing(window: Series) -> tuple[int, ...]:
    return tuple(ago for ago, each in enumerate(window) if each is None)
