"""A report as a SenML pack in CBOR (RFC 8428, 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.notation import senml
from paifang_wire import cbor

if TYPE_CHECKING:
    from paifang.north.record import Record

CONTENT_TYPE = "application/senml+cbor"
_ARRAY = 4


def has_place(record: Record) -> bool:
    """Whether SenML can say it: it knows no events, and where it names no time it means now."""
    return record.event is None and record.utc_ms is not None and bool(record.values)


def pack(record: Record) -> bytes:
    """Of a record that `has_place`: base name and base time in the first of its SenML records."""
    assert record.utc_ms is not None
    told = [
        each
        for value in record.values
        for each in senml.records(value.point.name, value.point.unit, value.exact, value.told_quality)
    ]
    told[0] = {**senml.base(record.site, record.node, record.utc_ms), **told[0]}
    out = bytearray()
    cbor.append_head(out, _ARRAY, len(told))
    for each in told:
        out += senml.as_cbor(each)
    return bytes(out)
