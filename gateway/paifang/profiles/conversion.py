"""From what a device sends to the integer of a point, and back: exact, rounded once, half to even.

value of a point = integer * 10**scale of its unit, as for the points of nodes.
"""

from __future__ import annotations

import copy
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from paifang.profiles import units
from paifang_wire import messages

if TYPE_CHECKING:
    from paifang.profiles.attributes import Attributes
    from paifang.profiles.model import Point, Properties

Sent = int | float | Decimal | Fraction | str | None
"""A bool is an int; None: the device says that it has no such value."""
Reading = tuple[int | str | None, int]
"""Integer of the point (text of a text), and its quality as on the wire."""

NOT_THERE: Reading = (None, messages.ABSENT)
NO_SENSE: Reading = (None, messages.GARBLED)


def power_of_ten(exponent: int) -> Fraction:
    return Fraction(10) ** exponent


def in_steps(number: Decimal, scale: int) -> Fraction:
    """A number in the unit, counted in steps of 10**scale; a whole number if the scale can say it."""
    return Fraction(number) / power_of_ten(scale)


class Converter:
    """Reads and writes one point; `unit` is what the device sends, where its attributes do not say.

    Raises ValueError when the units are of different quantities.
    """

    def __init__(self, point: Point[Attributes], unit: str | None = None) -> None:
        properties, attributes = point.properties, point.attributes
        step = power_of_ten(properties.scale)
        ratio, shift = _unit_conversion(properties, attributes.unit if attributes.unit is not None else unit)
        self.gain = Fraction(attributes.factor) * ratio / step
        self.shift = (Fraction(attributes.offset) * ratio + shift) / step
        self._whole = self._is_whole()
        self._type = properties.type
        self._inverted = attributes.inverted
        self._low, self._high = limits(properties)
        self._good = messages.INDICATIVE if properties.quality.indicative else messages.GOOD

    def reading(self, sent: Sent) -> Reading:
        """What a device sends, as the point's; beyond its limits it is implausible."""
        if sent is None:
            return NOT_THERE
        if self._type == "text":
            return str(sent), messages.GOOD
        if isinstance(sent, str):
            return NO_SENSE
        return self.judged(int(bool(sent) != self._inverted) if self._type == "switch" else self.integer(sent))

    def judged(self, value: int) -> Reading:
        """An integer of the point with its quality."""
        if (self._low is not None and value < self._low) or (self._high is not None and value > self._high):
            return value, messages.IMPLAUSIBLE
        return value, self._good

    def integer(self, sent: float | Decimal | Fraction) -> int:
        """A finite number that the device sends, in steps of the point's scale."""
        if self._whole and isinstance(sent, int):
            return sent * self.gain.numerator + self.shift.numerator
        return round(Fraction(sent) * self.gain + self.shift)

    def scaled(self, factor: Fraction) -> Converter:
        """The same for a device that sends numbers divided by `factor`."""
        other = copy.copy(self)
        other.gain = self.gain * factor
        other._whole = other._is_whole()  # noqa: SLF001 - its own kind
        return other

    def sent(self, value: int) -> Fraction:
        """What the device is to be sent for an integer of the point."""
        if self._type == "switch":
            return Fraction(int(bool(value) != self._inverted))
        return (value - self.shift) / self.gain

    def _is_whole(self) -> bool:
        return self.gain.denominator == 1 and self.shift.denominator == 1


def wire(content: Any, properties: Properties) -> int | None:
    """The integer of a point for a number or a switch as a profile says it; None: there is none within its limits."""
    if isinstance(content, bool) != (properties.type == "switch") or not isinstance(content, bool | Decimal):
        return None
    steps = Fraction(content) if isinstance(content, bool) else in_steps(content, properties.scale)
    low, high = limits(properties)
    is_within = (low is None or low <= steps) and (high is None or steps <= high)
    return steps.numerator if is_within and steps.denominator == 1 else None


def limits(properties: Properties) -> tuple[int | None, int | None]:
    """Least and greatest integer of a point; None: no limit."""
    if properties.type == "switch":
        return 0, 1
    low, high = (
        None if bound is None else int(in_steps(bound, properties.scale))
        for bound in (properties.least, properties.greatest)
    )
    return low, high


def row(
    number: int, name: str, properties: Properties
) -> tuple[int, str, str, int, int, int | None, int | None, int, str | None]:
    """The point as a row of a description: number, name, unit, type, scale, least, greatest, class, interlock."""
    unit = units.find(properties.unit)
    kind = messages.BOOL if properties.type == "switch" else messages.INT
    shown = properties.unit if unit is None else unit.name
    return (
        number,
        name,
        shown,
        kind,
        properties.scale,
        *limits(properties),
        properties.point_class,
        properties.interlock,
    )


def _unit_conversion(properties: Properties, sent: str | None) -> tuple[Fraction, Fraction]:
    target = units.find(properties.unit)
    source = target if sent is None else units.find(sent)
    if source is None or target is None:
        raise ValueError(f"{sent or properties.unit} is no unit that is known here")
    return units.conversion(source, target)
