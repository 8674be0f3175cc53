"""What messages are called at the broker, and what stands beside their payload."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paifang.north import senml
from paifang.north.document import CONTENT_TYPE, document
from paifang.north.mqtt import packets
from paifang.north.mqtt.session import Message

if TYPE_CHECKING:
    from paifang.config.sink_mqtt import MqttSettings
    from paifang.north.record import Record

Beside = tuple[int, packets.Property]
ONLINE, OFFLINE = b"online", b"offline"
_UTF_8 = 1
_NO_LEVEL = re.compile(r"[+#/%\x00]")


class Topics:
    """Of the sink `settings` of the ward `site`."""

    def __init__(self, settings: MqttSettings, site: str) -> None:
        self._base = f"{settings.prefix}/{level(site)}"
        self._of_node: dict[str, str] = {}
        self._is_senml = settings.format == "senml-cbor"
        expiry = [] if settings.expiry_ms is None else [(packets.MESSAGE_EXPIRY_S, settings.expiry_ms // 1_000)]
        self._senml: list[Beside] = [*expiry, (packets.CONTENT_TYPE, senml.CONTENT_TYPE)]
        self._json: list[Beside] = [(packets.PAYLOAD_FORMAT, _UTF_8), *expiry, (packets.CONTENT_TYPE, CONTENT_TYPE)]

    @property
    def status(self) -> str:
        """Retained: whether this gateway is there."""
        return f"{self._base}/status"

    def state(self, node: str) -> str:
        """Retained until it is old: the present values of a node."""
        return f"{self.node(node)}/state"

    def node(self, node: str) -> str:
        found = self._of_node.get(node)
        if found is None:
            found = self._of_node[node] = f"{self._base}/{level(node)}"
        return found

    def message(self, record: Record) -> Message:
        """Never retained: whoever comes later shall not take it for news."""
        topic = f"{self.node(record.node)}/{'report' if record.event is None else 'event'}"
        if self._is_senml and senml.has_place(record):
            return Message(topic, senml.pack(record), packets.properties([*self._senml, _id(record)]))
        return Message(topic, document(record), packets.properties([*self._json, _id(record)]))


def _id(record: Record) -> Beside:
    return packets.USER_PROPERTY, ("id", record.id)


def level(name: str) -> str:
    """`name` as one level of a topic: what has a meaning there is written as %HH."""
    return _NO_LEVEL.sub(lambda found: f"%{ord(found[0]):02X}", name)
