"""What a meter answers when it is asked for its data (EN 13757-3): who it is, and its records."""

from __future__ import annotations

from dataclasses import dataclass

from paifang.bridges.cursor import Cursor
from paifang.bridges.errors import FrameError
from paifang.bridges.mbus.records import Record, records

VARIABLE_DATA = 0x72
APPLICATION_ERROR = 0x70
ERRORS = (
    "unspecified error",
    "this kind of question is not implemented",
    "the question is too long",
    "too many records",
    "a record ends too early",
    "more than 10 DIFE",
    "more than 10 VIFE",
    "reserved",
    "busy",
    "too many readouts",
)
"""Code of an application error -> what it means (EN 13757-3, 4.6)."""

MEDIA: dict[int, str] = {
    0x00: "other",
    0x01: "oil",
    0x02: "electricity",
    0x03: "gas",
    0x04: "heat, in the return pipe",
    0x05: "steam",
    0x06: "warm water",
    0x07: "water",
    0x08: "heat cost allocator",
    0x09: "compressed air",
    0x0A: "cooling, in the return pipe",
    0x0B: "cooling, in the supply pipe",
    0x0C: "heat, in the supply pipe",
    0x0D: "heat and cooling",
    0x0E: "bus system",
    0x15: "hot water",
    0x16: "cold water",
}
"""Code of the medium (table 3); others are the maker's or reserved."""

ENCRYPTED_MODES = frozenset((4, 5, 7, 13))
"""Bits 8 to 12 of the last header field (7.2.4). Meters without encryption fill it in ways of their own."""


@dataclass(frozen=True, slots=True)
class Header:
    """`identification`: 8 digits, with some makers hexadecimal ones; `maker`: three letters; `medium`: code of MEDIA;
    `status`: bits, 0 is well.
    """

    identification: str
    maker: str
    version: int
    medium: int
    access: int
    status: int


@dataclass(frozen=True, slots=True)
class Telegram:
    """`more`: the meter has another one, which the next question with the other frame count bit gets."""

    header: Header
    records: tuple[Record, ...]
    more: bool


def decode(data: bytes) -> Telegram:
    """From CI on; FrameError says what is wrong, "refused" with the meter's own reason."""
    cursor = Cursor(data)
    ci = cursor.byte()
    if ci == APPLICATION_ERROR:
        raise FrameError("refused", refusal(cursor.rest()))
    if ci != VARIABLE_DATA:
        raise FrameError("unknown", f"CI {ci:02X}: only variable data, 72, is read")
    header = _header(cursor)
    found, more = records(cursor.rest())
    return Telegram(header, found, more)


def identification(data: bytes) -> str:
    """Of the header of variable data, whatever stands behind it. FrameError if there is none."""
    cursor = Cursor(data)
    if cursor.byte() != VARIABLE_DATA:
        raise FrameError("unknown", "no header of variable data")
    return cursor.take(4)[::-1].hex().upper()


def _header(cursor: Cursor) -> Header:
    identification = cursor.take(4)[::-1].hex().upper()
    maker = _maker(int.from_bytes(cursor.take(2), "little"))
    version, medium, access, status = cursor.take(4)
    mode = int.from_bytes(cursor.take(2), "little") >> 8 & 0x1F
    if mode in ENCRYPTED_MODES:
        raise FrameError("unknown", f"encrypted, mode {mode}: the key of meter {identification} is needed")
    return Header(identification, maker, version, medium, access, status)


def _maker(code: int) -> str:
    """Three letters of five bits each (5.6)."""
    return "".join(chr((code >> shift & 0x1F) + 64) for shift in (10, 5, 0))


def refusal(data: bytes) -> str:
    """An application error in words."""
    code = data[0] if data else 0
    return ERRORS[code] if code < len(ERRORS) else f"error {code}"
