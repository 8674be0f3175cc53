"""Times, lengths and moments as an engineer writes them, and as records have them: ms, mm, minutes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

TIME_EXPECTED = 'a time such as "3.5s", "500ms" or "2m"; a plain number is seconds'
LENGTH_EXPECTED = 'a length such as "14.5m"; a plain number is metres'
MOMENT_EXPECTED = 'a time of day such as "06:30"'
OFFSET_EXPECTED = 'hours and minutes east of UTC such as "+08:00" or "-05:00"'
MOST = 1 << 40
"""ms or mm: more than any of them means, and less than what the wire carries."""

_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(ms|s|m)")
_LENGTH = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(m)")
_MOMENT = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_MS_OF = {"ms": Decimal(1), "s": Decimal(1000), "m": Decimal(60_000)}
_MM_OF = {"m": Decimal(1000)}


class Table(BaseModel):
    """A table of a file: frozen, nothing unknown in it, nothing converted behind the engineer's back."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def time_ms(value: object) -> int:
    """Whole milliseconds. Raises ValueError saying what a time is."""
    return _measured(value, _TIME, _MS_OF, "s", TIME_EXPECTED)


def length_mm(value: object) -> int:
    """Whole millimetres. Raises ValueError saying what a length is."""
    return _measured(value, _LENGTH, _MM_OF, "m", LENGTH_EXPECTED)


def moment_minute(value: object) -> int:
    """The minute of the day. Raises ValueError saying what a time of day is."""
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(MOMENT_EXPECTED)
    return int(match[1]) * 60 + int(match[2])


def offset_minutes(value: object) -> int:
    """Minutes east of UTC. Raises ValueError saying what an offset is."""
    match = _OFFSET.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(OFFSET_EXPECTED)
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


def time_text(ms: int) -> str:
    """What `time_ms` reads back: 3500 -> "3.5s"."""
    return f"{_decimal(ms)}s"


def length_text(mm: int) -> str:
    """What `length_mm` reads back: 14500 -> "14.5m"."""
    return f"{_decimal(mm)}m"


def moment_text(minute: int) -> str:
    """What `moment_minute` reads back: 390 -> "06:30"."""
    return f"{minute // 60:02}:{minute % 60:02}"


def offset_text(minutes: int) -> str:
    """What `offset_minutes` reads back: -300 -> "-05:00"."""
    return ("-" if minutes < 0 else "+") + moment_text(abs(minutes))


def _measured(value: object, pattern: re.Pattern[str], sizes: dict[str, Decimal], plain: str, expected: str) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value} {plain}"
    match = pattern.fullmatch(value) if isinstance(value, str) else None
    found = Decimal(match[1]) * sizes[match[2]] if match else Decimal("NaN")
    if not found.is_finite() or found != int(found) or found > MOST:
        raise ValueError(expected)
    return int(found)


def _decimal(thousandths: int) -> str:
    return f"{Decimal(thousandths) / 1000:f}"


Ms = Annotated[int, BeforeValidator(time_ms)]
Mm = Annotated[int, BeforeValidator(length_mm)]
Minute = Annotated[int, BeforeValidator(moment_minute)]
MinutesEast = Annotated[int, BeforeValidator(offset_minutes)]
