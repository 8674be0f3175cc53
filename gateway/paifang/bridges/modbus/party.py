"""The Modbus devices of one bus as its party."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

from paifang.bridges.modbus.line import RtuLine, timing
from paifang.bridges.modbus.member import ModbusMember
from paifang.bridges.modbus.poller import Poller
from paifang.bridges.modbus.tcp_line import TcpLine
from paifang.bridges.party import Party

if TYPE_CHECKING:
    from paifang.bridges.party import Member
    from paifang.bridges.plan import Planned, PlannedBus
    from paifang.bridges.timing import Timing
    from paifang.profiles.model import ModbusProfile

NETWORK_PAUSE_US = 100_000
"""How long a serial server may hold back the rest of a frame."""


def party(bus: PlannedBus, now_us: int) -> tuple[Party, dict[str, Member]]:
    """The party, still empty, and who may be in it by name."""
    poller = Poller(RtuLine(_timing(bus)) if bus.is_serial_line else TcpLine(), now_us)
    return Party(poller, poller), {device.name: _member(bus, device, now_us) for device in bus.devices}


def _member(bus: PlannedBus, device: Planned, now_us: int) -> Member:
    profile = cast("ModbusProfile", device.profile)
    return ModbusMember(profile, int(device.address), _timing(bus) if bus.is_serial_line else None, now_us)


def _timing(bus: PlannedBus) -> Timing:
    found = timing(bus.format.baud, bus.format.bits)
    return found if bus.settings.serial is not None else dataclasses.replace(found, pause_us=NETWORK_PAUSE_US)
