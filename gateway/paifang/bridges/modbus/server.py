"""A Modbus TCP server, without its connections: requests in, answers out, and writes for somebody to decide about.

Modbus application protocol 1.1b3, chapters 6 and 7; Modbus messaging on TCP/IP 1.0b, chapter 3.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from paifang.bridges.cursor import Cursor
from paifang.bridges.errors import FrameError
from paifang.bridges.modbus import frames
from paifang.bridges.modbus.server_map import QUALITY_FROM, Refusal
from paifang.profiles.modbus import MAX_BITS, MAX_REGISTERS
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.bridges.modbus.server_map import Entry, RegisterMap, Shown

PDU_LEAST, PDU_MOST = 1, 253
_COUNTED = 5
"""Bytes of a request with function, address and count."""
_LENGTH_END = 6
DONE = 0


@dataclass(frozen=True, slots=True)
class Adu:
    """A request or an answer with what carries it over TCP."""

    transaction: int
    unit: int
    pdu: bytes

    @property
    def data(self) -> bytes:
        return frames.mbap(self.transaction, self.unit, self.pdu)


@dataclass(frozen=True, slots=True)
class Write:
    """A client wants a point set to `value`, in its unit. `answer` is the PDU that says that it was done."""

    entry: Entry
    value: Fraction
    answer: bytes


class Adus:
    """Bytes of a connection to requests. What is no Modbus TCP ends it: there is no way to find the next one."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Adu]:
        """Raises FrameError."""
        self._buffer += data
        found: list[Adu] = []
        while len(self._buffer) > _LENGTH_END:
            end = _LENGTH_END + self._length()
            if len(self._buffer) < end:
                break
            head, pdu = self._buffer[: frames.MBAP_LENGTH], self._buffer[frames.MBAP_LENGTH : end]
            found.append(Adu(int.from_bytes(head[:2]), head[6], pdu))
            self._buffer = self._buffer[end:]
        return found

    def _length(self) -> int:
        protocol, length = self._buffer[2:4], int.from_bytes(self._buffer[4:_LENGTH_END])
        if protocol != bytes(2):
            raise FrameError("shape", f"protocol {protocol.hex()}, Modbus is 0000")
        if not PDU_LEAST <= length - 1 <= PDU_MOST:
            raise FrameError("length", f"{length} bytes announced, 2 to {PDU_MOST + 1} can be")
        return length


