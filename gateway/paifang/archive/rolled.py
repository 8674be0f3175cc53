"""Minutes, quarters and hours out of a store's file: what the rollups hold, in CSV."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from paifang.archive.formats import CsvLine
from paifang.config.units import MS_OF_UNIT
from paifang.errors import bad_argument
from paifang.notation.text import number, scaled, utc
from paifang.store.rollups import SPANS_MIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paifang.archive.source import Tally, Wanted
    from paifang.store.sql import Connection, Row

COLUMNS = ("start", "node", "point", "count", "mean", "least", "greatest", "last", "unit")
MEAN_DIGITS = 3
"""A mean has so many decimals more than what it is the mean of."""
_ROWS = """
SELECT r.start, s.node, s.point, s.unit, s.scale, r.count, r.sum, r.least, r.greatest, r.last
FROM series s JOIN rollups r ON r.series = s.id
WHERE r.span_min = ? AND r.start >= ? AND r.start < ? AND (? IS NULL OR s.node = ?) AND (? IS NULL OR s.point = ?)
ORDER BY s.node, s.point, s.id, r.start
"""
_FIRST, _LAST = 0, 1 << 52


def span_min(every_ms: int) -> int:
    """The rollups' span of this length. Raises PaifangError when there is none."""
    for span in SPANS_MIN:
        if span * MS_OF_UNIT["m"] == every_ms:
            return span
    raise bad_argument("readings are summed up by 1m, 15m and 1h", "--every 15m")


def written(connection: Connection, wanted: Wanted, every_min: int, tally: Tally) -> Iterator[bytes]:
    """CSV of the spans that begin in the time that is `wanted`, counted in `tally`; a point after the other."""
    line, span_ms = CsvLine(), every_min * MS_OF_UNIT["m"]
    yield line.of(COLUMNS)
    first = _FIRST if wanted.since_ms is None else -(-wanted.since_ms // span_ms)
    last = _LAST if wanted.until_ms is None else -(-wanted.until_ms // span_ms)
    bindings = (every_min, first, last, wanted.node, wanted.node, wanted.point, wanted.point)
    for row in connection.execute(_ROWS, bindings):
        tally.readings += 1
        yield line.of(_cells(row, span_ms))


def _cells(row: Row, span_ms: int) -> tuple[str, ...]:
    start, node, point, unit, scale, count, total, *figures = row
    mean = (Decimal(total) / count).scaleb(scale)
    digits = Decimal(1).scaleb(min(scale, 0) - MEAN_DIGITS)
    told = [scaled(figure, scale) for figure in figures]
    return (utc(start * span_ms), node, point, str(count), number(mean.quantize(digits)), *told, unit)
