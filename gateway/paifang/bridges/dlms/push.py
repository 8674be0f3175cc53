"""What a meter pushes: a data notification (IEC 62056-5-3) with a list of OBIS codes and values.

    E6 E7 00 | 0F | invoke id and priority, 4 bytes | date-time | list

Lists of (code, value, (power of ten, unit)), as Aidon's, say what their numbers are. Kamstrup's and Kaifa's are flat,
code and value in turns, and have units and powers of ten from the maker's description of the list with that name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from paifang.bridges.dlms.axdr import DATE_TIME_LENGTH, Data, Enum, Reader
from paifang.bridges.errors import FrameError
from paifang.bridges.values import Value, local_time, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paifang.bridges.dlms.hdlc import Frame

LLC = b"\xe6\xe7\x00"
NOTIFICATION = 0x0F
CIPHERED = frozenset((0xDB, 0xDC, 0xDD, 0xE0))
"""Tags of what a meter pushes when its key has to be known."""
INVOKE_LENGTH = 4
OCTETS = 0x09
CODE_LENGTH = 6
MAX_INFORMATION = 4096
"""Of all segments together: the hourly list of a Nordic meter has under 400 bytes."""

UNITS: dict[int, str] = {
    8: "°", 9: "°C", 13: "m3", 14: "m3", 15: "m3/h", 16: "m3/h", 27: "W", 28: "VA", 29: "var", 30: "Wh", 31: "VAh",
    32: "varh", 33: "A", 35: "V", 44: "Hz", 255: "",
}  # fmt: skip
"""Code of a unit -> unit (IEC 62056-6-2, table of units)."""

_Scale = dict[tuple[int, int, int], tuple[str, int]]
_ALL_AND_PHASES = (0, 20, 40, 60)


def _scale(energy: int, current: int, voltage: int) -> _Scale:
    """C, D, E of a code -> unit, power of ten; power is in W, and a power factor in hundredths."""
    directions = ((1, "W"), (2, "W"), (3, "var"), (4, "var"))
    return {
        **{(first + c, 7, 0): (unit, 0) for first in _ALL_AND_PHASES for c, unit in directions},
        **{(first + c, 8, 0): (f"{unit}h", energy) for first in _ALL_AND_PHASES for c, unit in directions},
        **{(first + 11, 7, 0): ("A", current) for first in _ALL_AND_PHASES[1:]},
        **{(first + 12, 7, 0): ("V", voltage) for first in _ALL_AND_PHASES[1:]},
        **{(first + 13, 7, 0): ("", -2) for first in _ALL_AND_PHASES},
    }


FLAT_LISTS: dict[str, _Scale] = {
    "Kamstrup_V0001": _scale(energy=1, current=-2, voltage=0),
    "KFM_001": _scale(energy=0, current=-3, voltage=-1),
}
"""Name of a list -> what its numbers are. Kamstrup: HAN-NVE interface description. Kaifa: HAN OBIS codes KFM_001; its
current is in mA and its energy in Wh, as captured frames of both show beside their power.
"""

_UNSPECIFIED = 0xFF
_UNSPECIFIED_YEAR = 0xFFFF
_UNSPECIFIED_DEVIATION = -0x8000
_MOST_DEVIATION_MIN = 720
_MOST_POWER = 127


@dataclass(frozen=True, slots=True)
class Push:
    """`moment` is the meter's own time for all of it, if it gives one."""

    moment: datetime | None
    body: Data


class Joiner:
    """Frames in, pushes out: a long one comes in segments."""

    def __init__(self) -> None:
        self._information = b""

    def take(self, frame: Frame) -> Push | None:
        """None while more segments have to come. FrameError drops what there was."""
        information, self._information = self._information + frame.information, b""
        if not frame.informs:
            raise FrameError("function", f"control {frame.control:02X} is nothing pushed")
        if len(information) > MAX_INFORMATION:
            raise FrameError("length", f"{len(information)} bytes of one push")
        if frame.segmented:
            self._information = information
            return None
        return decode(information)


def decode(information: bytes) -> Push:
    """The notification in the information of a frame."""
    if not information.startswith(LLC):
        raise FrameError("shape", "no E6 E7 00")
    reader = Reader(information[len(LLC) :])
    tag = reader.byte()
    if tag in CIPHERED:
        raise FrameError("unknown", f"tag {tag:02X}: this meter encrypts what it pushes")
    if tag != NOTIFICATION:
        raise FrameError("function", f"tag {tag:02X} is no data notification")
    reader.take(INVOKE_LENGTH)
    moment = _moment(reader)
    body = reader.data()
    if reader.left:
        raise FrameError("length", f"{reader.left} bytes behind the list")
    return Push(moment, body)


