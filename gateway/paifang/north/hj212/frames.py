"""HJ 212 frames: "##", length, data, CRC, CR LF; a receiver that loses no frame behind a broken one.

HJ 212-2017, clause 6.2: the length has four digits and counts the bytes of the data, the CRC is over these only.
Taken as well, because devices and bureaus send it: a CRC in small letters, no CR LF, a length of three digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BEGIN = b"##"
END = b"\r\n"
LONGEST_DATA = 2_048
"""Twice what the standard allows: a length beyond that is a garbled one, and nothing is waited for."""

_HEAD = re.compile(rb"##(\d{4}|\d{3}(?=\D))")
_CRC_LENGTH = 4
_CRC = re.compile(rb"[0-9A-Fa-f]{4}")
_CRC_SEED, _CRC_POLYNOMIAL = 0xFFFF, 0xA001
_HEAD_SHORT = len(BEGIN) + 4
"""Up to here three digits may still become four."""


@dataclass(frozen=True, slots=True)
class Frame:
    data: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """Bytes that are no frame, and why. `data`: what stands where the data of one would; b"" when nothing does."""

    why: str
    data: bytes = b""


def _rows() -> tuple[int, ...]:
    def row(register: int) -> int:
        for _ in range(8):
            register = (register >> 1) ^ (_CRC_POLYNOMIAL if register & 1 else 0)
        return register

    return tuple(row(low) for low in range(256))


_ROWS = _rows()


def crc(data: bytes) -> int:
    """Of HJ 212, annex A. Not that of Modbus: a byte goes into the register after its shift, not before.

    The shift loses the low half of the register, so that of 256 garbled frames one still has the right CRC.
    """
    register = _CRC_SEED
    for byte in data:
        mixed = (register >> 8) ^ byte
        register = (mixed >> 8) ^ _ROWS[mixed & 0xFF]
    return register


def frame(data: bytes) -> bytes:
    """The frame of `data`."""
    return b"##%04d%b%04X\r\n" % (len(data), data, crc(data))


class Receiver:
    """Frames out of bytes as they come in, in whatever pieces."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, received: bytes) -> list[Frame | Broken]:
        """What these bytes complete, in order. Behind the "##" of a broken frame reading goes on with the next "##"."""
        self._held += received
        found: list[Frame | Broken] = []
        while (taken := _first(self._held)) is not None:
            length, what = taken
            self._held = self._held[length:]
            if what is not None:
                found.append(what)
        return found


def _first(held: bytes) -> tuple[int, Frame | Broken | None] | None:
    """How many bytes the first thing takes, and what it is: None is the end of a line. None: more must come."""
    if not held.startswith(BEGIN):
        return _between(held)
    head = _HEAD.match(held)
    if head is None:
        return None if _may_be_head(held) else (len(BEGIN), Broken("no length behind ##"))
    if int(head[1]) > LONGEST_DATA:
        return len(BEGIN) + _before_begin(held[len(BEGIN) :]), Broken(f"a length of {int(head[1])}")
    data, told, end = _parts(held, head)
    if _is_right(data, told):
        return end, Frame(data)
    if len(told) < _CRC_LENGTH:
        return _overtaken(held)
    why = f"CRC {told.decode('ascii', 'backslashreplace')}, and {crc(data):04X} is right"
    return len(BEGIN) + _before_begin(held[len(BEGIN) :]), Broken(why, data)


def _parts(held: bytes, head: re.Match[bytes]) -> tuple[bytes, bytes, int]:
    """Data and CRC, as far as they have come, and where the frame ends."""
    end = head.end() + int(head[1])
    return held[head.end() : end], held[end : end + _CRC_LENGTH], end + _CRC_LENGTH


def _is_right(data: bytes, told: bytes) -> bool:
    return _CRC.fullmatch(told) is not None and int(told, 16) == crc(data)


def _between(held: bytes) -> tuple[int, Broken | None] | None:
    """What stands before the next "##"."""
    length = _before_begin(held)
    if not length:
        return None
    is_line_end = not held[:length].strip(END)
    return length, None if is_line_end else Broken("no ## before it")


def _before_begin(held: bytes) -> int:
    """How many bytes stand before "##", or before a "#" at the end, which may be half of it."""
    begin = held.find(BEGIN)
    return begin if begin >= 0 else len(held) - held.endswith(b"#")


def _may_be_head(held: bytes) -> bool:
    """Whether "##" and at most three digits are all that has come."""
    return len(held) < _HEAD_SHORT and not held[len(BEGIN) :].strip(b"0123456789")


def _overtaken(held: bytes) -> tuple[int, Broken] | None:
    """Whether a whole frame stands inside of one that is not whole: then its length, or its end, is wrong."""
    at = held.find(BEGIN, len(BEGIN))
    while at >= 0:
        head = _HEAD.match(held, at)
        if head is not None and _is_right(*_parts(held, head)[:2]):
            return at, Broken("cut off, or of a wrong length")
        at = held.find(BEGIN, at + 1)
    return None
