"""The requests that serve one device, as it is got to know: what it refuses is parted until the culprit is alone.

Until then, and after, everything else is read: one register that a device does not have costs no other its value.
"""

from __future__ import annotations

from collections import defaultdict
from copy import copy
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from paifang.bridges.modbus.frames import ILLEGAL_FUNCTION, ILLEGAL_VALUE
from paifang.bridges.modbus.planner import Block, Span, block_of, plan
from paifang.bridges.unit import RETRY_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from paifang.bridges.modbus.planner import Cost, Extent, Limits

FORGET_US = 3_600_000_000
"""After this time it is forgotten what the device did not like together: that may have been noise."""


@dataclass(slots=True)
class _Trial:
    """A refused block, parted in two. `blamed`: something inside it has been found to be the reason."""

    block: Block
    code: int
    pieces: tuple[Block, Block]
    open: int = 2
    blamed: bool = False


class Layout:
    """Blocks for the groups of a device that are due, and what its answers to them teach."""

    def __init__(self, groups: Mapping[str, Iterable[Span]], limits: Limits, cost: Cost) -> None:
        self._groups = {name: list(spans) for name, spans in groups.items()}
        self.limits = limits
        self._said = copy(limits)
        self._forget_us = FORGET_US
        self._cost = cost
        self._plans: dict[frozenset[str], list[Block]] = {}
        self._trials: dict[Block, _Trial] = {}
        self._parents: defaultdict[Block, list[_Trial]] = defaultdict(list)
        self.refused_spans: dict[Span, int] = {}
        """Spans that the device does not have, with the time at which they are tried again."""

    def blocks(self, groups: Iterable[str], now_us: int) -> list[Block]:
        """What to ask for when these groups are due, in the order of tables and addresses."""
        self._forget(now_us)
        wanted = frozenset(groups)
        if wanted not in self._plans:
            self._plans[wanted] = plan(self._good(wanted), self.limits, self._cost)
        planned = [leaf for block in self._plans[wanted] for leaf in self._leaves(block)]
        return planned + self._retried(wanted, now_us)

    def look(self, turn: int) -> tuple[Block, ...]:
        """One value to ask for, to see whether the device is there; another one each time."""
        spans = [span for group in self._groups.values() for span in group]
        return (block_of([spans[turn % len(spans)]]),) if spans else ()

    def answered(self, block: Block) -> None:
        """The device gave all of it."""
        for span in block.spans:
            if self.refused_spans.pop(span, None) is not None:
                self.limits.forbidden.remove(_extent(span))
                self._plans.clear()
        self._settle(block)

    def refused(self, block: Block, code: int, now_us: int) -> tuple[Block, ...]:
        """The device did not want to give it, with an exception code, or answers to all but this (0).

        What to ask for instead; nothing, if it was all about one place.
        """
        if block in self._trials:
            return ()
        cut = None if code == ILLEGAL_FUNCTION else _cut(block.spans)
        if cut is None:
            for span in block.spans:
                self._give_up(span, now_us)
            self._blame(block)
            self._settle(block)
            return ()
        pieces = block_of(block.spans[:cut]), block_of(block.spans[cut:])
        self._trials[block] = trial = _Trial(block, code, pieces)
        for piece in pieces:
            self._parents[piece].append(trial)
        return pieces

    def _forget(self, now_us: int) -> None:
        if now_us < self._forget_us:
            return
        self._forget_us = now_us + FORGET_US
        self.limits.max_registers, self.limits.max_bits = self._said.max_registers, self._said.max_bits
        self.limits.apart.clear()
        self._plans.clear()

    def _give_up(self, span: Span, now_us: int) -> None:
        if span not in self.refused_spans:
            self.limits.forbidden.append(_extent(span))
            self._plans.clear()
        self.refused_spans[span] = now_us + RETRY_US

    def _good(self, wanted: frozenset[str]) -> list[Span]:
        return [span for name in wanted for span in self._groups[name] if span not in self.refused_spans]

    def _retried(self, wanted: frozenset[str], now_us: int) -> list[Block]:
        due = [span for span, at_us in self.refused_spans.items() if at_us <= now_us]
        return [block_of([span]) for name in wanted for span in self._groups[name] if span in due]

    def _leaves(self, block: Block) -> Iterator[Block]:
        trial = self._trials.get(block)
        if trial is None:
            yield block
        else:
            for piece in trial.pieces:
                yield from self._leaves(piece)

    def _settle(self, block: Block) -> None:
        """A piece is understood; when both are, so is what they were parts of."""
        for trial in self._parents.pop(block, ()):
            trial.open -= 1
            if trial.open:
                continue
            if not trial.blamed:
                self._keep_apart(trial)
                self._blame(trial.block)
            del self._trials[trial.block]
            self._plans.clear()
            self._settle(trial.block)

    def _blame(self, block: Block) -> None:
        """The reason why everything around this block was refused is found."""
        for trial in self._parents.get(block, ()):
            trial.blamed = True
            self._blame(trial.block)

    def _keep_apart(self, trial: _Trial) -> None:
        """Both pieces are fine by themselves: the device does not like them together."""
        left, right = trial.pieces
        if trial.code == ILLEGAL_VALUE or left.end > right.first:
            self.limits.most_is(left.table, max(left.count, right.count))
        else:
            self.limits.apart.append((left.table, left.end - 1, right.first + 1))


def _extent(span: Span) -> Extent:
    return span.table, span.first, span.end


def _cut(spans: Sequence[Span]) -> int | None:
    """Where to part spans: at the widest gap, of several the middle one; None when all want the same addresses."""
    ends = list(accumulate((span.end for span in spans), max))
    places = [place for place in range(1, len(spans)) if _extent(spans[place]) != _extent(spans[place - 1])]
    if not places:
        return None
    middle = len(spans) / 2
    return max(places, key=lambda place: (spans[place].first - ends[place - 1], -abs(place - middle)))
