"""Values as TOML writes them, for the way back from a record to a file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def value(found: Any) -> str:
    """A text, truth, whole number, list or table in one line."""
    if isinstance(found, str):
        return json.dumps(found, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON has it bare, TOML does not
    if isinstance(found, list):
        return f"[{', '.join(map(value, cast('list[Any]', found)))}]"
    if isinstance(found, dict):
        pairs = cast("dict[str, Any]", found).items()
        return f"{{ {', '.join(f'{key(name)} = {value(each)}' for name, each in pairs)} }}" if pairs else "{}"
    return json.dumps(found)


def key(name: str) -> str:
    """A name as a key: bare where it may be."""
    return name if _BARE_KEY.fullmatch(name) else value(name)


def rows(found: Iterable[Any]) -> str:
    """A list with an item a line."""
    return f"[{''.join(f'{chr(10)}    {value(each)},' for each in found)}\n]"


def table(header: str, rows: Mapping[str, Any]) -> str:
    """A [header] and its rows, an empty line before them; "" without rows."""
    return f"\n[{header}]\n{lines(rows)}" if rows else ""


def lines(rows: Mapping[str, Any]) -> str:
    """A line a key."""
    return "".join(f"{key(name)} = {value(each)}\n" for name, each in rows.items())
