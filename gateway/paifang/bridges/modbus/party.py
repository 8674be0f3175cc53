"""The Modbus devices of one bus as its party."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

from paifang.bridges.modbus.line import RtuLine, timing
from paifang.bridges.modbus.member import ModbusMember
from paifang.bridges.modbus.poller import Poller
from paifang.bridges.modbus.sunspec_member import SunspecMember
from paifang.bridges.modbus.tcp_line import TcpLine
from paifang.bridges.party import Party

if TYPE_CHECKING:
    from paifang.bridges.party import Member
    from paifang.bridges.plan import Planned, PlannedBus
    from paifang.bridges.timing import Timing
    from paifang.ports import Format
    from paifang.profiles.model import ModbusProfile

NETWORK_PAUSE_US = 100_000
"""How long a serial server may hold back the rest of a frame."""


def party(bus: PlannedBus, now_us: int) -> tuple[Party, dict[str, Member]]:
    """The party, still empty, and who may be in it by name."""
    line = line_of(bus.format, is_serial_line=bus.is_serial_line, is_remote=bus.settings.serial is None)
    poller = Poller(line, now_us)
    timing_ = line.timing if isinstance(line, RtuLine) else None
    members = {device.name: _member(device, timing_, now_us) for device in bus.devices}
    return Party(poller, poller, line.faults), members


def line_of(how: Format, *, is_serial_line: bool, is_remote: bool) -> RtuLine | TcpLine:
    """What tells answers from one another: on a serial line, also behind a server on the network, or of Modbus TCP."""
    if not is_serial_line:
        return TcpLine()
    found = timing(how.baud, how.bits)
    return RtuLine(dataclasses.replace(found, pause_us=NETWORK_PAUSE_US) if is_remote else found)


def _member(device: Planned, timing: Timing | None, now_us: int) -> Member:
    profile = cast("ModbusProfile", device.profile)
    kind = ModbusMember if profile.modbus.sunspec_model is None else SunspecMember
    return kind(profile, int(device.address), timing, now_us)
