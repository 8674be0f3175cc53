"""What a codec makes of a device's bytes: a name, an exact value and the unit the protocol gives it."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from paifang.bridges.errors import FrameError

Content = Decimal | bool | datetime | date | str | None

_FLOAT32_DIGITS = range(6, 10)
"""How many significant digits a 32-bit float can need: 6 are always kept, 9 tell any two apart."""


@dataclass(frozen=True, slots=True)
class Value:
    """One item of an answer. `content` None: the device itself says that it has no such value.

    `name` is stable for a kind of device, so that a profile can ask for it. `at` is the moment the device gives to the
    value, where that is not the moment of the answer: a gas meter behind a P1 port reports once an hour.
    """

    name: str
    content: Content
    unit: str = ""
    at: datetime | None = None


def scaled(mantissa: int, exponent: int) -> Decimal:
    """The mantissa times 10^exponent, exactly, however many digits it has."""
    digits = tuple(int(digit) for digit in str(abs(mantissa)))
    return Decimal((int(mantissa < 0), digits, exponent))


def bcd_digits(data: bytes) -> str:
    """Digits of packed BCD, low byte first: 26 01 -> "0126"."""
    digits = data[::-1].hex()
    if not digits.isdecimal():
        raise FrameError("value", f"{data.hex(' ')} is not BCD")
    return digits


def bcd(data: bytes) -> int:
    """Number in packed BCD, low byte first: 26 01 -> 126; no bytes are 0."""
    return int(bcd_digits(data) or "0")


def to_bcd(number: int, length: int) -> bytes:
    """`length` bytes of packed BCD, low byte first."""
    if not 0 <= number < 100**length:
        raise FrameError("value", f"{number} does not fit into {2 * length} digits")
    return bytes.fromhex(f"{number:0{2 * length}d}")[::-1]


def local_time(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """A meter's own clock: no zone, because the protocol says none."""
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError as error:
        raise FrameError("value", f"{year}-{month}-{day} {hour}:{minute}:{second} is no time") from error


def float32(data: bytes) -> Decimal | None:
    """The shortest decimal that is this IEEE 754 number and no other; little-endian; None: not a number, infinite."""
    number = struct.unpack("<f", data)[0]
    if not math.isfinite(number):
        return None
    spellings = (f"{number:.{digits}g}" for digits in _FLOAT32_DIGITS)
    return Decimal(next(text for text in spellings if struct.pack("<f", float(text)) == data))
