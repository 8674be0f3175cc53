"""One Modbus device as a member of its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.layout import Layout
from paifang.bridges.modbus.planner import FEWEST, serial_cost
from paifang.bridges.modbus.points import Device
from paifang.bridges.unit import Patience, Unit
from paifang.bridges.writes import Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paifang.bridges.modbus.frames import Request
    from paifang.bridges.modbus.line import Timing
    from paifang.bridges.modbus.planner import Block
    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import ModbusProfile

US_OF_MS = 1_000


class ModbusMember:
    """The device with unit id `address`. `timing` of its serial line, None on Modbus TCP; `base` as in `Device`."""

    def __init__(self, profile: ModbusProfile, address: int, timing: Timing | None, now_us: int, base: int = 0) -> None:
        self.device = Device(profile, base)
        self._address = address
        line = profile.line
        patience = Patience(line.timeout_ms * US_OF_MS, line.turnaround_ms * US_OF_MS)
        cost = FEWEST if timing is None else serial_cost(timing.character_us, 2 * timing.silence_us + patience.rest_us)
        layout = Layout(self.device.spans(), self.device.limits(), cost)
        intervals = {group: interval_ms * US_OF_MS for group, interval_ms in profile.groups.items()}
        self.unit: Unit[Block] = Unit(address, layout, intervals, patience, now_us)

    def readings(self, block: Block, data: bytes) -> Mapping[str, Reading]:
        return self.device.readings(block, data)

    def points_of(self, block: Block) -> Iterable[str]:
        return (span.key for span in block.spans)

    def order(self, key: str, point: str, value: int, expires_us: int) -> Order[Request]:
        write = self.device.write(self._address, point, value)
        read_back, _ = self.device.read_back(self._address, point)
        patience = self.unit.patience
        return Order(key, write, read_back, expires_us, patience.timeout_us, rest_us=patience.rest_us)

    def read_back(self, point: str, data: bytes) -> Reading:
        _, block = self.device.read_back(self._address, point)
        return self.device.readings(block, data)[point]

    def refusal(self, exception: int) -> str:
        return frames.refusal(exception)
