"""A profile's own test: its known-good frames, decoded, say what the profile says that they say."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from paifang.errors import PaifangError
from paifang.profiles.conversion import in_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import AnyProfile, Example, Properties

ABSENT = "none"
"""The value of a point of which the device says that it has none."""


@dataclass(frozen=True, slots=True)
class Result:
    """One point of one example, counted from 1; `error`: why the frame could not be read at all."""

    example: int
    point: str
    expected: str
    found: str
    ok: bool
    error: str = ""


def results(profile: AnyProfile, decode: Callable[[AnyProfile, Example], Mapping[str, Reading]]) -> Iterator[Result]:
    """Every expected value of every example, compared.

    `decode` is what a bridge gives: readings by point of the frame in an example. It raises PaifangError for no frame.
    """
    for number, example in enumerate(profile.examples, 1):
        try:
            readings = decode(profile, example)
        except PaifangError as error:
            yield Result(number, "", "a frame", "", ok=False, error=error.message)
            continue
        for point, content in example.values.items():
            properties = profile.points[point].properties
            expected, found = _expected(content, properties), readings.get(point)
            shown = "not in the frame" if found is None else text(found[0], properties)
            same = found is not None and found[0] == expected
            yield Result(number, point, _content_text(content), shown, same)


def text(value: int | str | None, properties: Properties) -> str:
    """A value of a point for people: "230.2 V", "on", "none"."""
    if value is None:
        return ABSENT
    if isinstance(value, str):
        return value
    if properties.type == "switch":
        return "on" if value else "off"
    return f"{Decimal(value).scaleb(properties.scale):f} {properties.unit}".rstrip()


def is_content(content: Any, properties: Properties) -> bool:
    """Whether an example may say this of a point."""
    if properties.type == "text":
        return isinstance(content, str)
    return content == ABSENT or isinstance(content, bool if properties.type == "switch" else Decimal)


def _expected(content: Any, properties: Properties) -> object:
    """What the reading of a content of an example must be; a number finer than the point's scale equals none."""
    if content == ABSENT and properties.type != "text":
        return None
    return in_steps(content, properties.scale) if isinstance(content, Decimal) else content


def _content_text(content: Any) -> str:
    return {True: "on", False: "off"}[content] if isinstance(content, bool) else str(content)
