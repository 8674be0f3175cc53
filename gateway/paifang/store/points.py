"""Point tables: what a node says its numbers mean, and what a value of theirs may be."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, cast

from paifang.errors import bad_argument, not_found
from paifang_wire import cbor, messages
from paifang_wire.errors import BAD_TYPE, OVER_LIMIT, SHAPE, UNKNOWN_POINT, WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

HASH_LENGTH = 8
NO_LIMIT = 1 << 64
"""Beyond what the wire can carry."""
ABNORMAL = (messages.OUT_OF_RANGE, messages.IMPLAUSIBLE, messages.FAULT)
"""Qualities that a value beyond its limits must carry."""
_ON_OFF = {"on": 1, "true": 1, "1": 1, "off": 0, "false": 0, "0": 0}
_SHOWN_LENGTH = 32
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""Decimal takes more: "1_0" and digits of other scripts, which nobody means to send to a relay."""
_EXACT = Context(prec=100)
"""More digits than a value can be given with: nothing is rounded."""
_SCALE_LIMIT = 30


@dataclass(frozen=True, slots=True)
class Point:
    """One row of a description. Shown value = wire integer * 10**scale; a BOOL is 0 or 1."""

    number: int
    name: str
    unit: str
    type: int
    scale: int
    minimum: int | None
    maximum: int | None
    point_class: int
    interlock: str | None

    @property
    def limits(self) -> tuple[int, int]:
        """Least and greatest wire integer."""
        low = -NO_LIMIT if self.minimum is None else self.minimum
        high = NO_LIMIT if self.maximum is None else self.maximum
        return (max(low, 0), min(high, 1)) if self.type == messages.BOOL else (low, high)

    def shown(self, wire: int | None) -> bool | int | float | None:
        """A wire integer in the point's unit, as JSON can carry it."""
        if wire is None:
            return None
        if self.type == messages.BOOL:
            return bool(wire)
        return wire * 10**self.scale if self.scale >= 0 else float(Decimal(wire).scaleb(self.scale))

    def text(self, wire: int | None) -> str:
        """A wire integer for people, exact: "230.0 V", "on"."""
        if wire is None:
            return "none"
        if self.type == messages.BOOL:
            return "on" if wire else "off"
        return f"{Decimal(wire).scaleb(self.scale):f} {self.unit}".rstrip()

    def wire(self, shown: object) -> int:
        """The wire integer of a value given by a person or a program: 230.0, "230.0", "on", true.

        Raises PaifangError when it is of another type or finer than the point can say; limits are not checked.
        """
        if self.type == messages.BOOL:
            found = _ON_OFF.get(str(shown).lower())
            if found is None:
                raise bad_argument(f"{self.name} is switched on or off, not {shown!r}", "say on or off")
            return found
        number = _decimal(self.name, shown).scaleb(-self.scale, _EXACT)
        if number != number.to_integral_value():
            step = Decimal(1).scaleb(self.scale)
            raise bad_argument(f"{self.name} goes in steps of {step:f} {self.unit}".rstrip() + f", not {shown}")
        return int(number)


class PointTable:
    """The points of one description, by number and by name."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = tuple(points)
        self.rows = [dataclasses.astuple(point) for point in self.points]
        """As in the `describe` message."""
        self.by_number = {point.number: point for point in self.points}
        self.by_name = {point.name: point for point in self.points}
        self._limits = {point.number: (*point.limits, point.type == messages.BOOL) for point in self.points}

    def find(self, name: object) -> Point:
        """The point of this name or number. Raises PaifangError naming those there are."""
        point = self.by_name.get(str(name))
        if point is None and str(name).isascii() and str(name).isdigit():
            point = self.by_number.get(int(str(name)))
        if point is None:
            raise not_found(f"no point {name!r} on this node", "it has " + ", ".join(self.by_name))
        return point

    def check(self, values: dict[int, int | None], quality: dict[int, int]) -> None:
        """Raise WireError unless every value is one that this node may report.

        UNKNOWN_POINT; BAD_TYPE: a BOOL that is neither 0 nor 1; OVER_LIMIT: beyond the point's limits with no quality
        that says so.
        """
        limits = self._limits
        for number, value in values.items():
            known = limits.get(number)
            if known is None:
                raise WireError(UNKNOWN_POINT, f"point {number}")
            if value is None or known[0] <= value <= known[1]:
                continue
            if known[2]:
                raise WireError(BAD_TYPE, f"point {number}")
            if quality.get(number) not in ABNORMAL:
                raise WireError(OVER_LIMIT, f"point {number}")
        if quality and not quality.keys() <= values.keys():
            raise WireError(UNKNOWN_POINT, "quality of a point that is not reported")


def decode_table(encoded: bytes) -> PointTable:
    """The table of `encoded` points. Raises WireError(SHAPE) when two points share a number or a name."""
    rows = cast("list[list[Any]]", cbor.decode(encoded))
    table = PointTable([Point(*row) for row in rows])
    if len(table.by_number) < len(rows) or len(table.by_name) < len(rows):
        raise WireError(SHAPE, "two points of one number or name")
    if any(abs(point.scale) > _SCALE_LIMIT for point in table.points):
        raise WireError(SHAPE, "scale without sense")
    return table


def encode_points(points: Sequence[Sequence[Any]], expected: bytes) -> bytes:
    """The encoding of a description's points. Raises WireError(SHAPE) when their hash is not `expected`."""
    encoded = cbor.encode(points)
    if description_hash(encoded) != expected:
        raise WireError(SHAPE, "points of another description")
    return encoded


def description_hash(encoded: bytes) -> bytes:
    """The 8 bytes that name a description."""
    return hashlib.sha256(encoded).digest()[:HASH_LENGTH]


def _decimal(name: str, shown: object) -> Decimal:
    text = str(shown)
    try:
        number = Decimal(text) if len(text) <= _SHOWN_LENGTH and _NUMBER.fullmatch(text) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > _SCALE_LIMIT:
        raise bad_argument(f"{name} takes a number, not {shown!r}")
    return number
