"""Times as options say them."""

from datetime import UTC, datetime
from time import time

from paifang.config.units import DURATION_EXPECTED, parse_ms
from paifang.errors import bad_argument


def utc_ms(option: str, text: str | None) -> int | None:
    """UTC in ms of a date, a time, or how long ago; None for none. Raises PaifangError."""
    if text is None:
        return None
    try:
        return round(time() * 1000) - parse_ms(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        hint = f"such as 2026-11-20 or 2026-11-20T10:35:00+08:00; or {DURATION_EXPECTED}, ago"
        raise bad_argument(f"{option} {text!r} is no time", hint) from error
