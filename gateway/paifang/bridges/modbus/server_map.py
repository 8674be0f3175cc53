"""What a Modbus server shows where: the values of points, what they are worth, and what may be set.

For each unit there is one space of addresses below QUALITY_FROM:

- a number takes registers, which are read as holding or as input registers, whole values only;
- a switch takes a coil;
- the discrete input at the address of either is 1 while the value is good;
- the register at that address + QUALITY_FROM says why it is not: 0 is good, the others as `messages` numbers them.

Where there is no value a register shows what cannot be one: NaN in a float, the least number of a signed and the
greatest of an unsigned type.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from paifang.bridges.modbus import frames
from paifang.errors import EXIT_USAGE, PaifangError
from paifang.profiles import registers
from paifang.profiles.conversion import power_of_ten
from paifang.profiles.modbus import ModbusAttributes
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paifang.profiles.modbus import Order, TypeName

QUALITY_FROM = 1 << 15
WORTHLESS = (messages.ABSENT, messages.MUTE, messages.GARBLED, messages.STALE, messages.FAULT)
"""Qualities whose value is not shown, whatever it is."""
_NAN = {2: struct.pack(">f", float("nan")), 4: struct.pack(">d", float("nan"))}


class Refusal(PaifangError):
    """A request that is answered with an exception of Modbus, `exception`."""

    def __init__(self, exception: int) -> None:
        super().__init__(frames.refusal(exception), code="modbus")
        self.exception = exception


@dataclass(frozen=True, slots=True)
class Shown:
    """A point as it is now: its value in its unit, a switch as 0 or 1, None for none; quality as on the wire."""

    value: Fraction | None
    quality: int


@dataclass(frozen=True)
class Entry:
    """A point at an address. `scale`: power of ten of one step of an integer type; "bit" is a coil."""

    unit: int
    address: int
    node: str
    point: str
    type: TypeName
    order: Order = "ABCD"
    scale: int = 0
    is_writable: bool = False

    @property
    def is_coil(self) -> bool:
        return self.type == "bit"

    @cached_property
    def attributes(self) -> ModbusAttributes:
        return ModbusAttributes(table="holding", address=self.address, type=self.type, order=self.order)

    @cached_property
    def count(self) -> int:
        """Registers, or the one coil."""
        return self.attributes.count

    def registers(self, shown: Shown) -> tuple[bytes, int]:
        """What stands in its registers, and the quality that goes with it."""
        if shown.value is None or shown.quality in WORTHLESS:
            return self._nothing, shown.quality or messages.ABSENT
        try:
            data = registers.encode(self._steps(shown.value), self.attributes)
        except (ValueError, OverflowError):
            data = self._nothing
        return data, messages.OUT_OF_RANGE if data == self._nothing else shown.quality

    def is_on(self, shown: Shown) -> bool:
        """What a coil shows: off where nothing is known."""
        return bool(shown.value) and shown.quality not in WORTHLESS

    def value(self, data: bytes) -> Fraction:
        """What registers that a client has written say, in the point's unit. Raises Refusal for what is no value."""
        sent = registers.decode(data, self.attributes)
        if data == self._nothing or sent is None or isinstance(sent, str):
            raise Refusal(frames.ILLEGAL_VALUE)
        return Fraction(sent) * self._step

    @cached_property
    def _step(self) -> Fraction:
        return Fraction(1) if self.attributes.kind.form == "float" else power_of_ten(self.scale)

    def _steps(self, value: Fraction) -> Fraction:
        steps = value / self._step
        return steps if self.attributes.kind.form == "float" else Fraction(round(steps))

    @cached_property
    def _nothing(self) -> bytes:
        kind = self.attributes.kind
        if kind.absent is None:
            return registers.reorder(_NAN[kind.words], self.order)
        return registers.encode(Fraction(kind.absent), self.attributes)


class RegisterMap:
    """Entries by unit and address. Raises PaifangError for two at one address."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._units: dict[int, dict[int, Entry]] = {}
        self.takes_writes = False
        for entry in entries:
            self.takes_writes |= entry.is_writable
            self._place(entry)

    def unit(self, number: int) -> int:
        """The unit that is meant: 0 and 255 are the first one. Raises Refusal when there is none."""
        if number in self._units:
            return number
        if number in {0, 255} and self._units:
            return min(self._units)
        raise Refusal(frames.UNREACHED)

    def whole(self, unit: int, first: int, count: int, *, coils: bool) -> list[Entry]:
        """The entries that take these registers, or coils, and nothing else. Raises Refusal."""
        found = list(dict.fromkeys(self.each(unit, first, count)))
        inside = all(first <= entry.address and entry.address + entry.count <= first + count for entry in found)
        if not inside or any(entry.is_coil != coils for entry in found):
            raise Refusal(frames.ILLEGAL_ADDRESS)
        return found

    def each(self, unit: int, first: int, count: int) -> list[Entry]:
        """The entry at each of these addresses. Raises Refusal where there is none."""
        places = self._units[unit]
        try:
            return [places[address] for address in range(first, first + count)]
        except KeyError:
            raise Refusal(frames.ILLEGAL_ADDRESS) from None

    def _place(self, entry: Entry) -> None:
        places = self._units.setdefault(entry.unit, {})
        for address in range(entry.address, entry.address + entry.count):
            other = places.setdefault(address, entry)
            if other is not entry or address >= QUALITY_FROM:
                taken = f"{other.node}/{other.point} has" if other is not entry else f"{QUALITY_FROM} and up have"
                raise PaifangError(
                    f"modbus_server: {entry.node}/{entry.point} at unit {entry.unit}, address {address}: {taken} it",
                    "give it an address of its own; a 32-bit value takes two",
                    code="config",
                    exit_code=EXIT_USAGE,
                )
