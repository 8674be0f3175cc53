"""A record as one JSON document: what MQTT, NATS and webhooks carry.

    {"id":"ward-1/aq-1/3.1042","site":"ward-1","node":"aq-1","time":"2026-11-20T08:00:00.000Z","uptime_ms":62040,
     "received":"2026-11-20T08:00:00.120Z","values":{"pm25":{"value":35.2,"unit":"µg/m3"},
     "door":{"value":null,"quality":"mute"}}}

`time` is null when nobody knows it, `unit` and `quality` are left out when there is none and when it is good. An event
has {"name", "point", "detail"} as `event` in the place of `values`; `point` is null when it is about the node. Numbers
have the digits of the point's scale: read them as decimals to keep them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.notation.text import quoted, utc
from paifang_wire import messages

if TYPE_CHECKING:
    from paifang.north.record import Event, Record, Value

CONTENT_TYPE = "application/json"


def document(record: Record) -> bytes:
    """UTF-8, no space between."""
    body = _values(record.values) if record.event is None else _event(record.event)
    return f"{_head(record)},{body}}}".encode()


def _head(record: Record) -> str:
    time = "null" if record.utc_ms is None else f'"{utc(record.utc_ms)}"'
    return (
        f'{{"id":{quoted(record.site)[:-1]}/{quoted(record.node)[1:-1]}/{record.boot}.{record.number}",'
        f'"site":{quoted(record.site)},"node":{quoted(record.node)},"time":{time},"uptime_ms":{record.uptime_ms},'
        f'"received":"{utc(record.received_ms)}"'
    )


def _values(values: tuple[Value, ...]) -> str:
    return f'"values":{{{",".join([f"{quoted(each.point.name)}:{_value(each)}" for each in values])}}}'


def _value(value: Value) -> str:
    unit = f',"unit":{quoted(value.point.unit)}' if value.point.unit else ""
    quality = "" if value.quality == messages.GOOD else f',"quality":{quoted(value.told_quality)}'
    return f'{{"value":{value.text}{unit}{quality}}}'


def _event(event: Event) -> str:
    point = "null" if event.point is None else quoted(event.point.name)
    # Not kept: details are as many as there are events.
    detail = quoted.__wrapped__(event.detail)
    return f'"event":{{"name":{quoted(event.name)},"point":{point},"detail":{detail}}}'
