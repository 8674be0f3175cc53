"""How the fields of the gateway's answers are written for people."""

import time
from collections.abc import Mapping
from typing import Any

from paifang.config.units import age


def clock(utc_ms: int) -> str:
    """A time of day here, with its date when it is not today's: "18:35:07", "2026-11-20 18:35:07"."""
    moment = time.localtime(utc_ms / 1000)
    today = time.localtime()
    same_day = (moment.tm_year, moment.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", moment)


def ago(utc_ms: int) -> str:
    """How long a time is past: "5s", "2h 3m"."""
    return age(max(round(time.time() * 1000) - utc_ms, 0) // 1000 * 1000 or 0)


def scaled(value: int, scale: int) -> str:
    """A wire integer as the decimal number it stands for: (2315, -1) -> "231.5"; exact, no floats."""
    if scale >= 0:
        return str(value * 10**scale)
    digits = str(abs(value)).rjust(-scale + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:scale]}.{digits[scale:]}"


def quality_style(row: Mapping[str, Any]) -> str:
    quality = row.get("quality")
    return "" if quality in {None, "good"} else "yellow"
