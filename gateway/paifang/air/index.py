"""An index out of hourly means: of each pollutant, and of the air; where the rules allow none, the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.air.units import convert
from paifang.errors import PaifangError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from paifang.air.averages import Series
    from paifang.air.standards import Rule, Standard


@dataclass(frozen=True, slots=True)
class Measured:
    """Hourly means of one pollutant in `unit`, the newest last, None where the hour has none."""

    unit: str
    hours: Series


@dataclass(frozen=True, slots=True)
class SubIndex:
    """What one rule makes of one pollutant. `missing`: hours ago, 0 the newest. `index` is None with a `reason`.

    `beyond`: the concentration lies above the scale, and `index` is the scale's last.
    """

    pollutant: str
    averaging: str
    unit: str
    concentration: Fraction | None
    index: int | None
    category: str | None
    beyond: bool
    missing: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class AirIndex:
    """`index` is None with a `reason`. `unmeasured`: what the standard asks for and has no index here."""

    standard: Standard
    index: int | None
    category: str | None
    dominant: tuple[str, ...]
    parts: tuple[SubIndex, ...]
    unmeasured: tuple[str, ...]
    reason: str

    @property
    def beyond(self) -> bool:
        return self.index is not None and any(part.beyond and part.index == self.index for part in self.parts)


def assess(standard: Standard, rules: Sequence[Rule], measured: Mapping[str, Measured]) -> AirIndex:
    """The index by `rules`: those of the newest hour or of the day that it ends, `standard.present` or `.daily`.

    Raises PaifangError for what is below zero.
    """
    parts = tuple(_part(standard, rule, measured[rule.pollutant]) for rule in rules if rule.pollutant in measured)
    there = [part for part in parts if part.index is not None]
    has_index = {part.pollutant for part in there}
    unmeasured = tuple(each for each in standard.wanted if each not in has_index)
    if not there:
        reason = "too few hours of every pollutant" if parts else "nothing is measured that this standard rates"
        return AirIndex(standard, None, None, (), parts, unmeasured, reason)
    index = max(part.index for part in there if part.index is not None)
    if unmeasured and index <= standard.withheld_up_to:
        reason = f"no index up to {standard.withheld_up_to} is published without {', '.join(unmeasured)}"
        return AirIndex(standard, None, None, (), parts, unmeasured, reason)
    leading = [part.pollutant for part in there if part.index == index and index > standard.named_above]
    dominant = tuple(dict.fromkeys(leading))
    return AirIndex(standard, index, standard.category(index), dominant, parts, unmeasured, "")


def _part(standard: Standard, rule: Rule, measured: Measured) -> SubIndex:
    average = rule.averaging.of(measured.hours)
    if average.value is None:
        return _without(rule, None, average.missing, average.reason)
    scale = rule.scale
    try:
        value = convert(average.value, rule.pollutant, measured.unit, scale.unit, standard.molar)
    except PaifangError as error:
        return _without(rule, None, average.missing, str(error))
    index, beyond = scale.index(value)
    if index is None:
        reason = f"rated from {float(scale.bands[0].low):g} {scale.unit} on"
        return _without(rule, value, average.missing, reason)
    return SubIndex(
        rule.pollutant,
        rule.averaging.label,
        scale.unit,
        value,
        index,
        standard.category(index),
        beyond,
        average.missing,
        "",
    )


def _without(rule: Rule, value: Fraction | None, missing: tuple[int, ...], reason: str) -> SubIndex:
    return SubIndex(rule.pollutant, rule.averaging.label, rule.scale.unit, value, None, None, False, missing, reason)
