"""What messages are called at the broker, and what stands beside their payload."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paifang.north.document import CONTENT_TYPE, document
from paifang.north.mqtt import packets
from paifang.north.mqtt.session import Message

if TYPE_CHECKING:
    from paifang.config.sink_mqtt import MqttSettings
    from paifang.north.record import Record

ONLINE, OFFLINE = b"online", b"offline"
_NO_LEVEL = re.compile(r"[+#/%\x00]")


class Topics:
    """Of the sink `settings` of the ward `site`."""

    def __init__(self, settings: MqttSettings, site: str) -> None:
        self._base = f"{settings.prefix}/{level(site)}"
        self._of_node: dict[str, str] = {}
        self._expiry: list[tuple[int, packets.Property]] = []
        if settings.expiry_ms is not None:
            self._expiry = [(packets.MESSAGE_EXPIRY_S, settings.expiry_ms // 1_000)]

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
        kind = "report" if record.event is None else "event"
        return Message(f"{self.node(record.node)}/{kind}", document(record), self._beside(CONTENT_TYPE, record.id))

    def _beside(self, content_type: str, record: str) -> bytes:
        is_text: list[tuple[int, packets.Property]] = (
            [(packets.PAYLOAD_FORMAT, 1)] if content_type == CONTENT_TYPE else []
        )
        named = [(packets.CONTENT_TYPE, content_type), (packets.USER_PROPERTY, ("id", record))]
        return packets.properties([*is_text, *self._expiry, *named])


def level(name: str) -> str:
    """`name` as one level of a topic: what has a meaning there is written as %HH."""
    return _NO_LEVEL.sub(lambda found: f"%{ord(found[0]):02X}", name)
