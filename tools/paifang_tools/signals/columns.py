"""The columns of a plan's rows: how a number of the record stands in a file, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from paifang_tools.errors import ToolError
from paifang_tools.signals.quantities import time_text

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from pydantic import BaseModel

    from paifang_tools.signals.mistakes import Mistakes, Place

PHASES = 8


class Column(Protocol):
    """`number` of what the file says, a mistake where it cannot be; `shown`, what the file says of a number."""

    def number(self, found: Any, place: Place, mistakes: Mistakes) -> int: ...
    def shown(self, number: int) -> Any: ...


class _Number:
    def number(self, found: Any, place: Place, mistakes: Mistakes) -> int:
        del place, mistakes
        return int(found)

    def shown(self, number: int) -> Any:
        return number


class _Time(_Number):
    def shown(self, number: int) -> Any:
        return time_text(number)


class _Truth(_Number):
    def shown(self, number: int) -> Any:
        return bool(number)


class _Phases:
    """Phases as bits, phase 1 is bit 0."""

    def number(self, found: Any, place: Place, mistakes: Mistakes) -> int:
        if not all(1 <= each <= PHASES for each in found) or len(set(found)) < len(found):
            mistakes.add(place, f"expected numbers of phases, 1 to {PHASES}, each once; found {found}")
            return 0
        return sum(1 << each - 1 for each in found)

    def shown(self, number: int) -> Any:
        return [bit + 1 for bit in range(number.bit_length()) if number >> bit & 1]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `words`, by its position."""

    words: Sequence[str]

    def number(self, found: Any, place: Place, mistakes: Mistakes) -> int:
        del place, mistakes
        return self.words.index(found)

    def shown(self, number: int) -> Any:
        if number >= len(self.words):
            raise ToolError(f"there is no word for {number}; known are {', '.join(self.words)}")
        return self.words[number]


@dataclass(frozen=True, slots=True)
class Bits:
    """Any of `words`, the first is bit 0."""

    words: Sequence[str]

    def number(self, found: Any, place: Place, mistakes: Mistakes) -> int:
        del place, mistakes
        return self.bits(found)

    def bits(self, found: Sequence[str]) -> int:
        return sum(1 << self.words.index(each) for each in set(found))

    def shown(self, number: int) -> Any:
        if number >> len(self.words):
            raise ToolError(f"there are no words for all options in {number}; known are {', '.join(self.words)}")
        return [word for bit, word in enumerate(self.words) if number >> bit & 1]


NUMBER, TIME, TRUTH, MASK = _Number(), _Time(), _Truth(), _Phases()

Columns = dict[str, Column]
"""By the name in the file, in the record's order."""


def numbers(columns: Columns, found: BaseModel, place: Place, mistakes: Mistakes) -> list[int]:
    """The row of a table of a file."""
    return [column.number(getattr(found, name), (*place, name), mistakes) for name, column in columns.items()]


def shown(columns: Columns, row: Sequence[int], left_out: Container[str]) -> dict[str, Any]:
    """What a file says of a row; a 0 is not said of the names in `left_out`."""
    told = zip(columns.items(), row, strict=True)
    return {name: column.shown(number) for (name, column), number in told if number or name not in left_out}
