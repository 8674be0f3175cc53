"""What the objects of a telegram say: numbers with units, texts, and readings that are older than the telegram.

OBIS codes A-B:C.D.E as in IEC 62056-61; those without a unit as in DSMR P1 5.0.2, clause 6.12.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from paifang.bridges.errors import FrameError
from paifang.bridges.values import Value, local_time

if TYPE_CHECKING:
    from paifang.bridges.p1.telegram import Line, Telegram

CLOCK = "0-0:1.0.0"
SUMMER, WINTER = "S", "W"
OFFSETS = {WINTER: timezone(timedelta(hours=1)), SUMMER: timezone(timedelta(hours=2))}
"""Last letter of a time -> offset from UTC: P1 is spoken where Central European Time is (DSMR 5.0.2, 6.4)."""

COUNTS = frozenset((
    (0, 2, 8),  # version of the telegram
    (96, 14, 0),  # tariff that is in force
    (96, 7, 21), (96, 7, 9), (96, 7, 19),  # power failures
    (32, 32, 0), (52, 32, 0), (72, 32, 0), (32, 36, 0), (52, 36, 0), (72, 36, 0),  # voltage sags and swells
    (24, 1, 0),  # kind of a meter on the same bus
    (96, 3, 10), (24, 4, 0),  # position of a switch or a valve
))  # fmt: skip
"""C, D, E of objects that are numbers without a unit."""

OLD_BUS_READING = re.compile(r"0-[1-9]\d*:24\.3\.0")
"""Reading of a gas, heat or water meter that hangs on the electricity meter, as DSMR 2 and 3 put it."""

_NUMBER = re.compile(r"(?P<number>-?\d{1,20}(?:\.\d{1,10})?)(?:\*(?P<unit>[A-Za-z0-9/]{1,8}))?")
_TIME = re.compile(r"(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})([SW]?)")
_CODE = re.compile(r"\d+-\d+:(\d+)\.(\d+)\.(\d+)")


def values(telegram: Telegram) -> tuple[Value, ...]:
    """One value an object, in their order. A log of several entries is one text."""
    return tuple(_value(line) for line in telegram.lines)


def time(text: str) -> datetime | None:
    """YYMMDDhhmmss and S or W; without that letter (before DSMR 4) it is the meter's own clock; None: no time."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(digits) for digits in found.groups()[:6])
    try:
        return local_time(2000 + year, month, day, hour, minute, second).replace(tzinfo=OFFSETS.get(found[7]))
    except FrameError:
        return None


def _value(line: Line) -> Value:
    match line.fields:
        case (moment, number) if _TIME.fullmatch(moment):
            return _dated(line.code, moment, number)
        case (moment, _, _, _, code, unit, number) if OLD_BUS_READING.fullmatch(line.code):
            return _dated(code, moment, f"{number}*{unit}")
        case (text,):
            return _single(line.code, text)
        case several:
            return Value(line.code, "".join(f"({field})" for field in several))


def _dated(code: str, moment: str, number: str) -> Value:
    """A reading with a time of its own; before the first one comes, meters put a time that cannot be."""
    found = _NUMBER.fullmatch(number)
    if found is None:
        return Value(code, f"({moment})({number})")
    at = time(moment)
    return Value(code, Decimal(found["number"]) if at else None, found["unit"] or "", at)


def _single(code: str, text: str) -> Value:
    if code == CLOCK:
        return Value(code, time(text))
    found = _NUMBER.fullmatch(text)
    if found and (found["unit"] or _is_count(code)):
        return Value(code, Decimal(found["number"]), found["unit"] or "")
    return Value(code, text or None)


def _is_count(code: str) -> bool:
    found = _CODE.match(code)
    return found is not None and (int(found[1]), int(found[2]), int(found[3])) in COUNTS
