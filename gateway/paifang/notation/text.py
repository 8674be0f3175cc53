"""Times, numbers and texts as JSON and CSV write them. No float comes between: a value has the digits it was given."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


def utc(utc_ms: int) -> str:
    """A time as RFC 3339 writes it, in ms: "2026-11-20T10:35:07.123Z"; as ms where the calendar ends."""
    second = _second(utc_ms // 1000)
    return f"{second}.{utc_ms % 1000:03}Z" if second else str(utc_ms)


def number(value: Decimal) -> str:
    """All its digits and no exponent: "35.20"."""
    return f"{value:f}"


def scaled(wire: int, scale: int) -> str:
    """The number wire * 10**scale as `number` writes it: 3520 and -2 are "35.20"."""
    if scale >= 0:
        return str(wire * 10**scale)
    digits = str(abs(wire)).rjust(1 - scale, "0")
    return f"{'-' if wire < 0 else ''}{digits[:scale]}.{digits[scale:]}"


@lru_cache(maxsize=256)
def _second(utc_s: int) -> str:
    """Empty where the calendar ends. Kept: many records are of the same second."""
    try:
        return f"{datetime.fromtimestamp(utc_s, UTC):%Y-%m-%dT%H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return ""


@lru_cache(maxsize=4096)
def quoted(text: str) -> str:
    """`text` as a JSON string; kept for the names and units that come again in every record."""
    return json.dumps(text, ensure_ascii=False)
