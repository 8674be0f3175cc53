"""The objects of BTHome v2: what a number in an advertisement means (bthome.io, "format").

An object is its id, then its bytes, the low byte first. What is behind an id that is not in the table cannot be read:
its length is not known. Devices send objects with rising ids, so that these are the newest ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

Kind = Literal["unsigned", "signed", "flag", "text", "raw", "time", "button", "dimmer", "command", "version"]
"""flag: 0 or 1. text, raw: a byte with the length before it. time: seconds since 1970. button: which event, 0 is none.
dimmer: direction and steps. command: the low five bits of a byte before it are how many bytes follow its opcode.
version: the parts of a version, the last one first."""


@dataclass(frozen=True, slots=True)
class Object:
    """`length` in bytes, 0: a byte says it; a number sent is multiplied by `factor`."""

    name: str
    kind: Kind
    length: int = 1
    factor: Decimal = Decimal(1)
    unit: str = ""


PACKET_ID = 0x00
"""Counts what was measured: a packet with the number of the last one is that one again."""

_NUMBERS = """
    00 packet_id          u1 1
    01 battery            u1 1        %
    02 temperature        s2 0.01     °C
    03 humidity           u2 0.01     %
    04 pressure           u3 0.01     hPa
    05 illuminance        u3 0.01     lx
    06 mass               u2 0.01     kg
    07 mass               u2 0.01     lb
    08 dew_point          s2 0.01     °C
    09 count              u1 1
    0A energy             u3 0.001    kWh
    0B power              u3 0.01     W
    0C voltage            u2 0.001    V
    0D pm25               u2 1        µg/m3
    0E pm10               u2 1        µg/m3
    12 co2                u2 1        ppm
    13 tvoc               u2 1        µg/m3
    14 moisture           u2 0.01     %
    2E humidity           u1 1        %
    2F moisture           u1 1        %
    3D count              u2 1
    3E count              u4 1
    3F rotation           s2 0.1      °
    40 distance           u2 1        mm
    41 distance           u2 0.1      m
    42 duration           u3 0.001    s
    43 current            u2 0.001    A
    44 speed              u2 0.01     m/s
    45 temperature        s2 0.1      °C
    46 uv_index           u1 0.1
    47 volume             u2 0.1      L
    48 volume             u2 1        mL
    49 volume_flow        u2 0.001    m3/h
    4A voltage            u2 0.1      V
    4B gas                u3 0.001    m3
    4C gas                u4 0.001    m3
    4D energy             u4 0.001    kWh
    4E volume             u4 0.001    L
    4F water              u4 0.001    L
    51 acceleration       u2 0.001    m/s2
    52 gyroscope          u2 0.001    °/s
    55 volume_storage     u4 0.001    L
    56 conductivity       u2 1        µS/cm
    57 temperature        s1 1        °C
    58 temperature        s1 0.35     °C
    59 count              s1 1
    5A count              s2 1
    5B count              s4 1
    5C power              s4 0.01     W
    5D current            s2 0.001    A
    5E direction          u2 0.01     °
    5F precipitation      u2 0.1      mm
    60 channel            u1 1
    61 rotational_speed   u2 1        rpm
    62 speed              s4 0.000001 m/s
    63 acceleration       s4 0.000001 m/s2
    64 light_level        u1 1
    65 settings_revision  u1 1
    F0 device_type        u2 1
"""
"""Id, name, sign and length, factor, unit."""

_FLAGS = (
    "0F generic, 10 power_on, 11 opening, 15 battery_low, 16 charging, 17 carbon_monoxide, 18 cold, 19 connected, "
    "1A door, 1B garage_door, 1C gas_alarm, 1D heat, 1E light, 1F unlocked, 20 wet, 21 motion, 22 moving, "
    "23 occupancy, 24 plugged, 25 presence, 26 problem, 27 running, 28 unsafe, 29 smoke, 2A sound, 2B tamper, "
    "2C vibration, 2D window"
)
_OTHERS: dict[int, Object] = {
    0x3A: Object("button", "button"),
    0x3B: Object("command", "command", 0),
    0x3C: Object("dimmer", "dimmer", 2),
    0x50: Object("timestamp", "time", 4),
    0x53: Object("text", "text", 0),
    0x54: Object("raw", "raw", 0),
    0xF1: Object("firmware", "version", 4),
    0xF2: Object("firmware", "version", 3),
}
_KINDS = {"u": "unsigned", "s": "signed"}


def _number(line: str) -> tuple[int, Object]:
    number, name, form, factor, unit, *_ = [*line.split(), ""]
    return int(number, 16), Object(name, cast("Kind", _KINDS[form[0]]), int(form[1]), Decimal(factor), unit)


def _flag(text: str) -> tuple[int, Object]:
    number, name = text.split()
    return int(number, 16), Object(name, "flag")


OBJECTS: dict[int, Object] = {
    **dict(map(_number, _NUMBERS.strip().splitlines())),
    **dict(map(_flag, _FLAGS.split(","))),
    **_OTHERS,
}
"""Id -> what it is."""
