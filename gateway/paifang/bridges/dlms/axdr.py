"""A-XDR: how DLMS writes values (IEC 61334-6; tags as in IEC 62056-6-2, "CHOICE Data").

00 none, 01 array, 02 structure, 09 octets, 06 unsigned 32 bits, ...
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from paifang.bridges.cursor import Cursor
from paifang.bridges.errors import FrameError
from paifang.bridges.values import float32

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 8
"""How deep arrays and structures may be nested: a pushed list has three levels."""


@dataclass(frozen=True, slots=True)
class Enum:
    """A number that stands for something, such as the code of a unit."""

    code: int


Data = None | bool | int | Decimal | str | bytes | Enum | tuple["Data", ...]
"""An octet string is bytes, arrays and structures are tuples."""

INTEGERS: dict[int, tuple[int, bool]] = {
    0x05: (4, True),
    0x06: (4, False),
    0x0F: (1, True),
    0x10: (2, True),
    0x11: (1, False),
    0x12: (2, False),
    0x14: (8, True),
    0x15: (8, False),
}
"""Tag -> bytes, whether it has a sign."""
ARRAY, STRUCTURE = 0x01, 0x02
DATE_TIME_LENGTH = 12
_FIXED_OCTETS = {0x19: DATE_TIME_LENGTH, 0x1A: 5, 0x1B: 4}
_LONG_FORM = 0x80


class Reader(Cursor):
    """Takes one value after the other."""

    def data(self, depth: int = 0) -> Data:
        """One value with its tag."""
        tag = self.byte()
        if tag in (ARRAY, STRUCTURE):
            return self._several(depth)
        if tag in INTEGERS:
            length, signed = INTEGERS[tag]
            return int.from_bytes(self.take(length), "big", signed=signed)
        if tag in _FIXED_OCTETS:
            return self.take(_FIXED_OCTETS[tag])
        if tag in _READERS:
            return _READERS[tag](self)
        raise FrameError("unknown", f"tag {tag:02X}")

    def length(self) -> int:
        """One byte up to 127, else 80 + how many bytes it has."""
        first = self.byte()
        return first if first < _LONG_FORM else int.from_bytes(self.take(first - _LONG_FORM), "big")

    def text(self) -> str:
        data = self.take(self.length())
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise FrameError("value", f"{data.hex()} is no text") from error

    def _several(self, depth: int) -> tuple[Data, ...]:
        count = self.length()
        if depth == MAX_DEPTH or count > self.left:
            raise FrameError("length", f"{count} elements at depth {depth}, {self.left} bytes are left")
        return tuple(self.data(depth + 1) for _ in range(count))

    def bits(self) -> str:
        """A bit string as 0 and 1; its length counts bits."""
        count = self.length()
        data = self.take((count + 7) // 8)
        return "".join(f"{byte:08b}" for byte in data)[:count]


def _float64(reader: Reader) -> Decimal | None:
    number = struct.unpack(">d", reader.take(8))[0]
    return Decimal(repr(number)) if math.isfinite(number) else None


_READERS: dict[int, Callable[[Reader], Data]] = {
    0x00: lambda _reader: None,
    0x03: lambda reader: bool(reader.byte()),
    0x04: Reader.bits,
    0x09: lambda reader: reader.take(reader.length()),
    0x0A: Reader.text,
    0x0C: Reader.text,
    0x16: lambda reader: Enum(reader.byte()),
    0x17: lambda reader: float32(reader.take(4)[::-1]),
    0x18: _float64,
}
