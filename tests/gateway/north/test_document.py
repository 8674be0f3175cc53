"""The document of a record, read by Python's own JSON with decimals."""

from __future__ import annotations

import json
import sys
from decimal import Context, Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from records import DOOR, ENERGY, TEMPERATURE, event, point, report, value

from paifang.north.document import document
from paifang.notation.text import number, scaled
from paifang_wire import messages, names


def read(record):
    return json.loads(document(record).decode(), parse_float=Decimal, parse_int=Decimal)


def test_a_report_is_written_as_the_docs_show_it():
    values = (value(352), value(-150, TEMPERATURE), value(1, DOOR, messages.FAULT), value(None, ENERGY, messages.MUTE))
    assert document(report(42, values)).decode() == (
        '{"id":"ward-1/aq-1/3.42","site":"ward-1","node":"aq-1","time":"2026-11-20T08:00:42.000Z","uptime_ms":42000,'
        '"received":"2026-11-20T08:00:42.250Z","values":{"pm25":{"value":35.2,"unit":"µg/m3"},'
        '"temperature":{"value":-1.50,"unit":"°C"},"door":{"value":true,"quality":"fault"},'
        '"energy_import":{"value":null,"unit":"kWh","quality":"mute"}}}'
    )


def test_an_event_has_no_values():
    told = read(event(7))
    assert told["event"] == {"name": "sensor-mute", "point": "pm25", "detail": "no answer"}
    assert "values" not in told
    assert read(event(7, "started", None))["event"]["point"] is None


def test_a_time_that_nobody_knows_is_null_and_never_the_present():
    told = read(report(9, utc_ms=None))
    assert told["time"] is None
    assert told["uptime_ms"] == 9_000


@given(
    st.text(max_size=20).filter(lambda text: text.isprintable()),
    st.text(max_size=20),
    st.integers(-(1 << 63), 1 << 63),
    st.integers(-30, 30),
    st.sampled_from(range(len(names.QUALITY))),
)
def test_every_text_and_every_digit_comes_back(name, text, wire, scale, quality):
    told = read(report(1, (value(wire, point(name, text, scale), quality),), node=name))
    found = told["values"][name]
    assert told["id"] == f"ward-1/{name}/3.1"
    assert found["value"] == Decimal(wire).scaleb(scale, None)
    assert found.get("unit", "") == text
    assert found.get("quality", "good") == names.QUALITY[quality]
    assert read(event(1, detail=text))["event"]["detail"] == text


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-18, 6))
def test_a_wire_integer_is_written_as_its_decimal(wire, scale):
    assert scaled(wire, scale) == number(Decimal(wire).scaleb(scale, Context(prec=60)))
