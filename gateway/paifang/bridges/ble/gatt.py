"""Values of characteristics, as numbers of a profile (GATT Specification Supplement; the low byte first)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from paifang.bridges.errors import FrameError
from paifang.bridges.values import float32, scaled
from paifang.profiles.attributes import GattAttributes
from paifang.profiles.conversion import Converter

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import AnyProfile

Place = tuple[str, str]
"""Service and characteristic."""
Type = Literal["uint8", "int8", "uint16", "int16", "uint24", "uint32", "int32", "float16", "float32"]

_MANTISSA_BITS = 12
_NO_NUMBERS = (0x07FE, 0x07FF, 0x0800, 0x0801, 0x0802)
"""Infinite, not a number, not at this resolution, reserved (IEEE 11073-20601, annex F)."""


class Characteristics:
    """The points of a profile, by where they are read."""

    def __init__(self, profile: AnyProfile) -> None:
        self._points: dict[str, tuple[GattAttributes, Converter]] = {}
        self.places: dict[str, Place] = {}
        for name, point in profile.points.items():
            attributes = point.attributes
            assert isinstance(attributes, GattAttributes)
            self._points[name] = attributes, Converter(point)
            self.places[name] = attributes.service, attributes.characteristic

    def readings(self, characteristic: str, data: bytes, service: str | None = None) -> dict[str, Reading]:
        """What a characteristic says of its points; of any service, if none is given.

        Raises FrameError("length") when the bytes are not of the type that the profile says.
        """
        return {
            name: converter.reading(number(attributes, data))
            for name, (attributes, converter) in self._points.items()
            if attributes.characteristic == characteristic and service in {None, attributes.service}
        }


def number(attributes: GattAttributes, data: bytes) -> Decimal | int | None:
    """What the bytes of a characteristic say; None: the device says that it does not know."""
    length, read = _TYPES[attributes.type]
    if len(data) != length:
        detail = f"{attributes.characteristic} has {len(data)} bytes, {attributes.type} has {length}"
        raise FrameError("length", detail)
    return None if data == attributes.nan else read(data)


def _unsigned(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _float16(data: bytes) -> Decimal | None:
    """Four bits of exponent above twelve of mantissa, both signed, of ten."""
    raw = _unsigned(data)
    if raw in _NO_NUMBERS:
        return None
    mantissa = raw & ((1 << _MANTISSA_BITS) - 1)
    if mantissa >> (_MANTISSA_BITS - 1):
        mantissa -= 1 << _MANTISSA_BITS
    return scaled(mantissa, _signed(data) >> _MANTISSA_BITS)


_TYPES: dict[Type, tuple[int, Callable[[bytes], Decimal | int | None]]] = {
    "uint8": (1, _unsigned),
    "int8": (1, _signed),
    "uint16": (2, _unsigned),
    "int16": (2, _signed),
    "uint24": (3, _unsigned),
    "uint32": (4, _unsigned),
    "int32": (4, _signed),
    "float16": (2, _float16),
    "float32": (4, float32),
}
"""Type -> bytes, and how they are read."""
