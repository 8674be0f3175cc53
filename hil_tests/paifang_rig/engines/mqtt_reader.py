"""A subscriber to MQTT 5 that is not ours: Eclipse Paho, whose session the broker keeps while it is away."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from paifang_rig.engines.server import until

if TYPE_CHECKING:
    from collections.abc import Callable

FOR_EVER_S = 0xFFFF_FFFF
RETRY_S = 1


class Arrival(NamedTuple):
    """`record` is the user property "id"."""

    topic: str
    payload: bytes
    is_retained: bool
    record: str
    content_type: str
    expiry_s: int | None


class MqttReader:
    """Reads `topics` in a thread of its own; `arrivals` in the order in which they came.

    `setup` is called with Paho's client before it connects: passwords, certificates.
    """

    def __init__(
        self,
        port: int,
        *topics: str,
        qos: int = 1,
        client_id: str = "reader",
        setup: Callable[[Any], object] = lambda _: None,
    ) -> None:
        self.client_id = client_id
        self.arrivals: list[Arrival] = []
        self.records: Counter[str] = Counter()
        """How often each record has come, in the order of their first coming."""
        self._port = port
        self._topics = topics
        self._qos = qos
        self._subscribed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._granted
        self._client.on_message = self._arrived
        self._client.reconnect_delay_set(RETRY_S, RETRY_S)
        setup(self._client)

    async def __aenter__(self) -> Self:
        kept = Properties(PacketTypes.CONNECT)
        kept.SessionExpiryInterval = FOR_EVER_S
        kept.ReceiveMaximum = 0xFFFF
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port, clean_start=False, properties=kept)
        self._client.loop_start()
        await self._subscribed.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def has(self, count: int, deadline_s: float = 60.0) -> None:
        """Wait for `count` different records."""
        await until(lambda: len(self.records) >= count, f"{count} records of {len(self.records)}", deadline_s)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await until(condition, what)

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload)

    def _connected(self, client: paho.Client, *_: object) -> None:
        client.subscribe([(topic, SubscribeOptions(qos=self._qos, retainAsPublished=True)) for topic in self._topics])

    def _granted(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.set)

    def _arrived(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        beside = message.properties
        pairs: dict[str, str] = dict(getattr(beside, "UserProperty", ()))
        record = pairs.get("id", "")
        expiry_s = getattr(beside, "MessageExpiryInterval", None)
        content_type = getattr(beside, "ContentType", "")
        self.arrivals.append(
            Arrival(message.topic, bytes(message.payload), bool(message.retain), record, content_type, expiry_s)
        )
        if record:
            self.records[record] += 1
