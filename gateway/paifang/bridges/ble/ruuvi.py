"""Ruuvi: manufacturer data of company 0499, data formats 5, 6 and E1 (docs.ruuvi.com). Big-endian."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from paifang.bridges.ble.advertisement import check_sender
from paifang.bridges.errors import FrameError
from paifang.bridges.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable

COMPANY = 0x0499

_ADDRESS = "address"
_CALIBRATING = 0x01
_VOC_LOW = 6
_NOX_LOW = 7
_TX_BITS = 5
_NO_ADDRESS = b"\xff"
_LUX_CODES = 254
_LUX_RANGE = 1 << 16


@dataclass(frozen=True, slots=True)
class Quantity:
    """(number sent + shift) * factor is the value in `unit`; `absent` is sent where there is none."""

    unit: str
    factor: str
    absent: int | None = None
    shift: int = 0


_CLIMATE = {
    "temperature": Quantity("°C", "0.005", -0x8000),
    "humidity": Quantity("%", "0.0025", 0xFFFF),
    "pressure": Quantity("Pa", "1", 0xFFFF, 50_000),
}
_PARTICLES = Quantity("µg/m3", "0.1", 0xFFFF)
_ACCELERATION = Quantity("mG", "1", -0x8000)
_INDEX = Quantity("", "1", 0x1FF)
_GASES = {"co2": Quantity("ppm", "1", 0xFFFF), "voc": _INDEX, "nox": _INDEX}


@dataclass(frozen=True, slots=True)
class Format:
    """`names` of what `form` unpacks; `split` makes of that the numbers of `quantities`."""

    form: struct.Struct
    names: tuple[str, ...]
    quantities: dict[str, Quantity]
    split: Callable[[dict[str, int]], dict[str, int]]


def _power(raw: dict[str, int]) -> dict[str, int]:
    """Format 5: eleven bits of voltage above five of transmission power."""
    return raw | {"voltage": raw["power"] >> _TX_BITS, "tx_power": raw["power"] & ((1 << _TX_BITS) - 1)}


def _indices(raw: dict[str, int]) -> dict[str, int]:
    """Formats 6 and E1: nine bits, of which the flags have the lowest."""
    flags = raw["flags"]
    return raw | {
        "voc": raw["voc"] << 1 | flags >> _VOC_LOW & 1,
        "nox": raw["nox"] << 1 | flags >> _NOX_LOW & 1,
    }


FORMATS: dict[int, Format] = {
    0x05: Format(
        struct.Struct(">xhHHhhhHBH6s"),
        (*_CLIMATE, "acceleration_x", "acceleration_y", "acceleration_z", "power", "movements", "sequence", _ADDRESS),
        {
            **_CLIMATE,
            **{f"acceleration_{axis}": _ACCELERATION for axis in "xyz"},
            "voltage": Quantity("V", "0.001", 0x7FF, 1600),
            "tx_power": Quantity("dBm", "2", 0x1F, -20),
            "movements": Quantity("", "1", 0xFF),
            "sequence": Quantity("", "1", 0xFFFF),
        },
        _power,
    ),
    0x06: Format(
        struct.Struct(">xhHHHHBBBxBB3s"),
        (*_CLIMATE, "pm25", "co2", "voc", "nox", "lux_code", "sequence", "flags", _ADDRESS),
        {**_CLIMATE, "pm25": _PARTICLES, **_GASES, "sequence": Quantity("", "1")},
        _indices,
    ),
    0xE1: Format(
        struct.Struct(">xhHHHHHHHBB3s3x3sB5x6s"),
        (
            *_CLIMATE, "pm1", "pm25", "pm4", "pm10", "co2", "voc", "nox", "luminosity", "sequence", "flags", _ADDRESS,
        ),
        {
            **_CLIMATE,
            **dict.fromkeys(("pm1", "pm25", "pm4", "pm10"), _PARTICLES),
            **_GASES,
            "luminosity": Quantity("lx", "0.01", 0xFFFFFF),
            "sequence": Quantity("", "1", 0xFFFFFF),
        },
        _indices,
    ),
}  # fmt: skip
"""First byte -> what follows. Formats 2 to 4 are obsolete."""


def decode(data: bytes, address: bytes | None = None) -> tuple[Value, ...]:
    """What stands behind the company identifier; `address`: whose it should be, six bytes."""
    if not data:
        raise FrameError("length", "no byte of the data format")
    layout = FORMATS.get(data[0])
    if layout is None:
        raise FrameError("unknown", f"data format {data[0]:02X}")
    if len(data) != layout.form.size:
        raise FrameError("length", f"{len(data)} bytes, format {data[0]:02X} has {layout.form.size}")
    fields = dict(zip(layout.names, layout.form.unpack(data), strict=True))
    written = fields.pop(_ADDRESS)
    if written.strip(_NO_ADDRESS):
        check_sender(written, address, len(written))
    raw = layout.split({name: _whole(content) for name, content in fields.items()})
    return (*(_value(name, raw[name], quantity) for name, quantity in layout.quantities.items()), *_others(raw))


def _whole(content: int | bytes) -> int:
    return content if isinstance(content, int) else int.from_bytes(content)


def _value(name: str, raw: int, quantity: Quantity) -> Value:
    content = None if raw == quantity.absent else (raw + quantity.shift) * Decimal(quantity.factor)
    return Value(name, content, quantity.unit)


def _others(raw: dict[str, int]) -> tuple[Value, ...]:
    """What is not a number times a factor: the logarithmic light of format 6, and a flag."""
    found: list[Value] = []
    if "lux_code" in raw:
        found.append(Value("luminosity", _lux(raw["lux_code"]), "lx"))
    if "flags" in raw:
        found.append(Value("calibrating", bool(raw["flags"] & _CALIBRATING)))
    return tuple(found)


def _lux(code: int) -> Decimal | None:
    if code > _LUX_CODES:
        return None
    return Decimal(f"{math.pow(_LUX_RANGE, code / _LUX_CODES) - 1:.2f}")
