"""Times as people write them: a whole number and a unit ("500ms", "30s", "10m", "2h", "7d")."""

import re

MS_OF_UNIT = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

DURATION_EXPECTED = 'a time with its unit, such as "500ms", "30s", "10m", "2h" or "7d"'

_DURATION = re.compile(r"([0-9]{1,12}) ?(ms|s|m|h|d)")


def parse_ms(text: str) -> int:
    """Milliseconds of a time with its unit; ValueError naming what was expected."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(DURATION_EXPECTED)
    return int(match[1]) * MS_OF_UNIT[match[2]]


def format_ms(milliseconds: int) -> str:
    """The shortest exact spelling that `parse_ms` reads back: 1500 -> "1500ms", 30000 -> "30s"."""
    for unit, size in sorted(MS_OF_UNIT.items(), key=lambda item: -item[1]):
        if milliseconds % size == 0 and milliseconds >= size:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def age(milliseconds: int) -> str:
    """A length of time for a table: its greatest two units, "3d 4h", "12m 5s", "850ms"."""
    if milliseconds < MS_OF_UNIT["s"]:
        return f"{max(milliseconds, 0)}ms"
    parts: list[str] = []
    rest = milliseconds
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, MS_OF_UNIT[unit])
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0"))
