"""SenML of a report, read as the RFC has it read."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "archive"))

from records import DOOR, ENERGY, TEMPERATURE, UTC_MS, event, report, value
from senml_reader import of_cbor, resolved

from paifang.north import senml
from paifang_wire import messages


def test_a_report_reads_back_with_its_names_its_time_and_every_digit():
    values = (value(352), value(-150, TEMPERATURE), value(1, DOOR, messages.FAULT), value(None, ENERGY, messages.MUTE))
    time_s = Decimal(UTC_MS + 42_000) / 1_000
    assert resolved(of_cbor(senml.pack(report(42, values)))) == [
        {"n": "ward-1/aq-1/pm25", "t": time_s, "u": "ug/m3", "v": Decimal("35.2")},
        {"n": "ward-1/aq-1/temperature", "t": time_s, "u": "Cel", "v": Decimal("-1.50")},
        {"n": "ward-1/aq-1/door/quality", "t": time_s, "vs": "fault"},
        {"n": "ward-1/aq-1/door", "t": time_s, "vb": True},
        {"n": "ward-1/aq-1/energy_import/quality", "t": time_s, "vs": "mute"},
    ]


def test_what_senml_cannot_say_has_no_place_in_it():
    assert senml.has_place(report())
    assert not senml.has_place(report(utc_ms=None))
    assert not senml.has_place(report(values=()))
    assert not senml.has_place(event())
