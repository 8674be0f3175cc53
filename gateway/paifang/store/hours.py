"""Means of whole hours, out of stored reports: exact, and only where readings cover enough of the hour."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice
from typing import TYPE_CHECKING

from paifang.store import facts, packed
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from paifang.store.points import Point, PointTable
    from paifang.store.sql import Connection

HOUR_MS = 3_600_000
SLOT_MS = 300_000
"""An hour is looked at in pieces, so that a burst of readings weighs no more than the minutes that it covers."""
SLOTS_LEAST = 9
"""Of 12: GB 3095, table 4, asks for 45 minutes, 40 CFR 50 and the EU for 75 %, which is the same."""
SCAN_LIMIT = 300_000
"""Reports read of one node, three in each second of a day: of one that tells more, older hours are missing."""
_NEWEST_FIRST = """
SELECT coalesce(r.utc_ms, r.uptime_ms + b.offset_ms) AS moment_ms, r.body, b.description
FROM records r LEFT JOIN boots b ON b.node = r.node AND b.boot = r.boot
WHERE r.kind = ? AND r.node = ? AND r.seq > ? AND (r.number > ?) = ? ORDER BY r.boot DESC, r.number DESC
"""
USABLE = (messages.GOOD, messages.INDICATIVE)
"""Qualities of readings that count."""


@dataclass(frozen=True, slots=True)
class Hourly:
    """`means` in `unit`, the newest last, None for an hour that is covered too little."""

    unit: str
    means: tuple[Fraction | None, ...]
    indicative: bool


@dataclass(slots=True)
class _Gathered:
    """Sums and counts of wire integers by slot, all of the unit and scale that the point has in its newest report."""

    point: Point
    sums: dict[int, int] = field(default_factory=dict[int, int])
    counts: dict[int, int] = field(default_factory=dict[int, int])
    indicative: bool = False

    def take(self, slot: int, wire: int, quality: int) -> None:
        self.sums[slot] = self.sums.get(slot, 0) + wire
        self.counts[slot] = self.counts.get(slot, 0) + 1
        self.indicative |= quality == messages.INDICATIVE

    def hourly(self, hours: int) -> Hourly:
        step = Fraction(10) ** self.point.scale
        return Hourly(self.point.unit, tuple(self._mean(hour, step) for hour in range(hours)), self.indicative)

    def _mean(self, hour: int, step: Fraction) -> Fraction | None:
        slots = range(hour * HOUR_MS // SLOT_MS, (hour + 1) * HOUR_MS // SLOT_MS)
        means = [Fraction(self.sums[slot], self.counts[slot]) for slot in slots if slot in self.counts]
        return step * sum(means, Fraction(0)) / len(means) if len(means) >= SLOTS_LEAST else None


def hourly(
    connection: Connection,
    node: str,
    names: Collection[str],
    end_ms: int,
    hours: int,
    table: Callable[[bytes | None], PointTable | None],
) -> dict[str, Hourly]:
    """By point: the `hours` hours up to `end_ms` (UTC), of those of `names` that `node` has reported.

    Readings without a date, of another quality or below zero do not count.
    """
    start_ms = end_ms - hours * HOUR_MS
    found: dict[str, _Gathered] = {}
    with connection:
        for is_backlog in (False, True):
            for moment_ms, body, description in _newest(connection, node, end_ms, is_backlog=is_backlog):
                if moment_ms < start_ms - HOUR_MS:  # a clock that was set a little leaves reports out of their order
                    break
                known = table(description)
                if moment_ms >= start_ms and known is not None:
                    _take(found, known, names, body, (moment_ms - start_ms) // SLOT_MS)
    return {name: gathered.hourly(hours) for name, gathered in found.items()}


def _newest(
    connection: Connection, node: str, end_ms: int, *, is_backlog: bool
) -> Iterator[tuple[int, bytes, bytes | None]]:
    """Moment, body and description of the newest reports of a lane before `end_ms`, SCAN_LIMIT at most; of dated ones.

    Lane by lane, because only within one are numbers in the order of time.
    """
    upto = facts.get(connection, facts.PACKED_TO)
    rows = connection.execute(_NEWEST_FIRST, (messages.REPORT, node, upto, messages.BACKLOG, is_backlog))
    old = packed.newest(connection, messages.REPORT, node)
    of_lane = (found for found in old if (found.number > messages.BACKLOG) == is_backlog)
    both = chain(rows, ((found.moment_ms, found.body, found.description) for found in of_lane))
    dated = ((row[0], row[1], row[2]) for row in both if row[0] is not None and row[0] < end_ms)
    return islice(dated, SCAN_LIMIT)


def _take(found: dict[str, _Gathered], known: PointTable, names: Collection[str], body: bytes, slot: int) -> None:
    values, quality = messages.decode(body)[5:7]
    for number, wire in values.items():
        point = known.by_number.get(number)
        if point is None or point.name not in names:
            continue
        gathered = found.setdefault(point.name, _Gathered(point))
        how = quality.get(number, messages.GOOD)
        is_same = (point.unit, point.scale) == (gathered.point.unit, gathered.point.scale)
        if is_same and wire is not None and wire >= 0 and how in USABLE:
            gathered.take(slot, wire, how)
