"""BTHome v2: service data of UUID FCD2 (bthome.io, "format" and "encryption").

    information | objects
    information | objects, encrypted | counter, 4 bytes, low byte first | tag, 4 bytes

Information: bit 0 encrypted, bit 1 an address follows, bit 2 sent when something happens, bits 5 to 7 the version.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from paifang.bridges.ble.advertisement import check_sender
from paifang.bridges.ble.bthome_objects import OBJECTS, PACKET_ID
from paifang.bridges.ble.sealed import TAG_LENGTH, opened
from paifang.bridges.cursor import Cursor
from paifang.bridges.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.bridges.ble.bthome_objects import Kind, Object
    from paifang.bridges.values import Content

SERVICE = "FCD2"
VERSION = 2
ENCRYPTED = 0x01
WITH_ADDRESS = 0x02
ON_EVENT = 0x04

_NONCE_SERVICE = bytes.fromhex("D2FC")
_COUNTER_LENGTH = 4
_ADDRESS_LENGTH = 6
_COMMAND_LENGTH = 0x1F
_LEFT = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """An object of a packet; `index`: which one with this id, from 1. `content` None: nothing to tell."""

    object: int
    index: int
    name: str
    content: Content
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Packet:
    """`counter`: of an encrypted one; `on_event`: the device sends when something happens, not at an interval.

    `unread`: from the first object on whose id is not known here.
    """

    measured: tuple[Measured, ...]
    packet_id: int | None = None
    counter: int | None = None
    on_event: bool = False
    unread: bytes = b""


def decode(data: bytes, address: bytes | None = None, key: bytes | None = None) -> Packet:
    """The packet in service data. `address`: whose it is, six bytes; a device with a `key` is taken encrypted only."""
    if not data:
        raise FrameError("length", "no byte of information")
    information, cursor = data[0], Cursor(data[1:])
    if information >> 5 != VERSION:
        raise FrameError("shape", f"version {information >> 5} of BTHome, expected {VERSION}")
    if information & WITH_ADDRESS:
        written = cursor.take(_ADDRESS_LENGTH)[::-1]
        check_sender(written, address)
        address = written
    if not information & ENCRYPTED:
        if key is not None:
            raise FrameError("key", "not encrypted, though the device has a key")
        return _packet(cursor.rest(), information)
    if key is None or address is None:
        raise FrameError("key", "encrypted: key and address are needed")
    return _decrypted(information, cursor.rest(), address, key)


def _decrypted(information: int, data: bytes, address: bytes, key: bytes) -> Packet:
    cursor = Cursor(data)
    sealed = cursor.take(max(1, len(data) - _COUNTER_LENGTH - TAG_LENGTH))
    counter = cursor.take(_COUNTER_LENGTH)
    nonce = address + _NONCE_SERVICE + bytes((information,)) + counter
    plain = opened(key, nonce, sealed + cursor.take(TAG_LENGTH))
    return _packet(plain, information, int.from_bytes(counter, "little"))


def _packet(data: bytes, information: int, counter: int | None = None) -> Packet:
    """Objects up to the first unknown one; FrameError if there is not one that can be read."""
    cursor, seen = Cursor(data), Counter[int]()
    measured: list[Measured] = []
    unread = b""
    while cursor.left:
        number = cursor.byte()
        if number not in OBJECTS:
            unread = bytes((number,)) + cursor.rest()
            break
        seen[number] += 1
        found = OBJECTS[number]
        measured.append(Measured(number, seen[number], found.name, _content(found, cursor), found.unit))
    if not measured:
        raise FrameError("unknown" if unread else "length", f"object {unread[0]:02X}" if unread else "no object")
    packet_id = next((each.content for each in measured if each.object == PACKET_ID), None)
    return Packet(
        tuple(measured),
        int(packet_id) if isinstance(packet_id, Decimal) else None,
        counter,
        bool(information & ON_EVENT),
        unread,
    )


def _content(found: Object, cursor: Cursor) -> Content:
    length = found.length
    if not length:
        length = cursor.byte()
        if found.kind == "command":
            length = 1 + (length & _COMMAND_LENGTH)
    return _READERS[found.kind](cursor.take(length), found)


def _unsigned(data: bytes, found: Object) -> Decimal:
    return int.from_bytes(data, "little") * found.factor


def _signed(data: bytes, found: Object) -> Decimal:
    return int.from_bytes(data, "little", signed=True) * found.factor


def _flag(data: bytes, found: Object) -> bool:
    if data[0] > 1:
        raise FrameError("value", f"{found.name} is {data[0]}, not 0 or 1")
    return bool(data[0])


def _text(data: bytes, found: Object) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FrameError("value", f"{found.name} {data.hex(' ')} is not UTF-8") from error


def _time(data: bytes, _found: Object) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(data, "little"), UTC)


def _button(data: bytes, _found: Object) -> Decimal | None:
    return Decimal(data[0]) or None


def _dimmer(data: bytes, _found: Object) -> Decimal | None:
    """Steps to the right, to the left negative."""
    return Decimal(-data[1] if data[0] == _LEFT else data[1]) if data[0] else None


def _hex(data: bytes, _found: Object) -> str:
    return data.hex()


def _version(data: bytes, _found: Object) -> str:
    return ".".join(map(str, reversed(data)))


_READERS: dict[Kind, Callable[[bytes, Object], Content]] = {
    "unsigned": _unsigned,
    "signed": _signed,
    "flag": _flag,
    "text": _text,
    "raw": _hex,
    "time": _time,
    "button": _button,
    "dimmer": _dimmer,
    "command": _hex,
    "version": _version,
}
