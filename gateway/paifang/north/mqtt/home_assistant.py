"""Home Assistant's MQTT discovery: what it is told of each point, and the present values that it shows.

It reads present values from a topic of its own, PREFIX/SITE/NODE/state, never from reports: these also carry what was
left behind, and Home Assistant takes whatever comes last for the present.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from paifang.north.mqtt import packets, topics
from paifang.north.mqtt.entities import entity
from paifang.north.mqtt.session import Message
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paifang.north.mqtt.topics import Topics
    from paifang.north.record import Record, Value
    from paifang.store.points import Point

ON, OFF = '"ON"', '"OFF"'
_TRUSTED = (messages.GOOD, messages.INDICATIVE)
"""Qualities with which a value is shown; with any other one it is unknown there."""
_NO_ID = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(slots=True)
class _Node:
    """`newest` is the (boot, uptime in ms) of the newest report that was shown: numbers are in the order of time only
    within a lane.
    """

    newest: tuple[int, int] = (-1, -1)
    values: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    """By point: the value in JSON, and its time in UTC ms."""


class HomeAssistant:
    """`prefix` is its discovery prefix; values older than `fresh_ms` are not the present ones."""

    def __init__(self, prefix: str, topics: Topics, site: str, fresh_ms: int) -> None:
        self.birth_topic = f"{prefix}/status"
        self._prefix = prefix
        self._topics = topics
        self._site = site
        self._fresh_ms = fresh_ms
        self._configs: dict[tuple[str, Point], Message] = {}
        self._nodes: dict[str, _Node] = {}
        fresh_s = fresh_ms // 1_000
        json_type = (packets.CONTENT_TYPE, "application/json")
        self._beside_state = packets.properties([(packets.MESSAGE_EXPIRY_S, fresh_s), json_type])
        self._beside_config = packets.properties([json_type])

    def announced(self, records: Iterable[Record]) -> list[Message]:
        """Configurations of the points in `records` that were not announced so far."""
        found: list[Message] = []
        for record in records:
            for value in record.values:
                key = record.node, value.point
                if key not in self._configs:
                    self._configs[key] = self._config(record.node, value.point)
                    found.append(self._configs[key])
        return found

    def shown(self, records: Iterable[Record], now_ms: int) -> list[Message]:
        """The states of the nodes of which `records` have present values."""
        changed = {record.node: None for record in records if self._take(record, now_ms)}
        return [self._state(node, now_ms) for node in changed]

    def everything(self, now_ms: int) -> list[Message]:
        """For a Home Assistant that has just started."""
        return [*self._configs.values(), *(self._state(node, now_ms) for node in self._nodes)]

    def _take(self, record: Record, now_ms: int) -> bool:
        if record.utc_ms is None or now_ms - record.utc_ms > self._fresh_ms or not record.values:
            return False
        node = self._nodes.setdefault(record.node, _Node())
        made = record.boot, record.uptime_ms
        if made < node.newest:
            return False
        node.newest = made
        for value in record.values:
            node.values[value.point.name] = (_shown(value), record.utc_ms)
        return True

    def _state(self, node: str, now_ms: int) -> Message:
        known = self._nodes[node].values
        fresh = {point: text for point, (text, utc_ms) in known.items() if now_ms - utc_ms <= self._fresh_ms}
        body = ",".join(f"{json.dumps(point, ensure_ascii=False)}:{text}" for point, text in fresh.items())
        return Message(self._topics.state(node), f"{{{body}}}".encode(), self._beside_state, is_retained=True)

    def _config(self, node: str, point: Point) -> Message:
        what = entity(point)
        unique = self._id(node, point.name)
        told: dict[str, Any] = {
            "name": point.name,
            "unique_id": unique,
            "state_topic": self._topics.state(node),
            "value_template": "{{ value_json.get(" + json.dumps(point.name, ensure_ascii=False) + ") }}",
            "expire_after": self._fresh_ms // 1_000,
            "availability_topic": self._topics.status,
            "payload_available": topics.ONLINE.decode(),
            "payload_not_available": topics.OFFLINE.decode(),
            "device_class": what.device_class,
            "unit_of_measurement": what.unit,
            "state_class": what.state_class,
            "device": {
                "identifiers": [self._id(node)],
                "name": f"{self._site} {node}",
                "manufacturer": "Paifang",
            },
            "origin": {"name": "Paifang"},
        }
        payload = json.dumps({key: value for key, value in told.items() if value is not None}, ensure_ascii=False)
        topic = f"{self._prefix}/{what.component}/{unique}/config"
        return Message(topic, payload.encode(), self._beside_config, is_retained=True)

    def _id(self, *parts: str) -> str:
        """Letters, digits, _ and - only; no two things have the same."""
        parts = (self._site, *parts)
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]
        return _NO_ID.sub("_", "_".join(("paifang", *parts))) + f"_{digest}"


def _shown(value: Value) -> str:
    """In JSON. Home Assistant shows a null as unknown."""
    if value.quality not in _TRUSTED:
        return "null"
    exact = value.exact
    if isinstance(exact, bool):
        return ON if exact else OFF
    return value.text
