"""Readings as files that others read: CSV (RFC 4180), SenML in JSON and in CBOR (RFC 8428).

Each format is what it begins with, what one reading adds and what it ends with, so that a file of any size is written
in the memory of a reading. Values are the decimals that the node meant; no float comes between.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from paifang.archive.parquet import Parquet
from paifang.notation import senml
from paifang.notation.text import number, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from paifang.archive.source import Reading

COLUMNS = ("time", "node", "point", "value", "unit", "quality", "record", "uptime_ms", "received")

_BEGIN_ARRAY, _END_ARRAY = b"\x9f", b"\xff"


class Format(Protocol):
    """`written` may leave readings out, and counts them in `undated`."""

    is_text: bool
    undated: int

    def written(self, readings: Iterable[Reading]) -> Iterator[bytes]: ...


class Csv:
    """One line a reading. Times are UTC; that of a reading whose time nobody knows is empty."""

    is_text = True

    def __init__(self) -> None:
        self.undated = 0

    def written(self, readings: Iterable[Reading]) -> Iterator[bytes]:
        line = CsvLine()
        yield line.of(COLUMNS)
        for each in readings:
            yield line.of(
                (
                    "" if each.utc_ms is None else utc(each.utc_ms),
                    each.node,
                    each.point,
                    _csv_value(each.value),
                    each.unit,
                    each.quality,
                    each.record,
                    str(each.uptime_ms),
                    utc(each.received_ms),
                )
            )


class Senml:
    """A SenML pack of the ward `site`.

    A reading whose time nobody knows has no place in SenML, where no time means now.
    """

    def __init__(self, site: str) -> None:
        self.undated = 0
        self._site = site

    def records(self, readings: Iterable[Reading]) -> Iterator[senml.Record]:
        """Base name and base time stand in the first record of each report."""
        base: tuple[str, str] | None = None
        for each in readings:
            if each.utc_ms is None:
                self.undated += 1
                continue
            for record in senml.records(each.point, each.unit, each.value, each.quality):
                if base != (each.node, each.record):
                    base = each.node, each.record
                    yield {**senml.base(self._site, each.node, each.utc_ms), **record}
                else:
                    yield record


class SenmlJson(Senml):
    is_text = True

    def written(self, readings: Iterable[Reading]) -> Iterator[bytes]:
        start = "[\n"
        for record in self.records(readings):
            yield (start + senml.as_json(record)).encode()
            start = ",\n"
        yield b"[]\n" if start == "[\n" else b"\n]\n"


class SenmlCbor(Senml):
    is_text = False

    def written(self, readings: Iterable[Reading]) -> Iterator[bytes]:
        yield _BEGIN_ARRAY
        for record in self.records(readings):
            yield senml.as_cbor(record)
        yield _END_ARRAY


def make(name: str, site: str) -> Format:
    """The format called `name`, one of FORMATS."""
    if name == "parquet":
        return Parquet()
    if name == "csv":
        return Csv()
    return SenmlJson(site) if name == "senml-json" else SenmlCbor(site)


FORMATS = ("csv", "senml-json", "senml-cbor", "parquet")


class CsvLine:
    """`csv` writes into files only: here is one of a line."""

    def __init__(self) -> None:
        self._line = io.StringIO(newline="")
        self._writer = csv.writer(self._line)

    def of(self, cells: Iterable[str]) -> bytes:
        self._line.seek(0)
        self._line.truncate()
        self._writer.writerow(cells)
        return self._line.getvalue().encode()


def _csv_value(value: bool | Decimal | None) -> str:
    if value is None:
        return ""
    return number(value) if isinstance(value, Decimal) else str(value).lower()
