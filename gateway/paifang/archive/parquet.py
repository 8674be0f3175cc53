"""Readings as an Apache Parquet file, through pyarrow, which comes with the extra `parquet`.

A row group at a time is held, so that a file of any size is written. Values are doubles, as the tools that read such
files want them: who needs the digits takes CSV.
"""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

from paifang.errors import resource_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from paifang.archive.source import Reading

GROUP_READINGS = 50_000


class Parquet:
    """Columns: time and received (UTC, ms), node, point, unit, quality, record, value, uptime_ms."""

    is_text = False

    def __init__(self) -> None:
        self.undated = 0

    def written(self, readings: Iterable[Reading]) -> Iterator[bytes]:
        """Raises PaifangError when pyarrow is not installed."""
        pa, pq = _libraries()
        moment, name = pa.timestamp("ms", "UTC"), pa.dictionary(pa.int32(), pa.string())
        schema = pa.schema(
            [
                ("time", moment),
                ("node", name),
                ("point", name),
                ("value", pa.float64()),
                ("unit", name),
                ("quality", name),
                ("record", pa.string()),
                ("uptime_ms", pa.int64()),
                ("received", moment),
            ]
        )
        taken = _Passed()
        with pq.ParquetWriter(taken, schema) as writer:
            for rows in _groups(readings):
                pairs = zip(zip(*rows, strict=True), schema, strict=True)
                columns = [pa.array(column, field.type) for column, field in pairs]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
                yield taken.drained()
        yield taken.drained()


def _groups(readings: Iterable[Reading]) -> Iterator[list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = []
    for each in readings:
        value = None if each.value is None else float(each.value)
        common = (each.utc_ms, each.node, each.point, value, each.unit, each.quality, each.record)
        rows.append((*common, each.uptime_ms, each.received_ms))
        if len(rows) == GROUP_READINGS:
            yield rows
            rows = []
    if rows:
        yield rows


class _Passed(io.RawIOBase):
    """Gives away what was written, and goes on counting."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def drained(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _libraries() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        hint = "pip install 'paifang[parquet]'"
        raise resource_error("Parquet needs pyarrow, which is not installed", hint) from error
