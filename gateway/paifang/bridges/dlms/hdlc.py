"""HDLC frames of IEC 62056-46, frame format type 3.

    7E | A, segment bit, 11 bits of length | destination | source | control | HCS | information | FCS | 7E

Length counts all between the flags. HCS is over the bytes before it, FCS over all before it but the flag; a frame
without information has the FCS alone. An address ends with the first byte whose lowest bit is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from paifang.bridges import crc
from paifang.bridges.errors import FrameError
from paifang.bridges.stream import NO_FRAME, UNDECIDED, Splitter

FLAG = 0x7E
FORMAT_TYPE_3 = 0xA0
FORMAT_MASK = 0xF0
SEGMENT = 0x08
LENGTH_HIGH = 0x07
FORMAT_LENGTH = 2
ADDRESS_LENGTHS = (1, 2, 4)
CRC_LENGTH = 2
LEAST_LENGTH = FORMAT_LENGTH + 1 + 1 + 1 + CRC_LENGTH

POLL_FINAL = 0x10
UI = 0x03
"""Control of unnumbered information: what most meters push. Numbered information has an even control byte."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`segmented`: more of the same information follows in the next frame."""

    destination: int
    source: int
    control: int
    information: bytes
    segmented: bool = False

    @property
    def informs(self) -> bool:
        return self.control & ~POLL_FINAL == UI or not self.control & 1


def decode(data: bytes) -> Frame:
    """The one frame in `data`, with its flags; FrameError says what is wrong with it."""
    if len(data) < LEAST_LENGTH + 2:
        raise FrameError("length", f"{len(data)} bytes, a frame has at least {LEAST_LENGTH + 2}")
    if data[0] != FLAG or data[-1] != FLAG or data[1] & FORMAT_MASK != FORMAT_TYPE_3:
        raise FrameError("shape", "no frame of format type 3 between two flags")
    body = data[1:-1]
    if _length(body) != len(body):
        raise FrameError("length", f"{_length(body)} given, {len(body)} between the flags")
    _check(body, "FCS")
    return _frame(body[:-CRC_LENGTH])


def splitter() -> Splitter[Frame]:
    """For a line: frames out of any bytes, in any pieces. One flag may end a frame and begin the next."""
    return Splitter(bytes((FLAG,)), _measure, decode, filler=bytes((FLAG,)), shares_last=1)


def with_check(data: bytes) -> bytes:
    """The bytes and their CRC-16/X-25, low byte first."""
    return data + (crc.crc16(data, crc.CCITT, 0xFFFF) ^ 0xFFFF).to_bytes(CRC_LENGTH, "little")


def _frame(body: bytes) -> Frame:
    destination, at = _address(body, FORMAT_LENGTH)
    source, at = _address(body, at)
    header, content = body[: at + 1], body[at + 1 :]
    if len(header) == at:
        raise FrameError("length", "no control byte")
    if content:
        _check(header + content[:CRC_LENGTH], "HCS")
    return Frame(destination, source, header[at], content[CRC_LENGTH:], segmented=bool(body[0] & SEGMENT))


def _address(body: bytes, start: int) -> tuple[int, int]:
    """(address, where what follows it begins)"""
    for length in ADDRESS_LENGTHS:
        field = body[start : start + length]
        if len(field) == length and field[-1] & 1:
            return _seven_bits_each(field), start + length
    raise FrameError("address", f"{body[start : start + 4].hex(' ')} does not end")


def _seven_bits_each(field: bytes) -> int:
    address = 0
    for byte in field:
        address = address << 7 | byte >> 1
    return address


def _check(data: bytes, name: str) -> None:
    if with_check(data[:-CRC_LENGTH]) != data:
        raise FrameError("checksum", f"{name} is {data[-CRC_LENGTH:].hex()}, that is not of these bytes")


def _length(body: bytes) -> int:
    return (body[0] & LENGTH_HIGH) << 8 | body[1]


def _measure(data: bytes) -> int:
    if len(data) > 1 and data[1] & FORMAT_MASK != FORMAT_TYPE_3:
        return NO_FRAME
    if len(data) < 1 + FORMAT_LENGTH:
        return UNDECIDED
    length = _length(data[1:])
    return length + 2 if length >= LEAST_LENGTH else NO_FRAME
