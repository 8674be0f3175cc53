"""Records as a store hands them to sinks, made up."""

from __future__ import annotations

from paifang.north.record import Event, Record, Value
from paifang.store.points import Point
from paifang_wire import messages

UTC_MS = 1_795_161_600_000
"""2026-11-20T08:00:00Z"""


def point(name="pm25", unit="µg/m3", scale=-1, type_=messages.INT, number=1, least=None, most=None, class_=0):
    return Point(number, name, unit, type_, scale, least, most, class_, None)


PM25 = point()
TEMPERATURE = point("temperature", "°C", -2, number=2, least=-4000, most=8500)
DOOR = point("door", "", 0, messages.BOOL, number=3)
ENERGY = point("energy_import", "kWh", -2, number=4)
POINTS = (PM25, TEMPERATURE, DOOR, ENERGY)


def value(wire, point=PM25, quality=messages.GOOD):
    return Value(point, wire, quality)


def report(number=1, values=None, node="aq-1", boot=3, site="ward-1", utc_ms=UTC_MS, seq=None):
    """Made `number` s after the boot, at `utc_ms` + `number` s, and received a quarter of a second later."""
    time_ms = None if utc_ms is None else utc_ms + number * 1_000
    received_ms = UTC_MS + number * 1_000 + 250
    seq = number if seq is None else seq
    values = (value(352),) if values is None else tuple(values)
    return Record(seq, site, node, boot, number, number * 1_000, time_ms, received_ms, values, None)


def event(number=1, name="sensor-mute", point=PM25, detail="no answer", node="aq-1", boot=3, site="ward-1"):
    happened = Event(name, point, detail)
    received_ms = UTC_MS + number * 1_000 + 250
    return Record(number, site, node, boot, number, number * 1_000, UTC_MS + number * 1_000, received_ms, (), happened)
