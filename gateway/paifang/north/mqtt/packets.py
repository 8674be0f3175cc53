"""Packets of MQTT 5 (OASIS MQTT 5.0), as far as a client has to do with them that publishes with QoS 0 and 1."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from paifang.errors import PaifangError
from paifang.north.mqtt import codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# 2.1.2, with the flags of 2.1.3 where they are fixed
_CONNECT, _CONNACK, _PUBLISH, _PUBACK = 0x10, 0x20, 0x30, 0x40
_SUBSCRIBE, _SUBACK, _PINGRESP, _DISCONNECT = 0x82, 0x90, 0xD0, 0xE0
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
"""A normal one: the broker forgets the will."""
_RETAIN, _QOS_1 = 0x01, 0x02
LENGTH_LIMIT = 268_435_455
"""1.5.5"""

PAYLOAD_FORMAT = 0x01
MESSAGE_EXPIRY_S = 0x02
CONTENT_TYPE = 0x03
SERVER_KEEP_ALIVE_S = 0x13
REASON_STRING = 0x1F
RECEIVE_MAXIMUM = 0x21
MAXIMUM_QOS = 0x24
RETAIN_AVAILABLE = 0x25
USER_PROPERTY = 0x26
MAXIMUM_PACKET_SIZE = 0x27

# 2.2.2.2, table 2-4: how the value of each property is written.
_BYTE, _U16, _U32, _VARIABLE, _DATA, _TEXT, _PAIR = range(7)
_WRITTEN = {
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), _BYTE),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), _U16),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), _U32),
    **dict.fromkeys((0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F), _TEXT),
    **dict.fromkeys((0x09, 0x16), _DATA),
    0x0B: _VARIABLE,
    0x26: _PAIR,
}
_FIXED = {_BYTE: struct.Struct("!B"), _U16: struct.Struct("!H"), _U32: struct.Struct("!I")}

Property = int | str | bytes | tuple[str, str]
Properties = dict[int, Property]


class MqttError(PaifangError):
    """The broker refused, left, or said what no broker says."""


class Will(NamedTuple):
    """What the broker publishes, retained and with QoS 1, when this client is gone without a word."""

    topic: str
    payload: bytes


class Connack(NamedTuple):
    code: int
    properties: Properties


class Puback(NamedTuple):
    packet_id: int
    code: int


class Suback(NamedTuple):
    packet_id: int
    codes: bytes


class Publish(NamedTuple):
    topic: str
    payload: bytes


class Pingresp(NamedTuple):
    pass


class Disconnect(NamedTuple):
    code: int
    properties: Properties


Packet = Connack | Puback | Suback | Publish | Pingresp | Disconnect


def properties(wanted: Iterable[tuple[int, Property]]) -> bytes:
    """A property field with its length. Raises ValueError for a text of more than 65,535 bytes."""
    body = b"".join([bytes((name,)) + _written(_WRITTEN[name], value) for name, value in wanted])
    return _variable(len(body)) + body


def connect(client_id: str, keep_alive_s: int, will: Will, user: str | None, password: str | None, most: int) -> bytes:
    """3.1. Nothing is kept between connections; `most` is the largest packet this side takes, in bytes."""
    flags = 0x02 | 0x2C  # clean start; a will, QoS 1, retained
    rest = _text(will.topic) + _data(will.payload)
    for bit, given in ((0x80, user), (0x40, password)):
        if given is not None:
            flags |= bit
            rest += _text(given)
    head = b"\x00\x04MQTT\x05" + struct.pack("!BH", flags, keep_alive_s)
    return _packet(_CONNECT, head + properties([(MAXIMUM_PACKET_SIZE, most)]) + _text(client_id) + b"\x00" + rest)


def publish(topic: str, payload: bytes, encoded: bytes, *, is_retained: bool = False) -> bytes:
    """3.3, QoS 0. `encoded` is what `properties` gave."""
    return _packet(_PUBLISH | (_RETAIN if is_retained else 0), _text(topic) + encoded + payload)


def publish_parts(topic: str, payload: bytes, encoded: bytes, *, is_retained: bool = False) -> tuple[bytes, bytes]:
    """3.3, QoS 1: what stands before the two bytes of the packet id, and what behind."""
    name = _text(topic)
    length = len(name) + 2 + len(encoded) + len(payload)
    return bytes((_PUBLISH | _QOS_1 | is_retained,)) + _variable(length) + name, encoded + payload


def subscribe(packet_id: int, topic: str) -> bytes:
    """3.8, QoS 0."""
    return _packet(_SUBSCRIBE, packet_id.to_bytes(2, "big") + b"\x00" + _text(topic) + b"\x00")


class Reader:
    """Bytes in, packets out. Packets of more than `most` bytes are a fault of the broker's: it was told."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._buffer = bytearray()

    def take(self, data: bytes) -> Iterator[Packet]:
        """Raises MqttError for what is no packet that a broker may send here; nothing can be read after it."""
        self._buffer += data
        place = 0
        try:
            while (framed := _framed(self._buffer, place, self._most)) is not None:
                body, end = framed
                yield _decoded(self._buffer[place], bytes(self._buffer[body:end]))
                place = end
        except (IndexError, struct.error, UnicodeDecodeError) as error:
            raise _malformed("a packet that ends too soon, or a text that is none") from error
        finally:
            del self._buffer[:place]


