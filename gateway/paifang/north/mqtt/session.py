"""One connection to a broker, without its socket: bytes in and a clock, bytes out, and what became of messages.

Messages with QoS 1 leave in the order in which they were given, never more of them unconfirmed than the broker said it
takes, and none larger than it takes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from paifang.north.mqtt import codes, packets
from paifang.north.mqtt.packets import MqttError, Publish

if TYPE_CHECKING:
    from collections.abc import Iterable

IN_FLIGHT_MOST = 1024
"""Whatever a broker allows: what is on its way to it lies in memory."""
PACKET_MOST = 65_536
"""What this side takes: a broker has little to say."""
_FIXED_HEADER_MOST = 5
_NO_PROPERTIES = packets.properties(())


class Message(NamedTuple):
    """`properties` are encoded, as `packets.properties` does."""

    topic: str
    payload: bytes
    properties: bytes = _NO_PROPERTIES
    is_retained: bool = False


class Login(NamedTuple):
    client_id: str
    will: packets.Will
    keep_alive_ms: int
    answer_ms: int
    """How long the broker may be silent that owes an answer."""
    user: str | None = None
    password: str | None = None


@dataclass(slots=True, eq=False)
class Batch:
    """Messages that are confirmed together. `codes` has those that were not taken, by place: reason codes."""

    size: int = 0
    left: int = 0
    codes: dict[int, int] = field(default_factory=dict[int, int])

    def settle(self, place: int, code: int) -> None:
        self.left -= 1
        if code >= codes.FAILED:
            self.codes[place] = code


class Session:
    """Every method takes the time in ms of a clock that never goes back."""

    def __init__(self, login: Login, now_ms: int) -> None:
        self.is_up = False
        self.has_retain = True
        self._login = login
        self._keep_alive_ms = login.keep_alive_ms
        self._window = 0
        self._packet_most = 0
        self._reader = packets.Reader(PACKET_MOST)
        self._waiting: deque[tuple[Batch, int, tuple[bytes, bytes]]] = deque()
        self._in_flight: dict[int, tuple[Batch, int]] = {}
        self._last_id = 0
        self._heard_ms = self._said_ms = now_ms
        self._owed_since_ms: int | None = now_ms
        self._out: list[bytes] = [
            packets.connect(
                login.client_id, login.keep_alive_ms // 1_000, login.will, login.user, login.password, PACKET_MOST
            )
        ]

    def to_send(self, now_ms: int) -> bytes:
        """Everything that is to be sent now; it is asked for once."""
        data = b"".join(self._out)
        self._out.clear()
        if data:
            self._said_ms = now_ms
        return data

    def publish(self, messages: Iterable[Message], now_ms: int, batch: Batch | None = None) -> Batch:
        """With QoS 1, in a batch of their own or behind those of `batch`.

        What the broker cannot take for its size is settled at once. ValueError: MQTT has no room for it.
        """
        batch = batch or Batch()
        for place, message in enumerate(messages, batch.size):
            batch.size += 1
            batch.left += 1
            before, after = packets.publish_parts(
                message.topic, message.payload, message.properties, is_retained=message.is_retained and self.has_retain
            )
            if len(before) + 2 + len(after) > self._packet_most:
                batch.settle(place, codes.PACKET_TOO_LARGE)
            else:
                self._waiting.append((batch, place, (before, after)))
        self._let_go(now_ms)
        return batch

    def show(self, message: Message) -> None:
        """With QoS 0: for displays. What the broker cannot take is left out."""
        packet = packets.publish(
            message.topic, message.payload, message.properties, is_retained=message.is_retained and self.has_retain
        )
        if len(packet) <= self._packet_most:
            self._out.append(packet)

    def subscribe(self, topic: str) -> None:
        """With QoS 0."""
        self._out.append(packets.subscribe(self._free_id(), topic))

    def leave(self) -> None:
        """Say goodbye: the broker forgets the will."""
        self._out.append(packets.DISCONNECT)

    def take(self, data: bytes, now_ms: int) -> tuple[list[Batch], list[Publish]]:
        """What the broker sent: batches that it settles, and messages. Raises MqttError when it refuses or leaves."""
        self._heard_ms = now_ms
        settled: list[Batch] = []
        published: list[Publish] = []
        for packet in self._reader.take(data):
            match packet:
                case packets.Puback(packet_id, code):
                    settled += self._confirm(packet_id, code)
                case Publish():
                    published.append(packet)
                case packets.Connack(code, properties):
                    self._welcomed(code, properties)
                case packets.Disconnect(code, properties):
                    raise _refused("the broker ended the connection", code, properties)
                case packets.Suback(_, granted) if granted and granted[0] >= codes.FAILED:
                    raise _refused("the broker refused a subscription", granted[0], {})
                case _:
                    pass
        self._let_go(now_ms)
        self._owed_since_ms = now_ms if self._in_flight else None
        return settled, published

    def tick(self, now_ms: int) -> None:
        """To be called about every second. Raises MqttError when the broker owes an answer for too long."""
        if self._owed_since_ms is not None and now_ms - self._owed_since_ms >= self._login.answer_ms:
            raise MqttError("the broker does not answer", "is it overloaded, or is the way to it cut?")
        is_owed, pause_ms = self._owed_since_ms is not None, self._keep_alive_ms // 2
        is_quiet = now_ms - self._said_ms >= pause_ms or (not is_owed and now_ms - self._heard_ms >= pause_ms)
        if self.is_up and is_quiet:
            self._out.append(packets.PINGREQ)
            self._owe(now_ms)

    def _welcomed(self, code: int, properties: packets.Properties) -> None:
        if code != codes.SUCCESS:
            raise _refused("the broker refused the connection", code, properties)
        if properties.get(packets.MAXIMUM_QOS, 1) == 0:
            raise MqttError("the broker confirms no messages (its maximum QoS is 0)", "allow QoS 1 there")
        self._window = min(_number(properties, packets.RECEIVE_MAXIMUM, 65_535), IN_FLIGHT_MOST)
        most = packets.LENGTH_LIMIT + _FIXED_HEADER_MOST
        self._packet_most = _number(properties, packets.MAXIMUM_PACKET_SIZE, most)
        wanted_s = _number(properties, packets.SERVER_KEEP_ALIVE_S, 0)
        self._keep_alive_ms = 1_000 * wanted_s or self._login.keep_alive_ms
        self.has_retain = properties.get(packets.RETAIN_AVAILABLE, 1) != 0
        self.is_up = True

    def _confirm(self, packet_id: int, code: int) -> list[Batch]:
        found = self._in_flight.pop(packet_id, None)
        if found is None:
            raise MqttError("the broker confirmed what was not sent", "is it a broker of MQTT 5?")
        batch, place = found
        batch.settle(place, code)
        return [] if batch.left else [batch]

    def _let_go(self, now_ms: int) -> None:
        """As much of what waits as the broker takes now."""
        while self._waiting and len(self._in_flight) < self._window:
            batch, place, (before, after) = self._waiting.popleft()
            packet_id = self._free_id()
            self._in_flight[packet_id] = (batch, place)
            self._out += (before, packet_id.to_bytes(2, "big"), after)
            self._owe(now_ms)

    def _free_id(self) -> int:
        """2.2.1: from 1 on, and none that is under way."""
        while True:
            self._last_id = self._last_id % 0xFFFF + 1
            if self._last_id not in self._in_flight:
                return self._last_id

    def _owe(self, now_ms: int) -> None:
        if self._owed_since_ms is None:
            self._owed_since_ms = now_ms


def _number(properties: packets.Properties, name: int, otherwise: int) -> int:
    found = properties.get(name, otherwise)
    assert isinstance(found, int)
    return found


def _refused(what: str, code: int, properties: packets.Properties) -> MqttError:
    reason = properties.get(packets.REASON_STRING)
    more = f": {reason}" if reason else ""
    return MqttError(f"{what}: {codes.told(code)}{more}", codes.HINTS.get(code, "look at the broker's log"))
