r"""A telegram: from "/" to "!", with one object a line (IEC 62056-21, clause 6; DSMR P1 5.0.2, clause 6).

/ISk5\2MT382-1000         who sends: maker (3), speed (1), type
                         an empty line
1-0:1.8.1(000004.426*kWh)
!6EEE                    CRC-16 of all from "/" to "!"; telegrams before DSMR 4 and of mode D have none
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from paifang.bridges import crc
from paifang.bridges.errors import FrameError
from paifang.bridges.stream import NO_FRAME, UNDECIDED, Splitter

MAX_LENGTH = 8192
"""A telegram of DSMR 5 has about 1,000 bytes; with its longest text message (1,024 characters as hex) about 3,000."""
NO_BILLING_PERIOD = 255
"""F of a code that says nothing: 1-0:1.8.0*255 is 1-0:1.8.0."""

_NEXT_START = b"\n/"
_END = re.compile(rb"\n!(?P<crc>[0-9A-Fa-f]{4})?\r?\n")
_IDENTIFICATION = re.compile(r"/[A-Za-z]{3}[0-9A-Za-z][^\r\n/!]{0,64}")
_LINE = re.compile(r"(?P<code>\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3})(?:\*(?P<billing>\d{1,3}))?(?P<fields>\(.*)")
_FIELDS = re.compile(r"(?:\([^()]*\))+")
_FIELD = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Line:
    """`code`: OBIS code as written, without a billing period of 255; `fields`: what stands in parentheses."""

    code: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Telegram:
    """`checked`: it came with a CRC, and that was right."""

    identification: str
    lines: tuple[Line, ...]
    checked: bool


def decode(data: bytes, *, needs_crc: bool = False) -> Telegram:
    """The one telegram in `data`; FrameError says what is wrong with it.

    `needs_crc`: of a meter that sends a CRC none without it is taken, because noise may have eaten it.
    """
    end = _END.search(data)
    if not data.startswith(b"/") or end is None or end.end() != len(data):
        raise FrameError("shape", "no telegram from / to !")
    _check_crc(data[: end.start() + 2], end["crc"], needs_crc=needs_crc)
    if not data.isascii():
        raise FrameError("shape", "bytes above 7F; the line may have 7 data bits")
    first, *rest = data[: end.start()].decode("ascii").replace("\r", "").split("\n")
    if not _IDENTIFICATION.fullmatch(first):
        raise FrameError("shape", f"{first[:40]!r} is no identification")
    return Telegram(first[1:], tuple(map(_line, _joined(rest))), checked=end["crc"] is not None)


def splitter(*, needs_crc: bool = False) -> Splitter[Telegram]:
    """For a line: telegrams out of any bytes, in any pieces."""
    return Splitter(b"/", _measure, lambda data: decode(data, needs_crc=needs_crc), filler=b"\r\n\xff")


class CrcGuard:
    """Telegrams of one meter: from the first that comes with a CRC on, none without it is taken."""

    def __init__(self) -> None:
        self._has_crc = False

    def take(self, telegram: Telegram) -> Telegram:
        """Raises FrameError: noise has eaten the CRC, and perhaps more."""
        if self._has_crc and not telegram.checked:
            raise FrameError("checksum", "no CRC, which this meter sends")
        self._has_crc |= telegram.checked
        return telegram


def _check_crc(data: bytes, given: bytes | None, *, needs_crc: bool) -> None:
    computed = crc.crc16(data, crc.IBM, 0)
    if given is None and needs_crc:
        raise FrameError("checksum", "no CRC where one belongs")
    if given is not None and int(given, 16) != computed:
        raise FrameError("checksum", f"{given.decode()}, of these bytes it is {computed:04X}")


def _joined(lines: list[str]) -> list[str]:
    """One line an object: in DSMR 2 and 3 the reading of a gas meter stands alone in the line below."""
    joined: list[str] = []
    for line in lines:
        if line.startswith("(") and joined:
            joined[-1] += line
        elif line:
            joined.append(line)
    return joined


def _line(text: str) -> Line:
    found = _LINE.fullmatch(text)
    if found is None or not _FIELDS.fullmatch(found["fields"]):
        raise FrameError("shape", f"{text[:40]!r} is no object")
    billing = found["billing"]
    code = found["code"] if billing is None or int(billing) == NO_BILLING_PERIOD else f"{found['code']}*{billing}"
    return Line(code, tuple(_FIELD.findall(found["fields"])))


def _measure(data: bytes) -> int:
    """To the end of the line with "!"; a "/" that begins a line before it is the start of the next telegram."""
    end = _END.search(data)
    last, length = (end.start(), end.end()) if end else (len(data), len(data))
    if length > MAX_LENGTH or _NEXT_START in data[:last]:
        return NO_FRAME
    return length if end else UNDECIDED
