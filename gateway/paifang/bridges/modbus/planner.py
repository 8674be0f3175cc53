"""Which registers are asked for together: the requests that take the least time on the line.

A request costs what its bytes and its pauses take; a register in a gap costs two bytes. Reading a gap along is worth
while as long as it is cheaper than another request. Spans are never cut: a value of several registers, and a value with
its power of ten, are of one moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from paifang.bridges.modbus.frames import BIT_FUNCTIONS, READ_FUNCTIONS
from paifang.profiles.modbus import MAX_BITS, MAX_REGISTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Extent = tuple[str, int, int]
"""Table, first address, and the one behind the last."""

REQUEST_BYTES = 8
ANSWER_OVERHEAD_BYTES = 5
"""Of a read on a serial line: unit, function, count and checksum around the values."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Addresses `first` to `end` (not included) of a table, wanted for `key`."""

    table: str
    first: int
    end: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One request and the spans it serves."""

    table: str
    first: int
    end: int
    spans: tuple[Span, ...]

    @property
    def count(self) -> int:
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request takes, in microseconds: `fixed` for each, and more for each byte of values."""

    fixed_us: int
    byte_us: int

    def of(self, table: str, count: int) -> int:
        return self.fixed_us + self.byte_us * value_bytes(table, count)


FEWEST = Cost(1, 0)
"""Only the number of requests counts: Modbus TCP, where a frame takes a round trip however long it is."""


def value_bytes(table: str, count: int) -> int:
    return (count + 7) // 8 if READ_FUNCTIONS[table] in BIT_FUNCTIONS else 2 * count


def serial_cost(character_us: int, pause_us: int) -> Cost:
    """`pause_us`: silence before a request and before an answer, and the time that the device thinks."""
    return Cost((REQUEST_BYTES + ANSWER_OVERHEAD_BYTES) * character_us + pause_us, character_us)


@dataclass(slots=True)
class Limits:
    """What one device takes: as its profile says, and as learnt from what it refused.

    `forbidden`: (table, first, end) that no request may touch. `apart`: (table, first, end) that no request may hold
    as a whole.
    """

    max_registers: int = MAX_REGISTERS
    max_bits: int = MAX_BITS
    gaps: bool = True
    forbidden: list[Extent] = field(default_factory=list["Extent"])
    apart: list[Extent] = field(default_factory=list["Extent"])

    def most(self, table: str) -> int:
        return self.max_bits if READ_FUNCTIONS[table] in BIT_FUNCTIONS else self.max_registers

    def most_is(self, table: str, count: int) -> None:
        """The device has refused more than this."""
        if READ_FUNCTIONS[table] in BIT_FUNCTIONS:
            self.max_bits = min(self.max_bits, count)
        else:
            self.max_registers = min(self.max_registers, count)

    def allows(self, table: str, first: int, end: int) -> bool:
        """Whether a request may ask for this; if not, it may not for more either."""
        return (
            end - first <= self.most(table)
            and not any(each[0] == table and each[1] < end and first < each[2] for each in self.forbidden)
            and not any(each[0] == table and first <= each[1] and each[2] <= end for each in self.apart)
        )


def plan(spans: Iterable[Span], limits: Limits, cost: Cost) -> list[Block]:
    """The cheapest requests that serve all spans, by table and address. A span that is not allowed stands alone.

    Spans in the order of their addresses can be parted into runs: any other way of sharing them out costs no less. So
    the cheapest way from each span to the last is found from the end on.
    """
    ordered = sorted(spans)
    return [
        block for _, group in groupby(ordered, lambda span: span.table) for block in _runs(list(group), limits, cost)
    ]


def _runs(spans: Sequence[Span], limits: Limits, cost: Cost) -> Iterator[Block]:
    """Blocks of the spans of one table."""
    best: list[tuple[int, int, int]] = [(0, 0, 0)] * (len(spans) + 1)  # cost, requests, where the next run begins
    for start in range(len(spans) - 1, -1, -1):
        best[start] = min(
            (cost.of(spans[start].table, end - spans[start].first) + best[after][0], 1 + best[after][1], after)
            for after, end in _reaches(spans, start, limits)
        )
    start = 0
    while start < len(spans):
        after = best[start][2]
        yield block_of(spans[start:after])
        start = after


def _reaches(spans: Sequence[Span], start: int, limits: Limits) -> Iterator[tuple[int, int]]:
    """How far a request that begins with a span may go: (first span behind it, its end)."""
    first, end = spans[start].first, spans[start].end
    yield start + 1, end
    for place in range(start + 1, len(spans)):
        gap = spans[place].first > end
        end = max(end, spans[place].end)
        if (gap and not limits.gaps) or not limits.allows(spans[start].table, first, end):
            return
        yield place + 1, end


def block_of(spans: Sequence[Span]) -> Block:
    """The request for spans of one table."""
    return Block(spans[0].table, min(span.first for span in spans), max(span.end for span in spans), tuple(spans))
