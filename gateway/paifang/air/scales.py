"""Scales: from a concentration to an index, in exact numbers, with each standard's own rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from paifang.errors import bad_argument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Band:
    """Concentrations `low`..`high` make an index `index_low`..`index_high`, in proportion."""

    low: Fraction
    high: Fraction
    index_low: int
    index_high: int

    def index(self, concentration: Fraction) -> Fraction:
        share = (concentration - self.low) / (self.high - self.low)
        return self.index_low + share * (self.index_high - self.index_low)


@dataclass(frozen=True, slots=True)
class Scale:
    """`bands` rise and are of concentrations in `unit` as `prepare` makes them; `finish` makes the index whole.

    `above` is the index of what is beyond the last band; `is_open` says that the scale has an end of its own there.
    """

    unit: str
    bands: tuple[Band, ...]
    prepare: Callable[[Fraction], Fraction]
    finish: Callable[[Fraction], int]
    above: int
    is_open: bool = False

    def index(self, concentration: Fraction) -> tuple[int | None, bool]:
        """(index, whether it is beyond the scale); None below its first band. Raises PaifangError below zero."""
        if concentration < 0:
            raise bad_argument(f"a concentration is not below zero, as {float(concentration):g} {self.unit} is")
        prepared = self.prepare(concentration)
        if prepared < self.bands[0].low:
            return None, False
        for band in self.bands:
            if prepared <= band.high:
                return self.finish(band.index(prepared)), False
        return self.above, not self.is_open


def joined(unit: str, digits: int, indices: Sequence[int], edges: Sequence[int], above: int) -> Scale:
    """Bands that share their edges: rounded half to even (GB/T 8170) to `digits` decimals, indices rounded up."""
    bands = [
        Band(Fraction(low), Fraction(high), index_low, index_high)
        for (low, high), (index_low, index_high) in zip(pairwise(edges), pairwise(indices[: len(edges)]), strict=True)
    ]
    return Scale(unit, tuple(bands), lambda each: round(each, digits), math.ceil, above)


def stepped(unit: str, digits: int, edges: Mapping[str, int], begin: tuple[str, int], above: int) -> Scale:
    """Bands a step of 10^-digits apart, by their upper `edges`; truncated to that step, indices rounded half up."""
    step = Fraction(1, 10**digits)
    bands: list[Band] = []
    low, index_low = Fraction(begin[0]), begin[1]
    for edge, index in edges.items():
        bands.append(Band(low, Fraction(edge), index_low, index))
        low, index_low = Fraction(edge) + step, index + 1

    def truncate(concentration: Fraction) -> Fraction:
        return math.floor(concentration / step) * step

    return Scale(unit, tuple(bands), truncate, lambda each: math.floor(each + Fraction(1, 2)), above)


def levels(unit: str, edges: Sequence[int]) -> Scale:
    """Levels 1, 2, ... up to and with their `edges`, and one more above them; nothing is rounded."""
    bands = [
        Band(Fraction(low), Fraction(high), level, level) for level, (low, high) in enumerate(pairwise((0, *edges)), 1)
    ]
    return Scale(unit, tuple(bands), lambda each: each, int, len(edges) + 1, is_open=True)
