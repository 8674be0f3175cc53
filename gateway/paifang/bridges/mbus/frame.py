"""Frames of the wired M-Bus (EN 13757-2, clause 5).

    long     68 | L | L | 68 | C | A | CI, data | CS | 16      L counts C to the end of the data
    short    10 | C | A | CS | 16
    answer   E5

CS is the sum of all bytes from C to the end of the data.
"""

from __future__ import annotations

from dataclasses import dataclass

from paifang.bridges.errors import FrameError
from paifang.bridges.stream import NO_FRAME, UNDECIDED, Splitter

LONG, SHORT, ACKNOWLEDGE = 0x68, 0x10, 0xE5
END = 0x16
SHORT_LENGTH = 5
LONG_OVERHEAD = 6
LONGEST = LONG_OVERHEAD + 0xFF
LEAST_LONG = 3
"""L of a frame without data: C, A, CI."""

SND_NKE = 0x40
"""Begin anew: forget the frame count bit."""
SND_UD = 0x73
"""Data for a meter, with the frame count bit set: of selections, which each begin anew, it tells nothing."""
REQ_UD2 = 0x5B
"""Ask for the meter's data."""
FRAME_COUNT = 0x20
"""Bit of C that alternates; a meter that sees it unchanged sends the same again."""
RSP_UD = 0x08
RSP_MASK = 0x4F
"""Bits 4 and 5 of a meter's C say that it has more to tell, or can take no more."""

ANYBODY = 254
"""Each meter answers: for the one that is on the line."""
SELECTED = 253
"""The meter that was selected by its secondary address answers."""
MAX_ADDRESS = 250
SELECT = 0x52
"""CI of a selection (EN 13757-3, 11.3); FF for maker, version and medium is any."""
NUMBER_DIGITS = 8
_ANY_ELSE = b"\xff" * 4


@dataclass(frozen=True, slots=True)
class Frame:
    """`data` None: a short frame; else CI and what follows it."""

    control: int
    address: int
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The single byte E5."""


def ask(address: int, *, frame_count: bool) -> Frame:
    """For the data of the meter with this primary address; `frame_count` alternates from one answered question on."""
    return Frame(REQ_UD2 | (FRAME_COUNT if frame_count else 0), _checked(address))


def begin(address: int) -> Frame:
    """Acknowledged with E5; the next question has `frame_count` set."""
    return Frame(SND_NKE, _checked(address))


def select(number: str) -> Frame:
    """For the meter with this identification, eight digits of which F stands for any: it answers as SELECTED now.

    Acknowledged with E5, by each that is meant; all others are not selected any more.
    """
    if len(number) != NUMBER_DIGITS or not set(number) <= set("0123456789ABCDEF"):
        raise FrameError("address", f"{number} is not {NUMBER_DIGITS} digits")
    return Frame(SND_UD, SELECTED, bytes((SELECT,)) + bytes.fromhex(number)[::-1] + _ANY_ELSE)


def encode(frame: Frame | Acknowledged) -> bytes:
    if isinstance(frame, Acknowledged):
        return bytes((ACKNOWLEDGE,))
    body = bytes((frame.control, frame.address)) + (frame.data or b"")
    head = bytes((SHORT,)) if frame.data is None else bytes((LONG, _length(body), len(body), LONG))
    return head + body + bytes((sum(body) & 0xFF, END))


def decode(data: bytes) -> Frame | Acknowledged:
    """The one frame in `data`; FrameError says what is wrong with it."""
    if data == bytes((ACKNOWLEDGE,)):
        return Acknowledged()
    head = 4 if data[:1] == bytes((LONG,)) else 1
    if _measure(data) == NO_FRAME or not data:
        raise FrameError("shape", f"{data[:4].hex(' ')} begins no frame")
    if _measure(data) != len(data):
        raise FrameError("length", f"{len(data)} bytes, {_measure(data) or 'more'} belong there")
    if data[-1] != END:
        raise FrameError("shape", f"ends with {data[-1]:02X}, not 16")
    body = data[head:-2]
    if data[-2] != sum(body) & 0xFF:
        raise FrameError("checksum", f"{data[-2]:02X}, of these bytes it is {sum(body) & 0xFF:02X}")
    return Frame(body[0], body[1], body[2:] if head > 1 else None)


def splitter() -> Splitter[Frame | Acknowledged]:
    """For a line: frames out of any bytes, in any pieces."""
    return Splitter(bytes((LONG, SHORT, ACKNOWLEDGE)), _measure, decode)


def data_in(question: Frame, answer: Frame | Acknowledged) -> bytes:
    """CI and what follows it; FrameError unless that is a meter's answer to `ask`."""
    if isinstance(answer, Acknowledged) or answer.data is None or answer.control & RSP_MASK != RSP_UD:
        raise FrameError("function", "no answer with data")
    if question.address not in (answer.address, ANYBODY, SELECTED):
        raise FrameError("address", f"asked {question.address}, {answer.address} answered")
    return answer.data


def _checked(address: int) -> int:
    if not (0 <= address <= MAX_ADDRESS or address in (SELECTED, ANYBODY)):
        raise FrameError("address", f"{address} is no meter's")
    return address


def _length(body: bytes) -> int:
    if not LEAST_LONG <= len(body) <= 0xFF:
        raise FrameError("length", f"{len(body)} bytes from C on, 3 to 255 can be sent")
    return len(body)


def _measure(data: bytes) -> int:
    """Each byte is judged as soon as it is here, so that a false start holds back as little as it can."""
    if data[:1] == bytes((ACKNOWLEDGE,)):
        return 1
    if data[:1] == bytes((SHORT,)):
        return SHORT_LENGTH
    length = data[1:2]
    expected = bytes((LONG,)) + length * 2 + bytes((LONG,))
    if data[:4] != expected[: len(data)] or (length and length[0] < LEAST_LONG):
        return NO_FRAME
    return LONG_OVERHEAD + length[0] if len(data) >= 4 else UNDECIDED
