"""Frames of DL/T 645 (edition 2007, clauses 5.2 to 5.4; the edition of 1997 frames alike).

    FE x 0..4 | 68 | A0..A5 | 68 | C | L | data, each byte + 33h | CS | 16

A0..A5 are 12 BCD digits, low byte first. CS is the sum of all bytes from the first 68 to the end of the data.
"""

from __future__ import annotations

from dataclasses import dataclass

from paifang.bridges.addresses import could_be_address, on_the_line, printed
from paifang.bridges.errors import FrameError
from paifang.bridges.stream import NO_FRAME, UNDECIDED, Splitter

PREAMBLE = 0xFE
START = 0x68
END = 0x16
OFFSET = 0x33
HEADER_LENGTH = 10
OVERHEAD_LENGTH = HEADER_LENGTH + 2
MAX_DATA_LENGTH = 200
"""L of an answer to a read, the longest there is (5.2.5)."""
WAKE_UP = 4
"""How many FE are sent before a question (5.2.1): an optical head or a radio modem loses some."""

REPLY = 0x80
FAILED = 0x40
MORE = 0x20
FUNCTION = 0x1F

ADDRESS_DIGITS = 12
ANY = "A" * ADDRESS_DIGITS

_SHIFT_UP = bytes((value + OFFSET) & 0xFF for value in range(256))
_SHIFT_DOWN = bytes((value - OFFSET) & 0xFF for value in range(256))


@dataclass(frozen=True, slots=True)
class Frame:
    """`address`: 12 digits as printed on the meter, AA pairs at its high end stand for any; `data` without + 33h."""

    address: str
    control: int
    data: bytes = b""

    @property
    def function(self) -> int:
        return self.control & FUNCTION

    @property
    def is_reply(self) -> bool:
        return bool(self.control & REPLY)

    @property
    def failed(self) -> bool:
        """Whether the meter answers that it will not."""
        return bool(self.control & FAILED)

    @property
    def more(self) -> bool:
        """Whether the meter has more of this to be read with "read next"."""
        return bool(self.control & MORE)


def encode(frame: Frame, preamble: int = WAKE_UP) -> bytes:
    """Bytes for the line; FrameError for an address or data that cannot be."""
    if len(frame.data) > MAX_DATA_LENGTH:
        raise FrameError("length", f"{len(frame.data)} bytes of data, {MAX_DATA_LENGTH} are the most")
    address = on_the_line(frame.address, ADDRESS_DIGITS)
    body = bytes((START, *address, START, frame.control, len(frame.data)))
    body += frame.data.translate(_SHIFT_UP)
    return bytes((PREAMBLE,)) * preamble + body + bytes((sum(body) & 0xFF, END))


def decode(data: bytes) -> Frame:
    """The one frame in `data`, with or without FE before it; FrameError says what is wrong with it."""
    data = data.lstrip(bytes((PREAMBLE,)))
    if len(data) < OVERHEAD_LENGTH:
        raise FrameError("length", f"{len(data)} bytes, a frame has at least {OVERHEAD_LENGTH}")
    if data[0] != START or data[7] != START:
        raise FrameError("shape", "no 68 where the two belong")
    address = printed(data[1:7])
    if len(data) != OVERHEAD_LENGTH + data[9] or data[9] > MAX_DATA_LENGTH:
        raise FrameError("length", f"L is {data[9]}, the frame has {len(data)} bytes")
    if data[-1] != END:
        raise FrameError("shape", f"ends with {data[-1]:02X}, not 16")
    if data[-2] != sum(data[:-2]) & 0xFF:
        raise FrameError("checksum", f"{data[-2]:02X}, of these bytes it is {sum(data[:-2]) & 0xFF:02X}")
    return Frame(address, data[8], data[HEADER_LENGTH:-2].translate(_SHIFT_DOWN))


def splitter() -> Splitter[Frame]:
    """For a line: frames out of any bytes, in any pieces."""
    return Splitter(bytes((START,)), _measure, decode, filler=bytes((PREAMBLE,)))


def _measure(data: bytes) -> int:
    """Each byte is judged as soon as it is here, so that a false start holds back as little as it can."""
    if not could_be_address(data[1:7]) or data[7:8] not in (b"", b"\x68"):
        return NO_FRAME
    if len(data) < HEADER_LENGTH:
        return UNDECIDED
    return OVERHEAD_LENGTH + data[9] if data[9] <= MAX_DATA_LENGTH else NO_FRAME
