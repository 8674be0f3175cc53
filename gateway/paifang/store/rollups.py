"""Readings of a minute, a quarter and an hour in one row each: for pages, a year at a glance, and exports.

They follow the records at their own pace, in one transaction with the place they have reached: nothing counts twice.
A reading goes by the time at which it was made, however late it comes; one that nobody can date, or that is not good
enough to count, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.config.units import MS_OF_UNIT
from paifang.store import cursors, facts
from paifang_wire import messages
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.store.points import Point, PointTable
    from paifang.store.sql import Connection, Row

SPANS_MIN = (1, 15, 60)
KEEP_DAYS = {1: 7, 15: 400, 60: 10 * 366}
"""By span, how long its rows are kept, as far as they find room."""
ROW_BYTES = 38
"""Measured, for a day of 800 series."""
BUDGET_SHARE = 4
"""Rollups fill no more than one part in so many of the store's budget."""
USABLE = (messages.GOOD, messages.INDICATIVE)
GREATEST = 1 << 47
"""Beyond it a value is not summed up: an hour of 65,000 such values is still an SQLite integer."""
PAGE_RECORDS = 2_000

_MINUTE_MS = MS_OF_UNIT["m"]
_DAY_MIN = 24 * 60
_UPSERT = """
INSERT INTO rollups(series, span_min, start, count, sum, least, greatest, last, last_ms) VALUES (?,?,?,?,?,?,?,?,?)
ON CONFLICT(series, span_min, start) DO UPDATE SET count = count + excluded.count, sum = sum + excluded.sum,
    least = min(least, excluded.least), greatest = max(greatest, excluded.greatest),
    last = CASE WHEN excluded.last_ms >= last_ms THEN excluded.last ELSE last END,
    last_ms = max(last_ms, excluded.last_ms)
"""

Series = tuple[str, str, str, int]
"""Node, point, unit, scale."""


@dataclass(slots=True)
class _Sum:
    count: int
    sum: int
    least: int
    greatest: int
    last: int
    last_ms: int

    def take(self, wire: int, utc_ms: int) -> None:
        self.count += 1
        self.sum += wire
        self.least = min(self.least, wire)
        self.greatest = max(self.greatest, wire)
        if utc_ms >= self.last_ms:
            self.last, self.last_ms = wire, utc_ms


@dataclass(frozen=True, slots=True)
class Folded:
    """What came of a page of records: by series, span and start. `upto` is the page's last seq."""

    upto: int
    is_last: bool
    sums: dict[tuple[Series, int, int], _Sum]


def fold(connection: Connection, table: Callable[[bytes | None], PointTable | None]) -> Folded | None:
    """The next page of records summed up; None when there is none."""
    rows = cursors.page(connection, facts.get(connection, facts.ROLLED_TO), (1 << 63) - 1, PAGE_RECORDS)
    if not rows:
        return None
    sums: dict[tuple[Series, int, int], _Sum] = {}
    for row in rows:
        for point, wire in _readings(row, table):
            _take(sums, (row[1], point.name, point.unit, point.scale), wire, row[6])
    return Folded(rows[-1][0], len(rows) < PAGE_RECORDS, sums)


def write(connection: Connection, folded: Folded) -> None:
    """A job: the sums join what is there, and the place moves, unless that page is there already."""
    if facts.get(connection, facts.ROLLED_TO) >= folded.upto:
        return
    ids = {series: _id(connection, series) for series in {key[0] for key in folded.sums}}
    for (series, span_min, start), found in folded.sums.items():
        figures = (found.count, found.sum, found.least, found.greatest, found.last, found.last_ms)
        connection.execute(_UPSERT, (ids[series], span_min, start, *figures))
    facts.put(connection, facts.ROLLED_TO, folded.upto)


def squeeze(connection: Connection, budget_bytes: int) -> float:
    """By how much they are kept less long than KEEP_DAYS, so that they find room: 1 for not at all."""
    rows = connection.execute("SELECT count(*) FROM rollups").get
    return min(1.0, budget_bytes / BUDGET_SHARE / max(rows * ROW_BYTES, 1))


def prune(connection: Connection, now_min: int, squeezed: float) -> None:
    """Delete the rows that are too old for their span; `squeezed` shortens all that is kept."""
    for (series,) in connection.execute("SELECT id FROM series").fetchall():
        for span_min, days in KEEP_DAYS.items():
            oldest = (now_min - int(days * squeezed * _DAY_MIN)) // span_min
            query = "DELETE FROM rollups WHERE series = ? AND span_min = ? AND start < ?"
            connection.execute(query, (series, span_min, oldest))


def _readings(row: Row, table: Callable[[bytes | None], PointTable | None]) -> list[tuple[Point, int]]:
    _, _, _, _, kind, _, utc_ms, _, body, description = row
    known = table(description)
    if kind != messages.REPORT or utc_ms is None or known is None:
        return []
    try:
        values, quality = messages.decode(body)[5:7]
    except WireError:
        return []
    return [
        (known.by_number[number], wire)
        for number, wire in values.items()
        if wire is not None
        and number in known.by_number
        and abs(wire) <= GREATEST
        and quality.get(number, messages.GOOD) in USABLE
    ]


def _take(sums: dict[tuple[Series, int, int], _Sum], series: Series, wire: int, utc_ms: int) -> None:
    for span_min in SPANS_MIN:
        key = (series, span_min, utc_ms // (span_min * _MINUTE_MS))
        found = sums.get(key)
        if found is None:
            sums[key] = _Sum(1, wire, wire, wire, wire, utc_ms)
        else:
            found.take(wire, utc_ms)


def _id(connection: Connection, series: Series) -> int:
    connection.execute("INSERT INTO series(node, point, unit, scale) VALUES (?,?,?,?) ON CONFLICT DO NOTHING", series)
    query = "SELECT id FROM series WHERE node = ? AND point = ? AND unit = ? AND scale = ?"
    return connection.execute(query, series).get