def values(push: Push) -> tuple[Value, ...]:
    """The items of the list under their OBIS codes, those that are no code and value left out."""
    if not isinstance(push.body, tuple):
        raise FrameError("unknown", "what was pushed is no list")
    return tuple(_explicit(push.body) if all(isinstance(item, tuple) for item in push.body) else _flat(push.body))


def date_time(data: bytes) -> datetime | None:
    """12 bytes: year, month, day, weekday, h, min, s, 1/100 s, minutes from local time to UTC, status. None: unset."""
    year = int.from_bytes(data[:2], "big")
    month, day, _weekday, hour, minute, second = data[2:8]
    deviation_min = int.from_bytes(data[9:11], "big", signed=True)
    if year == _UNSPECIFIED_YEAR or _UNSPECIFIED in (month, day, hour, minute):
        return None
    moment = local_time(year, month, day, hour, minute, 0 if second == _UNSPECIFIED else second)
    if deviation_min == _UNSPECIFIED_DEVIATION:
        return moment
    if abs(deviation_min) > _MOST_DEVIATION_MIN:
        raise FrameError("value", f"{deviation_min} minutes to UTC")
    return moment.replace(tzinfo=timezone(timedelta(minutes=-deviation_min)))


def _moment(reader: Reader) -> datetime | None:
    """An octet string that has its tag with some makers, and none with most."""
    length = reader.length()
    if length == OCTETS:
        length = reader.length()
    if length not in (0, DATE_TIME_LENGTH):
        raise FrameError("length", f"a time of {length} bytes")
    return date_time(reader.take(length)) if length else None


def _flat(body: tuple[Data, ...]) -> Iterator[Value]:
    """The name of the list comes first, at Kaifa's behind a code of its own."""
    head, *rest = body
    name, items = (head, rest) if isinstance(head, str) else (_text(rest[0]) if rest else None, body)
    if name not in FLAT_LISTS:
        raise FrameError("unknown", f"a list {name!r}")
    if len(items) % 2:
        raise FrameError("shape", "a code without its value")
    for code, content in zip(items[::2], items[1::2], strict=True):
        yield from _from_list(FLAT_LISTS[name], _code(code), content)


def _from_list(scale: _Scale, code: bytes, content: Data) -> Iterator[Value]:
    """A number whose power of ten is not known is left out."""
    if not isinstance(content, int):
        yield from _plain(code, content)
    elif known := scale.get((code[2], code[3], code[4])):
        unit, power = known
        yield Value(_printed(code), scaled(content, power), unit)


def _explicit(body: tuple[Data, ...]) -> Iterator[Value]:
    for item in body:
        match item:
            case (code, int() | Decimal() as content, (int() as power, Enum(unit))):
                yield _scaled(_code(code), content, power, unit)
            case (code, content):
                yield from _plain(_code(code), content)
            case _:
                raise FrameError("shape", f"{item!r} is no code and value"[:80])


def _scaled(code: bytes, content: int | Decimal, power: int, unit: int) -> Value:
    if unit not in UNITS:
        raise FrameError("unknown", f"unit {unit} of {_printed(code)}")
    if abs(power) > _MOST_POWER:
        raise FrameError("value", f"10^{power} of {_printed(code)}")
    number = scaled(content, power) if isinstance(content, int) else content.scaleb(power)
    return Value(_printed(code), number, UNITS[unit])


def _plain(code: bytes, content: Data) -> Iterator[Value]:
    """Text, time, and numbers that need no unit."""
    match content:
        case bytes() if len(content) == DATE_TIME_LENGTH:
            yield Value(_printed(code), date_time(content))
        case bytes():
            yield Value(_printed(code), _text(content))
        case bool() | str() | Decimal() | None:
            yield Value(_printed(code), content)
        case int():
            yield Value(_printed(code), Decimal(content))
        case _:
            pass


def _text(data: Data) -> str | None:
    """Octets as text, if that is what they are, else as hex."""
    if not isinstance(data, bytes):
        return None
    text = data.decode("latin-1")
    return text if text.isascii() and text.isprintable() else data.hex()


def _printed(code: bytes) -> str:
    """A-B:C.D.E, and *F where F says something."""
    a, b, c, d, e, f = code
    return f"{a}-{b}:{c}.{d}.{e}" + ("" if f == _UNSPECIFIED else f"*{f}")


def _code(data: Data) -> bytes:
    if not isinstance(data, bytes) or len(data) != CODE_LENGTH:
        raise FrameError("shape", f"{data!r} where an OBIS code belongs"[:80])
    return data