def _framed(buffer: bytearray, place: int, most: int) -> tuple[int, int] | None:
    """Where the body of the packet at `place` begins and ends; None: it is not all there yet."""
    length = shift = 0
    for at in range(place + 1, min(place + 5, len(buffer))):
        length |= (buffer[at] & 0x7F) << shift
        shift += 7
        if buffer[at] < 0x80:
            if length > most:
                raise _malformed(f"a packet of {length} bytes")
            end = at + 1 + length
            return (at + 1, end) if end <= len(buffer) else None
    if len(buffer) - place >= 5:
        raise _malformed("a length of more than four bytes")
    return None


def _decoded(first: int, body: bytes) -> Packet:
    if first == _PUBACK:
        return Puback(_u16(body, 0), body[2] if len(body) > 2 else codes.SUCCESS)
    if first & 0xF0 == _PUBLISH:
        return _published(first, body)
    if first == _CONNACK:
        return Connack(body[1], _properties(body, 2)[0] if len(body) > 2 else {})
    if first == _SUBACK:
        return Suback(_u16(body, 0), body[_properties(body, 2)[1] :])
    if first == _PINGRESP:
        return Pingresp()
    if first == _DISCONNECT:
        return Disconnect(body[0] if body else codes.SUCCESS, _properties(body, 1)[0] if len(body) > 1 else {})
    raise _malformed(f"a packet that begins with 0x{first:02X}")


def _published(first: int, body: bytes) -> Publish:
    if first & 0x06:
        raise _malformed("a message with a QoS that nobody asked for")
    topic, place = _text_at(body, 0)
    return Publish(topic, body[_properties(body, place)[1] :])


def _properties(body: bytes, place: int) -> tuple[Properties, int]:
    """Those at `place`, and where they end. Of a property that comes more than once, the last one."""
    length, place = _variable_at(body, place)
    end = place + length
    if end > len(body):
        raise _malformed("properties that end behind their packet")
    found: Properties = {}
    while place < end:
        name = body[place]
        written = _WRITTEN.get(name)
        if written is None:
            raise _malformed(f"a property 0x{name:02X}")
        found[name], place = _value_at(written, body, place + 1)
    return found, end


def _value_at(written: int, body: bytes, place: int) -> tuple[Property, int]:
    fixed = _FIXED.get(written)
    if fixed is not None:
        return fixed.unpack_from(body, place)[0], place + fixed.size
    if written == _VARIABLE:
        return _variable_at(body, place)
    if written == _DATA:
        return _data_at(body, place)
    first, place = _text_at(body, place)
    if written == _TEXT:
        return first, place
    second, place = _text_at(body, place)
    return (first, second), place


def _variable_at(body: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in (0, 7, 14, 21):
        value |= (body[place] & 0x7F) << shift
        place += 1
        if body[place - 1] < 0x80:
            return value, place
    raise _malformed("a length of more than four bytes")


def _data_at(body: bytes, place: int) -> tuple[bytes, int]:
    end = place + 2 + _u16(body, place)
    if end > len(body):
        raise _malformed("a text that ends behind its packet")
    return body[place + 2 : end], end


def _text_at(body: bytes, place: int) -> tuple[str, int]:
    data, end = _data_at(body, place)
    return data.decode(), end


def _u16(body: bytes, place: int) -> int:
    return struct.unpack_from("!H", body, place)[0]


def _written(written: int, value: Property) -> bytes:
    if isinstance(value, tuple):
        return _text(value[0]) + _text(value[1])
    if isinstance(value, int):
        return _FIXED[written].pack(value)
    return _data(value) if isinstance(value, bytes) else _text(value)


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + _variable(len(body)) + body


def _text(text: str) -> bytes:
    return _data(text.encode())


def _data(data: bytes) -> bytes:
    if len(data) > 0xFFFF:
        raise ValueError(f"{len(data)} bytes where MQTT has room for 65535")
    return len(data).to_bytes(2, "big") + data


def _variable(value: int) -> bytes:
    """1.5.5. Raises ValueError beyond its four bytes."""
    if value > LENGTH_LIMIT:
        raise ValueError(f"a packet of {value} bytes")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _malformed(what: str) -> MqttError:
    return MqttError(f"the broker sent {what}", "is it a broker of MQTT 5, and the right port?")
