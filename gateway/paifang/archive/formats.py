"""Readings as files that others read: CSV (RFC 4180), SenML in JSON and in CBOR (RFC 8428).

Each format is what it begins with, what one reading adds and what it ends with, so that a file of any size is written
in the memory of a reading. Values are the decimals that the node meant; no float comes between.
"""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from paifang.notation.text import number, utc
from paifang_wire import cbor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from paifang.archive.source import Reading

COLUMNS = ("time", "node", "point", "value", "unit", "quality", "record", "uptime_ms", "received")

# As the SenML units registry writes them (RFC 8428, table 1; RFC 8798, table 2), where that is not as people do.
_SENML_UNITS = {"°C": "Cel", "µg/m3": "ug/m3", "%": "/100", "L": "l", "L/s": "l/s", "°": "deg"}
_NAME = re.compile(r"[^A-Za-z0-9._-]")
_DECIMAL_FRACTION = b"\xc4"
"""CBOR tag 4 (RFC 8949, 3.4.4): [exponent, mantissa]."""
_BEGIN_ARRAY, _END_ARRAY = b"\x9f", b"\xff"
_MAP = 5
_LABELS = {"bn": -2, "bt": -3, "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4}
"""RFC 8428, table 4."""

Field = str | bool | Decimal
Record = dict[str, Field]


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
        line = _CsvLine()
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

    A reading is named SITE/NODE/POINT. One that is not good has a record of its quality, a text named
    SITE/NODE/POINT/quality, in front of it; where there is no value there is only that. A reading whose time nobody
    knows has no place in SenML, where no time means now.
    """

    def __init__(self, site: str) -> None:
        self.undated = 0
        self._site = site

    def records(self, readings: Iterable[Reading]) -> Iterator[Record]:
        """Base name and base time stand in the first record of each report."""
        base: tuple[str, str] | None = None
        for each in readings:
            if each.utc_ms is None:
                self.undated += 1
                continue
            for record in _senml_records(each):
                if base != (each.node, each.record):
                    base = each.node, each.record
                    name = f"{senml_name(self._site)}/{senml_name(each.node)}/"
                    yield {"bn": name, "bt": Decimal(each.utc_ms).scaleb(-3), **record}
                else:
                    yield record


class SenmlJson(Senml):
    is_text = True

    def written(self, readings: Iterable[Reading]) -> Iterator[bytes]:
        start = "[\n"
        for record in self.records(readings):
            yield (start + _json_record(record)).encode()
            start = ",\n"
        yield b"[]\n" if start == "[\n" else b"\n]\n"


class SenmlCbor(Senml):
    is_text = False

    def written(self, readings: Iterable[Reading]) -> Iterator[bytes]:
        yield _BEGIN_ARRAY
        for record in self.records(readings):
            yield _cbor_record(record)
        yield _END_ARRAY


def make(name: str, site: str) -> Format:
    """The format called `name`, one of FORMATS."""
    if name == "csv":
        return Csv()
    return SenmlJson(site) if name == "senml-json" else SenmlCbor(site)


FORMATS = ("csv", "senml-json", "senml-cbor")


def senml_name(text: str) -> str:
    """`text` in the characters that SenML has for names; others become ":HEX:", so that no two names are one."""
    return _NAME.sub(lambda found: f":{ord(found[0]):X}:", text)


class _CsvLine:
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


def _senml_records(reading: Reading) -> Iterator[Record]:
    name = senml_name(reading.point)
    if reading.quality != "good" or reading.value is None:
        yield {"n": f"{name}/quality", "vs": reading.quality}
    if isinstance(reading.value, bool):
        yield {"n": name, "vb": reading.value}
    elif reading.value is not None:
        unit = _SENML_UNITS.get(reading.unit, reading.unit)
        yield {"n": name, **({"u": unit} if unit else {}), "v": reading.value}


def _json_record(record: Record) -> str:
    """A number is written digit by digit: `json` knows floats only."""
    fields = (
        f'"{label}":{number(value) if isinstance(value, Decimal) else json.dumps(value)}'
        for label, value in record.items()
    )
    return "{" + ",".join(fields) + "}"


def _cbor_record(record: Record) -> bytes:
    out = bytearray()
    cbor.append_head(out, _MAP, len(record))
    for label, value in record.items():
        out += cbor.encode(_LABELS[label])
        out += _cbor_number(value) if isinstance(value, Decimal) else cbor.encode(value)
    return bytes(out)


def _cbor_number(value: Decimal) -> bytes:
    """An integer as such, else a decimal fraction (RFC 8428, 6)."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    return cbor.encode(mantissa) if exponent == 0 else _DECIMAL_FRACTION + cbor.encode([exponent, mantissa])
