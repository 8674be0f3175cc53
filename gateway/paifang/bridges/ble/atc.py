"""Thermometers with the firmware of atc1441 or of pvvx: service data of UUID 181A, told apart by its length.

What is encrypted has a counter of one byte only: that keeps a packet from being taken twice, not an old one from being
sent again by somebody else.
"""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import TYPE_CHECKING

from paifang.bridges.ble.advertisement import SERVICE_DATA, check_sender
from paifang.bridges.ble.sealed import opened
from paifang.bridges.errors import FrameError
from paifang.bridges.values import Value, scaled

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.bridges.values import Content

SERVICE = "181A"

_ATC1441 = struct.Struct(">6shBBHB")
_PVVX = struct.Struct("<6shHHBBB")
_PVVX_PLAIN = struct.Struct("<hHBB")
_ATC1441_PLAIN_LENGTH = 3
_TAG_LENGTH = 4

_HEADER = bytes((SERVICE_DATA, 0x1A, 0x18))
_ASSOCIATED = b"\x11"
_UNITS = {"temperature": "°C", "humidity": "%", "voltage": "V", "battery": "%"}
_REED = 0x01
_TRIGGER = 0x02
_BATTERY = 0x7F
_HALF = Decimal("0.5")


def decode(data: bytes, address: bytes | None = None, key: bytes | None = None) -> tuple[Value, ...]:
    """What the thermometer says. `address`: whose it should be, six bytes; with a `key` it is taken encrypted only."""
    layout = _LAYOUTS.get(len(data))
    if layout is None:
        raise FrameError("length", f"{len(data)} bytes, expected one of {', '.join(map(str, _LAYOUTS))}")
    read, sealed = layout
    if not sealed:
        if key is not None:
            raise FrameError("key", "not encrypted, though the device has a key")
        return read(data, address)
    if key is None or address is None:
        raise FrameError("key", "encrypted: key and address are needed")
    counter = data[:1]
    nonce = address[::-1] + bytes((len(data) + len(_HEADER),)) + _HEADER + counter
    plain = opened(key, nonce, data[1:], _ASSOCIATED)
    return (*read(plain, address), Value("counter", Decimal(counter[0])))


def _atc1441(data: bytes, address: bytes | None) -> tuple[Value, ...]:
    written, temperature, humidity, battery, millivolts, counter = _ATC1441.unpack(data)
    check_sender(written, address)
    return _values(
        temperature=scaled(temperature, -1),
        humidity=Decimal(humidity),
        voltage=scaled(millivolts, -3),
        battery=Decimal(battery),
        counter=Decimal(counter),
    )


def _pvvx(data: bytes, address: bytes | None) -> tuple[Value, ...]:
    written, temperature, humidity, millivolts, battery, counter, flags = _PVVX.unpack(data)
    check_sender(written[::-1], address)
    return _values(
        temperature=scaled(temperature, -2),
        humidity=scaled(humidity, -2),
        voltage=scaled(millivolts, -3),
        battery=Decimal(battery),
        counter=Decimal(counter),
        reed=bool(flags & _REED),
        trigger=bool(flags & _TRIGGER),
    )


def _pvvx_plain(plain: bytes, _address: bytes | None) -> tuple[Value, ...]:
    temperature, humidity, battery, flags = _PVVX_PLAIN.unpack(plain)
    return _values(
        temperature=scaled(temperature, -2),
        humidity=scaled(humidity, -2),
        battery=Decimal(battery),
        reed=bool(flags & _REED),
        trigger=bool(flags & _TRIGGER),
    )


def _atc1441_plain(plain: bytes, _address: bytes | None) -> tuple[Value, ...]:
    """Half degrees from -40 on, half percents, and the trigger above the battery."""
    return _values(
        temperature=plain[0] * _HALF - 40,
        humidity=plain[1] * _HALF,
        battery=Decimal(plain[2] & _BATTERY),
        trigger=plain[2] > _BATTERY,
    )


def _values(**contents: Content) -> tuple[Value, ...]:
    return tuple(Value(name, content, _UNITS.get(name, "")) for name, content in contents.items())


_LAYOUTS: dict[int, tuple[Callable[[bytes, bytes | None], tuple[Value, ...]], bool]] = {
    _ATC1441.size: (_atc1441, False),
    _PVVX.size: (_pvvx, False),
    1 + _PVVX_PLAIN.size + _TAG_LENGTH: (_pvvx_plain, True),
    1 + _ATC1441_PLAIN_LENGTH + _TAG_LENGTH: (_atc1441_plain, True),
}
"""Length -> how it is read, and whether it is encrypted."""
