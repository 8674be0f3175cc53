"""What wards write is what the city reads, and nothing else is a record."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import DOOR, ENERGY, TEMPERATURE, event, point, report, value

from paifang.city.batch import message
from paifang.city.document import Event, MalformedError, Reading, decoded
from paifang.north.document import document
from paifang_wire import messages, names


def test_a_report_is_read_as_it_was_written():
    values = (value(352), value(-150, TEMPERATURE), value(1, DOOR, messages.FAULT), value(None, ENERGY, messages.MUTE))
    found = decoded(document(report(42, values)))
    assert (found.site, found.node, found.boot, found.number) == ("ward-1", "aq-1", 3, 42)
    assert (found.time, found.received) == ("2026-11-20T08:00:42.000Z", "2026-11-20T08:00:42.250Z")
    assert found.readings == (
        Reading("pm25", "µg/m3", "35.2", "good"),
        Reading("temperature", "°C", "-1.50", "good"),
        Reading("door", "", "1", "fault"),
        Reading("energy_import", "kWh", None, "mute"),
    )
    assert found.event is None


def test_an_event_and_a_record_without_a_time():
    found = decoded(document(event(7)))
    assert (found.event, found.readings) == (Event("sensor-mute", "pm25", "no answer"), ())
    assert decoded(document(event(7, "started", None))).event.point is None
    assert decoded(document(report(9, utc_ms=None))).time is None


names_of_things = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@given(
    names_of_things, names_of_things, st.integers(-(1 << 63), 1 << 63), st.integers(-30, 30), st.integers(1, 1 << 31)
)
def test_every_name_and_every_digit_comes_through(node, name, wire, scale, number):
    quality = number % len(names.QUALITY)
    values = (value(wire, point(name, "kWh", scale), quality),)
    found = decoded(document(report(number, values, node=node, utc_ms=None)))
    (reading,) = found.readings
    assert (found.node, found.number) == (node, number)
    assert Decimal(reading.value) == Decimal(wire).scaleb(scale)
    assert (reading.point, reading.quality) == (name, names.QUALITY[quality])


GOOD = json.loads(document(report(1)))
WITHOUT = object()


@pytest.mark.parametrize(
    "change",
    [
        {"id": "ward-1/aq-1/3"},
        {"id": "ward-2/aq-1/3.1"},
        {"id": "3.1"},
        {"id": "ward-1/aq-1/4294967296.1"},
        {"id": "ward-1/aq-1/3.9999999999999999999"},
        {"id": None},
        {"site": ""},
        {"site": 7},
        {"node": WITHOUT},
        {"node": "a\0b", "id": "ward-1/a\0b/3.1"},
        {"node": "\ud800", "id": "ward-1/\ud800/3.1"},
        {"time": "yesterday"},
        {"time": "2026-11-20T08:00:00"},
        {"time": 7},
        {"received": None},
        {"values": WITHOUT},
        {"values": []},
        {"values": {"pm25": 35.2}},
        {"values": {"pm25": {}}},
        {"values": {"": {"value": 1}}},
        {"values": {"pm25": {"value": "35.2"}}},
        {"values": {"pm25": {"value": [1]}}},
        {"values": {"pm25": {"value": 1, "quality": ""}}},
        {"values": {"pm25": {"value": 1, "unit": None}}},
        {"event": {"name": "x"}},
        {"event": {"name": "", "point": None, "detail": ""}},
        {"event": "x"},
    ],
)
def test_what_is_no_record_is_told_and_nothing_is_guessed(change):
    found = {key: each for key, each in (GOOD | change).items() if each is not WITHOUT}
    with pytest.raises(MalformedError):
        decoded(json.dumps(found).encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"7", b"null", b"{", b"\xff\xfe", b"[" * 100_000, document(report(1)).replace(b"35.2", b"NaN")],
)
def test_what_is_no_document_is_told(body):
    with pytest.raises(MalformedError):
        decoded(body)


def test_the_reply_subject_tells_place_and_tries():
    found = message("a.b", "$JS.ACK.PAIFANG.city.3.4711.9.1795161600000000000.0", b"")
    assert (found.place, found.tries) == (4711, 3)
    found = message("a.b", "$JS.ACK.hub.ACCHASH.PAIFANG.city.2.815.9.1795161600000000000.0.random", b"")
    assert (found.place, found.tries) == (815, 2)
    for reply in ("", "_INBOX.x.1", "$JS.ACK.PAIFANG.city.3.x.9.1795161600000000000.0"):
        with pytest.raises(MalformedError):
            message("a.b", reply, b"")
