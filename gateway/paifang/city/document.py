"""The JSON document of a record, as rows want it: names, and numbers as the text they were written with. No I/O."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, cast

_ID = re.compile(r"(?P<boot>[0-9]{1,10})\.(?P<number>[0-9]{1,19})")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")
_BOOT_LIMIT, _NUMBER_LIMIT = 1 << 31, 1 << 63
GOOD = "good"


class MalformedError(ValueError):
    """A message that is no document of a record; it says why."""


class Number(str):
    """A number of JSON, in its own digits."""

    __slots__ = ()


class Reading(NamedTuple):
    """`value` is None when there was none; a switch is "0" or "1"."""

    point: str
    unit: str
    value: str | None
    quality: str


class Event(NamedTuple):
    name: str
    point: str | None
    detail: str


class Document(NamedTuple):
    """`time` and `received` as RFC 3339 writes them, UTC; `time` is None when nobody knows it."""

    site: str
    node: str
    boot: int
    number: int
    time: str | None
    received: str
    readings: tuple[Reading, ...]
    event: Event | None


def decoded(body: bytes) -> Document:
    """Raises MalformedError."""
    try:
        return _document(_decode(body.decode()))
    except MalformedError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedError(f"no document of a record: {type(error).__name__} {error}"[:200]) from error


def _document(found: dict[str, Any]) -> Document:
    site, node = _name(found["site"]), _name(found["node"])
    boot, number = _place(found["id"], f"{site}/{node}/")
    time = None if found["time"] is None else _time(found["time"])
    event = found.get("event")
    readings = () if event is not None else tuple([_reading(name, each) for name, each in found["values"].items()])
    told = None if event is None else Event(_name(event["name"]), _point(event["point"]), _text(event["detail"]))
    return Document(site, node, boot, number, time, _time(found["received"]), readings, told)


def _place(given: object, whose: str) -> tuple[int, int]:
    found = _ID.fullmatch(given.removeprefix(whose)) if isinstance(given, str) else None
    if found is None or given == found[0]:
        raise MalformedError(f"id {given!r} is not of {whose[:-1]}"[:200])
    boot, number = int(found["boot"]), int(found["number"])
    if boot >= _BOOT_LIMIT or number >= _NUMBER_LIMIT:
        raise MalformedError(f"id {given!r} counts too far")
    return boot, number


def _reading(name: str, found: dict[str, Any]) -> Reading:
    value: object = found["value"]
    if isinstance(value, bool):
        value = "1" if value else "0"
    elif value is not None and not isinstance(value, Number):
        raise MalformedError(f"{name}: {value!r} is no value"[:200])
    return Reading(
        _name(name), _unit(found.get("unit", "")), cast("str | None", value), _name(found.get("quality", GOOD))
    )


@lru_cache(maxsize=8192, typed=True)
def _name(found: object) -> str:
    text = _text(found)
    if not text:
        raise MalformedError("a name is empty")
    return text


def _point(found: object) -> str | None:
    return None if found is None else _name(found)


@lru_cache(maxsize=1024, typed=True)
def _unit(found: object) -> str:
    return _text(found)


def _text(found: object) -> str:
    # PostgreSQL keeps no zero character in a text, and no half of a surrogate pair.
    if not isinstance(found, str) or isinstance(found, Number) or "\0" in found:
        raise MalformedError(f"{found!r} is no text that can be kept"[:200])
    if not found.isascii():
        found.encode()
    return found


def _time(found: object) -> str:
    if not isinstance(found, str) or not _TIME.fullmatch(found):
        raise MalformedError(f"{found!r} is no time in UTC"[:200])
    return found


def _no_number(text: str) -> NoReturn:
    raise MalformedError(f"{text} is no number")


_decode = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_no_number).decode
