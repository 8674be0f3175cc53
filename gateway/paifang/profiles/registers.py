"""Registers of Modbus to values and back: every type, every order of bytes and words, SunSpec's powers of ten."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import TYPE_CHECKING

from paifang.profiles.conversion import NO_SENSE, NOT_THERE, Converter, power_of_ten

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.profiles.conversion import Reading, Sent
    from paifang.profiles.modbus import ModbusAttributes, Order
    from paifang.profiles.model import Point

SCALE_ABSENT = -0x8000
SCALE_MOST = 10
"""SunSpec Information Model Specification, sunssf: -10 to 10."""
_EXACT_GAIN = 1 << 29
"""A float32 has 24 bits: times less than this it is exact in a double, and no fraction is needed."""
_CODES = {
    ("float", 2): ">f",
    ("float", 4): ">d",
    ("signed", 1): ">h",
    ("signed", 2): ">i",
    ("signed", 4): ">q",
    ("unsigned", 1): ">H",
    ("unsigned", 2): ">I",
    ("unsigned", 4): ">Q",
}


def reorder(data: bytes, order: Order) -> bytes:
    """Registers in the order ABCD of those in `order`, or the other way: twice is as before."""
    if order in {"BADC", "DCBA"}:
        data = b"".join(data[at : at + 2][::-1] for at in range(0, len(data), 2))
    if order in {"CDAB", "DCBA"}:
        data = b"".join(data[at : at + 2] for at in range(len(data) - 2, -1, -2))
    return data


def decode(data: bytes, attributes: ModbusAttributes) -> Sent:
    """What registers hold, None for what means that there is none. Raises ValueError for digits that are none."""
    kind = attributes.kind
    if kind.form == "string":
        return text(reorder(data, "BADC" if attributes.order in {"BADC", "DCBA"} else "ABCD"))
    data = reorder(data, attributes.order)
    if kind.form == "bcd":
        return _bcd(data, attributes)
    number = struct.unpack(_CODES[kind.form, attributes.count], data)[0]
    return number if number not in attributes.absent and math.isfinite(number) else None


def encode(number: Fraction, attributes: ModbusAttributes) -> bytes:
    """Registers that hold a number. Raises ValueError when they cannot."""
    kind = attributes.kind
    if kind.form == "float":
        return reorder(struct.pack(_CODES[kind.form, attributes.count], float(number)), attributes.order)
    if number.denominator != 1:
        raise ValueError(f"{float(number)} is no whole number, and {attributes.type} holds nothing else")
    try:
        if kind.form == "bcd":
            digits = f"{number.numerator:0{4 * attributes.count}d}"
            data = bytes.fromhex(digits) if len(digits) == 4 * attributes.count else b""
        else:
            data = number.numerator.to_bytes(2 * attributes.count, signed=kind.form == "signed")
    except (OverflowError, ValueError):
        data = b""
    if not data:
        raise ValueError(f"{number.numerator} does not fit into {attributes.count} registers of {attributes.type}")
    return reorder(data, attributes.order)


def text(data: bytes) -> str | None:
    """Text up to its first NUL; what is not ASCII is shown as such."""
    return data.split(b"\0")[0].decode("ascii", "backslashreplace").strip() or None


class RegisterReader:
    """Reads and writes one point. `size`: bytes of the registers of its span."""

    def __init__(self, point: Point[ModbusAttributes]) -> None:
        self.attributes = point.attributes
        self.switch = point.properties.type == "switch"
        first, end = self.attributes.span
        self.size = 2 * (end - first)
        self._at = 2 * (self.attributes.address - first)
        self._behind = self._at + 2 * self.attributes.count
        self._converter = Converter(point)
        self._scaled: dict[int, Converter] = {}
        self._point = point
        self.read: Callable[[bytes, int], Reading] = self._quick_float() or self._read
        """`read(data, at)`: the registers of the span as they came, from byte `at` of `data` on."""

    def write(self, value: int) -> bytes:
        """Registers for an integer of the point. Raises ValueError when they cannot hold it."""
        number = self._converter.sent(value)
        if self.switch:
            number = Fraction(self.attributes.on if number else self.attributes.off)
        return encode(number, self.attributes)

    def is_on(self, value: int) -> bool:
        """What a coil is to be set to for an integer of a switch."""
        return bool(self._converter.sent(value))

    def read_bit(self, bit: bool) -> Reading:
        """What a coil or an input says."""
        return self._converter.reading(bit)

    def _quick_float(self) -> Callable[[bytes, int], Reading] | None:
        """The shortest way for what most meters have: a float32 as it stands."""
        attributes, gain = self.attributes, self._converter.gain
        plain = attributes.order == "ABCD" and not attributes.absent and attributes.scale_register is None
        exact = gain.denominator == 1 and gain < _EXACT_GAIN and not self._converter.shift
        if attributes.type != "float32" or not plain or not exact:
            return None
        factor, judged, unpack, isfinite = (
            gain.numerator,
            self._converter.judged,
            struct.Struct(">f").unpack_from,
            math.isfinite,
        )

        def read(data: bytes, at: int) -> Reading:
            number = unpack(data, at)[0]
            return judged(round(number * factor)) if isfinite(number) else NOT_THERE

        return read

    def _read(self, data: bytes, at: int) -> Reading:
        try:
            sent = self._sent(data[at + self._at : at + self._behind])
        except ValueError:
            return NO_SENSE
        if sent is None or self.attributes.scale_register is None:
            return self._converter.reading(sent)
        place = at + 2 * (self.attributes.scale_register - self.attributes.span[0])
        return self._read_scaled(sent, int.from_bytes(data[place : place + 2], signed=True))

    def _sent(self, data: bytes) -> Sent:
        raw, attributes = decode(data, self.attributes), self.attributes
        if not self.switch or raw is None:
            return raw
        assert isinstance(raw, int)
        if attributes.bit is not None:
            return raw >> attributes.bit & 1
        if raw not in {attributes.on, attributes.off}:
            raise ValueError(f"{raw} is neither on nor off")
        return raw == attributes.on

    def _read_scaled(self, sent: Sent, exponent: int) -> Reading:
        if exponent == SCALE_ABSENT:
            return NOT_THERE
        if abs(exponent) > SCALE_MOST:
            return NO_SENSE
        if exponent not in self._scaled:
            self._scaled[exponent] = self._converter.scaled(power_of_ten(exponent))
        return self._scaled[exponent].reading(sent)


def _bcd(data: bytes, attributes: ModbusAttributes) -> int | None:
    raw = int.from_bytes(data)
    if raw in attributes.absent:
        return None
    digits = data.hex()
    if not digits.isdecimal():
        raise ValueError(f"{digits} is not BCD")
    return int(digits)
