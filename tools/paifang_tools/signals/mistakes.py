"""What is wrong in a file beyond its form: mistakes with the place of each, for whoever knows the lines."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang_tools.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Place = tuple[str | int, ...]
"""Keys and, in lists, positions."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """`nearest` is the right name that was perhaps meant, or ""."""

    place: Place
    what: str
    nearest: str = ""


class MistakesError(ToolError):
    """A file that means nothing; `found` are its mistakes, one at least."""

    def __init__(self, found: Sequence[Mistake]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(f"{'.'.join(map(str, each.place))}: {each.what}" for each in self.found))


class Mistakes:
    """Collects the mistakes of one file."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []

    def add(self, place: Place, what: str, nearest: str = "") -> None:
        self._found.append(Mistake(place, what, nearest))

    def index(self, name: str, known: Sequence[str], place: Place, noun: str) -> int | None:
        """Where `name` is among those known; of one that is not, a mistake and None."""
        if name in known:
            return known.index(name)
        near = next(iter(difflib.get_close_matches(name, known, 1)), "")
        self.add(place, f"there is no {noun} {name!r}" + ("" if near else f"; there are {quoted(known)}"), near)
        return None

    def raise_any(self) -> None:
        """Raise MistakesError if there is one."""
        if self._found:
            raise MistakesError(self._found)


def quoted(names: Iterable[str]) -> str:
    """Names in a sentence; "none" of none."""
    return ", ".join(f'"{name}"' for name in names) or "none"
