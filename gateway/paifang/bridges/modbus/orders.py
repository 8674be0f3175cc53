"""Swapped words at commissioning: which order of bytes and words makes sense of what a device says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.modbus.points import Device
from paifang.profiles.conversion import power_of_ten
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paifang.bridges.modbus.planner import Block
    from paifang.profiles.conversion import Reading
    from paifang.profiles.modbus import Order
    from paifang.profiles.model import ModbusProfile

ORDERS: tuple[Order, ...] = ("ABCD", "CDAB", "BADC", "DCBA")
GREATEST = 10**9
"""In its unit nothing that a profile gives no limits for is greater: a swapped float mostly is, or almost 0."""


def better_order(profile: ModbusProfile, answers: Iterable[tuple[Block, bytes]], base: int = 0) -> Order | None:
    """The order that makes more sense of the answers than the profile's own, for values of several registers.

    None: the profile's own is as good as any.
    """
    found = list(answers)
    own = _sense(profile, Device(profile, base), found)
    sense = {order: _sense(profile, Device(_in(profile, order), base), found) for order in ORDERS}
    best = max(ORDERS, key=sense.__getitem__)
    return best if sense[best] > own else None


def _in(profile: ModbusProfile, order: Order) -> ModbusProfile:
    """The profile with all values of several registers in this order."""
    points = {
        name: point.model_copy(update={"attributes": point.attributes.model_copy(update={"order": order})})
        if point.attributes.kind.words > 1
        else point
        for name, point in profile.points.items()
    }
    return profile.model_copy(update={"points": points})


def _sense(profile: ModbusProfile, device: Device, answers: Iterable[tuple[Block, bytes]]) -> int:
    """Points that say something likely, less those that say something that cannot be."""
    return sum(_likely(profile, device.readings(block, data)) for block, data in answers)


def _likely(profile: ModbusProfile, readings: Mapping[str, Reading]) -> int:
    likely = 0
    for name, (value, quality) in readings.items():
        if profile.points[name].attributes.kind.words < 2 or not isinstance(value, int) or not value:
            continue
        most = GREATEST / power_of_ten(profile.points[name].properties.scale)
        likely += 1 if quality != messages.IMPLAUSIBLE and abs(value) < most else -1
    return likely
