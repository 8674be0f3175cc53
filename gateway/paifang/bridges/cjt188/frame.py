"""Frames of CJ/T 188 (editions 2004 and 2018, clause 6).

    FE x 2..4 | 68 | T | A0..A6 | C | L | DI0 DI1 SER data | CS | 16

T is the kind of meter. A0..A6 are 14 BCD digits, low byte first; A5 and A6 are the maker's. CS is the sum of all bytes
from 68 to the end of the data. A meter that refuses (C1, C4) sends SER and status without DI.
"""

from __future__ import annotations

from dataclasses import dataclass

from paifang.bridges.addresses import could_be_address, on_the_line, printed
from paifang.bridges.errors import FrameError
from paifang.bridges.stream import NO_FRAME, UNDECIDED, Splitter

PREAMBLE = 0xFE
START = 0x68
END = 0x16
HEADER_LENGTH = 11
OVERHEAD_LENGTH = HEADER_LENGTH + 2
MAX_DATA_LENGTH = 100
"""L of a read is at most 64h (6.5)."""
WAKE_UP = 4

REPLY = 0x80
FAILED = 0x40
ADDRESS_DIGITS = 14
ANY = "A" * ADDRESS_DIGITS

READ_METER = 0x901F
READ_ADDRESS = 0x810A
VALVE = 0xA017
IDENTIFIERS = (READ_METER, READ_ADDRESS, VALVE)

KINDS: dict[int, str] = {
    0x10: "cold water",
    0x11: "hot water",
    0x12: "drinking water",
    0x13: "grey water",
    0x20: "heat",
    0x21: "cold",
    0x30: "gas",
    0x40: "electricity",
    0xAA: "any",
}
"""T -> kind of meter (table 1). In a question for an address AA asks each kind."""
ANY_KIND = 0xAA


@dataclass(frozen=True, slots=True)
class Frame:
    """`address`: 14 digits as printed, maker first. `identifier` None: a refusal, which has none.

    `low_first`: in the field the two bytes of the identifier come in either order, and not always alike in both
    directions.
    """

    kind: int
    address: str
    control: int
    identifier: int | None
    serial: int
    data: bytes = b""
    low_first: bool = False


def encode(frame: Frame, preamble: int = WAKE_UP) -> bytes:
    """Bytes for the line; FrameError for an address or data that cannot be."""
    content = _identifier_bytes(frame) + bytes((frame.serial,)) + frame.data
    if len(content) > MAX_DATA_LENGTH:
        raise FrameError("length", f"{len(content)} bytes, {MAX_DATA_LENGTH} are the most")
    address = on_the_line(frame.address, ADDRESS_DIGITS)
    body = bytes((START, frame.kind, *address, frame.control, len(content))) + content
    return bytes((PREAMBLE,)) * preamble + body + bytes((sum(body) & 0xFF, END))


def decode(data: bytes) -> Frame:
    """The one frame in `data`, with or without FE before it; FrameError says what is wrong with it."""
    data = data.lstrip(bytes((PREAMBLE,)))
    if len(data) < OVERHEAD_LENGTH:
        raise FrameError("length", f"{len(data)} bytes, a frame has at least {OVERHEAD_LENGTH}")
    if data[0] != START or data[1] not in KINDS:
        raise FrameError("shape", "no 68 with a kind of meter behind it")
    address = printed(data[2:9])
    if len(data) != OVERHEAD_LENGTH + data[10] or data[10] > MAX_DATA_LENGTH:
        raise FrameError("length", f"L is {data[10]}, the frame has {len(data)} bytes")
    if data[-1] != END:
        raise FrameError("shape", f"ends with {data[-1]:02X}, not 16")
    if data[-2] != sum(data[:-2]) & 0xFF:
        raise FrameError("checksum", f"{data[-2]:02X}, of these bytes it is {sum(data[:-2]) & 0xFF:02X}")
    return _frame(data[1], address, data[9], data[HEADER_LENGTH:-2])


def splitter() -> Splitter[Frame]:
    """For a line: frames out of any bytes, in any pieces."""
    return Splitter(bytes((START,)), _measure, decode, filler=bytes((PREAMBLE,)))


def _frame(kind: int, address: str, control: int, content: bytes) -> Frame:
    if control & REPLY and control & FAILED:
        if not content:
            raise FrameError("length", "a refusal without a serial number")
        return Frame(kind, address, control, None, content[0], content[1:])
    if len(content) < 3:
        raise FrameError("length", f"{len(content)} bytes where identifier and serial number belong")
    identifier, low_first = _identifier(content[:2])
    return Frame(kind, address, control, identifier, content[2], content[3:], low_first)


def _identifier(pair: bytes) -> tuple[int, bool]:
    """90 1F and 1F 90 are the same: identifier, and whether the low byte came first."""
    for low_first in (False, True):
        identifier = int.from_bytes(pair, "little" if low_first else "big")
        if identifier in IDENTIFIERS:
            return identifier, low_first
    raise FrameError("unknown", f"identifier {pair.hex()}")


def _identifier_bytes(frame: Frame) -> bytes:
    if frame.identifier is None:
        return b""
    return frame.identifier.to_bytes(2, "little" if frame.low_first else "big")


def _measure(data: bytes) -> int:
    """Each byte is judged as soon as it is here, so that a false start holds back as little as it can."""
    if not (KINDS.keys() >= set(data[1:2]) and could_be_address(data[2:9])):
        return NO_FRAME
    if len(data) < HEADER_LENGTH:
        return UNDECIDED
    return OVERHEAD_LENGTH + data[10] if data[10] <= MAX_DATA_LENGTH else NO_FRAME
