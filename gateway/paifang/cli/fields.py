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


def moment(utc_ms: int) -> str:
    """A time with its date and zone: "2026-11-20 18:35:07 +0800"."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(utc_ms / 1000))


def now() -> str:
    return clock(round(time.time() * 1000))


def ago(utc_ms: int) -> str:
    """How long a time is past, in whole seconds: "0s", "5s", "2h 3m"."""
    seconds = max(round(time.time() * 1000) - utc_ms, 0) // 1000
    return age(seconds * 1000) if seconds else "0s"


def value(shown: bool | float | None) -> str:
    """A reading: "on", "231.5", "-"."""
    if shown is None:
        return "-"
    if isinstance(shown, bool):
        return "on" if shown else "off"
    return str(shown)


def quality_style(row: Mapping[str, Any]) -> str:
    return "" if row.get("quality") in {None, "good"} else "yellow"


def link(row: Mapping[str, Any]) -> str:
    """Where a node is connected from; for one that is not, why its last hello was refused."""
    last = row["refused"]
    return row["link"] if row["connected"] or last is None else f"refused: {last['reason']}"


def refusal(last: Mapping[str, Any] | None) -> str:
    """Why a node's hello was refused: "bad-mac, 3 hellos, the last 5s ago from 10.0.0.7:50123"."""
    if last is None:
        return "-"
    hellos = f"{last['hellos']} hello{'s' if last['hellos'] > 1 else ''}"
    return f"{last['reason']}, {hellos}, the last {ago(last['last_ms'])} ago from {last['peer']}"
