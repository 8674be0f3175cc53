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
    try:
        moment = datetime.fromtimestamp(utc_ms // 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return str(utc_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{utc_ms % 1000:03}Z"


def number(value: Decimal) -> str:
    """All its digits and no exponent: "35.20"."""
    return f"{value:f}"


@lru_cache(maxsize=4096)
def quoted(text: str) -> str:
    """`text` as a JSON string; kept for the names and units that come again in every record."""
    return json.dumps(text, ensure_ascii=False)
