"""Values as SenML (RFC 8428): names and units that it knows, in JSON and in CBOR.

A reading is named SITE/NODE/POINT. One that is not good has a record of its quality, a text named
SITE/NODE/POINT/quality, in front of it; where there is no value there is only that.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from paifang.notation.text import number
from paifang_wire import cbor

if TYPE_CHECKING:
    from collections.abc import Iterator

# As the SenML units registry writes them (RFC 8428, table 1; RFC 8798, table 2), where that is not as people do.
_UNITS = {"°C": "Cel", "µg/m3": "ug/m3", "%": "/100", "L": "l", "L/s": "l/s", "°": "deg"}
_NAME = re.compile(r"[^A-Za-z0-9._-]")
_DECIMAL_FRACTION = b"\xc4"
"""CBOR tag 4 (RFC 8949, 3.4.4): [exponent, mantissa]."""
_MAP = 5
_LABELS = {"bn": -2, "bt": -3, "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4}
"""RFC 8428, table 4."""

Field = str | bool | Decimal
Record = dict[str, Field]


def base(site: str, node: str, utc_ms: int) -> Record:
    """What the first record of a report begins with: base name and base time."""
    return {"bn": f"{name(site)}/{name(node)}/", "bt": Decimal(utc_ms).scaleb(-3)}


def records(point: str, unit: str, value: bool | Decimal | None, quality: str) -> Iterator[Record]:
    """Those of one point of a report, without the base."""
    called = name(point)
    if quality != "good" or value is None:
        yield {"n": f"{called}/quality", "vs": quality}
    if isinstance(value, bool):
        yield {"n": called, "vb": value}
    elif value is not None:
        told = _UNITS.get(unit, unit)
        yield {"n": called, **({"u": told} if told else {}), "v": value}


@lru_cache(maxsize=4096)
def name(text: str) -> str:
    """`text` in the characters that SenML has for names; others become ":HEX:", so that no two names are one."""
    return _NAME.sub(lambda found: f":{ord(found[0]):X}:", text)


def as_json(record: Record) -> str:
    """A number is written digit by digit: `json` knows floats only."""
    fields = (
        f'"{label}":{number(value) if isinstance(value, Decimal) else json.dumps(value)}'
        for label, value in record.items()
    )
    return "{" + ",".join(fields) + "}"


def as_cbor(record: Record) -> bytes:
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
