"""One Modbus device as a member of its line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.layout import Layout
from paifang.bridges.modbus.planner import FEWEST, serial_cost, value_bytes
from paifang.bridges.modbus.points import Device
from paifang.bridges.unit import Patience, Unit
from paifang.bridges.writes import Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from paifang.bridges.meter import Wish
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
        self.address, self.base = address, base
        line = profile.line
        patience = Patience(line.timeout_ms * US_OF_MS, line.turnaround_ms * US_OF_MS)
        cost = FEWEST if timing is None else serial_cost(timing.character_us, 2 * timing.silence_us + patience.rest_us)
        self._layout = layout = Layout(self.device.spans(), self.device.limits(), cost)
        self.intervals_us = {group: interval_ms * US_OF_MS for group, interval_ms in profile.groups.items()}
        self._shown_by: dict[str, Block] = {}
        self.unit: Unit[Block] = Unit(address, layout, self.intervals_us, patience, now_us)

    def readings(self, block: Block, data: bytes) -> Mapping[str, Reading]:
        return self.device.readings(block, data)

    def denied(self, block: Block) -> Iterable[str]:
        """A block that was refused is parted until the culprit is alone."""
        return [span.key for span in block.spans if span in self._layout.refused_spans]

    def order(self, wish: Wish) -> Order[Request]:
        write = self.device.write(self.address, wish.point, wish.value)
        read_back = self._read_back(wish.point)
        patience = self.unit.patience
        return Order(wish.key, write, read_back, wish.expires_us, patience.timeout_us, rest_us=patience.rest_us)

    def read_back(self, point: str, data: bytes) -> Reading:
        return self.device.readings(self._shown_by[point], data)[point]

    def _read_back(self, point: str) -> Request:
        """The read that shows a point: alone, unless its answer would look like that to the block it is polled with."""
        request, block = self.device.read_back(self.address, point)
        polled = next((each for each in self._polled() if any(span.key == point for span in each.spans)), block)
        if value_bytes(polled.table, polled.count) == value_bytes(block.table, block.count):
            request, block = frames.read(self.address, polled.table, polled.first, polled.count), polled
        self._shown_by[point] = block
        return replace(request, fresh=True)

    def _polled(self) -> Sequence[Block]:
        return self.unit.layout.blocks(self.intervals_us, 0)

    def refusal(self, exception: int) -> str:
        return frames.refusal(exception)