class Server:
    """Answers from a map. `read(entry)` gives the point as it is now; `refused` counts exceptions."""

    def __init__(self, registers: RegisterMap, read: Callable[[Entry], Shown]) -> None:
        self.refused: Counter[int] = Counter()
        self._map = registers
        self._read = read
        self._functions: dict[int, Callable[[int, Cursor], bytes | Write]] = {
            1: self._read_coils,
            2: self._read_good,
            3: self._read_registers,
            4: self._read_registers,
        }
        if registers.takes_writes:
            self._functions |= {
                frames.WRITE_COIL: self._write_coil,
                frames.WRITE_REGISTER: self._write_register,
                frames.WRITE_COILS: self._write_coils,
                frames.WRITE_REGISTERS: self._write_registers,
            }

    def answer(self, unit: int, pdu: bytes) -> bytes | Write:
        """The PDU to answer with, or what first has to be decided: then `decided` gives it."""
        function = pdu[0]
        try:
            handler = self._functions.get(function)
            if handler is None:
                raise Refusal(frames.ILLEGAL_FUNCTION)
            done = handler(self._map.unit(unit), Cursor(pdu[1:]))
        except Refusal as refusal:
            return self._exception(function, refusal.exception)
        except FrameError:  # shorter or longer than its function has it
            return self._exception(function, frames.ILLEGAL_VALUE)
        return Write(done.entry, done.value, pdu[:_COUNTED]) if isinstance(done, Write) else bytes((function,)) + done

    def decided(self, write: Write, exception: int) -> bytes:
        """The PDU for a write that was done (DONE), or not."""
        return self._exception(write.answer[0], exception) if exception else write.answer

    def _exception(self, function: int, exception: int) -> bytes:
        self.refused[exception] += 1
        return bytes((function & ~frames.EXCEPTION | frames.EXCEPTION, exception))

    def _read_coils(self, unit: int, asked: Cursor) -> bytes:
        first, count = _range(asked, MAX_BITS)
        return _bits([entry.is_on(self._read(entry)) for entry in self._map.whole(unit, first, count, coils=True)])

    def _read_good(self, unit: int, asked: Cursor) -> bytes:
        first, count = _range(asked, MAX_BITS)
        return _bits([self._quality(entry) == messages.GOOD for entry in self._map.each(unit, first, count)])

    def _read_registers(self, unit: int, asked: Cursor) -> bytes:
        first, count = _range(asked, MAX_REGISTERS)
        if first >= QUALITY_FROM:
            entries = self._map.each(unit, first - QUALITY_FROM, count)
            data = b"".join(self._quality(entry).to_bytes(2) for entry in entries)
        else:
            found = self._map.whole(unit, first, count, coils=False)
            data = b"".join(entry.registers(self._read(entry))[0] for entry in found)
        return bytes((len(data),)) + data

    def _quality(self, entry: Entry) -> int:
        shown = self._read(entry)
        if entry.is_coil:
            return shown.quality or (messages.ABSENT if shown.value is None else messages.GOOD)
        return entry.registers(shown)[1]

    def _write_coil(self, unit: int, asked: Cursor) -> Write:
        address, data = int.from_bytes(asked.take(2)), asked.take(2)
        _nothing_left(asked)
        if data not in {frames.COIL_ON, frames.COIL_OFF}:
            raise Refusal(frames.ILLEGAL_VALUE)
        return self._switch(unit, address, on=data == frames.COIL_ON)

    def _write_coils(self, unit: int, asked: Cursor) -> Write:
        """One coil: each is a command of its own."""
        address, count, length, data = int.from_bytes(asked.take(2)), asked.take(2), asked.byte(), asked.rest()
        if int.from_bytes(count) != 1 or length != 1 or len(data) != length:
            raise Refusal(frames.ILLEGAL_VALUE)
        return self._switch(unit, address, on=bool(data[0] & 1))

    def _write_register(self, unit: int, asked: Cursor) -> Write:
        address, data = int.from_bytes(asked.take(2)), asked.take(2)
        _nothing_left(asked)
        return self._set(unit, address, data)

    def _write_registers(self, unit: int, asked: Cursor) -> Write:
        """The registers of one point: each is a command of its own."""
        address, count, length, data = int.from_bytes(asked.take(2)), asked.take(2), asked.byte(), asked.rest()
        if not 1 <= length == len(data) == 2 * int.from_bytes(count):
            raise Refusal(frames.ILLEGAL_VALUE)
        return self._set(unit, address, data)

    def _switch(self, unit: int, address: int, *, on: bool) -> Write:
        return self._write(unit, address, 1, lambda _entry: Fraction(on), coils=True)

    def _set(self, unit: int, address: int, data: bytes) -> Write:
        return self._write(unit, address, len(data) // 2, lambda entry: entry.value(data), coils=False)

    def _write(self, unit: int, first: int, count: int, value: Callable[[Entry], Fraction], *, coils: bool) -> Write:
        found = self._map.whole(unit, first, count, coils=coils)
        if len(found) != 1 or not found[0].is_writable:
            raise Refusal(frames.ILLEGAL_ADDRESS)
        return Write(found[0], value(found[0]), b"")


def _range(asked: Cursor, most: int) -> tuple[int, int]:
    """First address and count of a read."""
    first, count = int.from_bytes(asked.take(2)), int.from_bytes(asked.take(2))
    _nothing_left(asked)
    if not 1 <= count <= most:
        raise Refusal(frames.ILLEGAL_VALUE)
    return first, count


def _nothing_left(asked: Cursor) -> None:
    if asked.left:
        raise FrameError("length", f"{asked.left} bytes too many")


def _bits(values: list[bool]) -> bytes:
    data = sum(value << place for place, value in enumerate(values)).to_bytes((len(values) + 7) // 8, "little")
    return bytes((len(data),)) + data
