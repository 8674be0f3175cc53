"""A device of a profile on the line: its spans to plan with, its answers as readings, its orders as requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.planner import Limits, Span, block_of
from paifang.profiles.modbus import BIT_TABLES
from paifang.profiles.registers import RegisterReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.bridges.modbus.frames import Request
    from paifang.bridges.modbus.planner import Block
    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import ModbusProfile

_Place = tuple[str, "Callable[[bytes, int], Reading]", int]
"""Point, how it is read, and where in an answer it begins: in bytes, of coils and inputs in bits."""


class Device:
    """The points of a profile. `base`: added to all addresses, where a SunSpec model begins."""

    def __init__(self, profile: ModbusProfile, base: int = 0) -> None:
        self._profile = profile
        self._base = base
        self._readers = {name: RegisterReader(point) for name, point in profile.points.items()}
        self._places: dict[Block, list[_Place]] = {}

    def spans(self) -> dict[str, list[Span]]:
        """What is to be read, by group."""
        found: dict[str, list[Span]] = {group: [] for group in self._profile.groups}
        for name, point in self._profile.points.items():
            first, end = point.attributes.span
            found[point.properties.group].append(
                Span(point.attributes.table, self._base + first, self._base + end, name)
            )
        return found

    def limits(self) -> Limits:
        """What the profile says that the device takes."""
        said = self._profile.modbus
        forbidden = [(each.table, self._base + each.first, self._base + each.last + 1) for each in said.forbidden]
        return Limits(said.max_registers, said.max_bits, said.gaps, [*forbidden])

    def readings(self, block: Block, data: bytes) -> dict[str, Reading]:
        """What the answer to a block says of each of its points."""
        places = self._places.get(block)
        if places is None:
            places = self._places[block] = [self._place(span, block) for span in block.spans]
        return {name: read(data, at) for name, read, at in places}

    def write(self, unit: int, name: str, value: int) -> Request:
        """The request that sets a point to an integer of it. Raises ValueError when registers cannot hold it."""
        reader, attributes = self._readers[name], self._profile.points[name].attributes
        place = attributes.address if attributes.write_address is None else attributes.write_address
        if attributes.table in BIT_TABLES:
            function = attributes.function or frames.WRITE_COIL
            return frames.write_coil(unit, self._base + place, reader.is_on(value), function)
        return frames.write_registers(unit, self._base + place, reader.write(value), attributes.function)

    def read_back(self, unit: int, name: str) -> tuple[Request, Block]:
        """The read that shows what a point is now, and the block to find it in the answer."""
        span = next(span for spans in self.spans().values() for span in spans if span.key == name)
        block = block_of([span])
        return frames.read(unit, block.table, block.first, block.count), block

    def _place(self, span: Span, block: Block) -> _Place:
        reader = self._readers[span.key]
        if block.table in BIT_TABLES:
            return span.key, _bit_reader(reader), span.first - block.first
        return span.key, reader.read, 2 * (span.first - block.first)


def _bit_reader(reader: RegisterReader) -> Callable[[bytes, int], Reading]:
    return lambda data, at: reader.read_bit(bool(data[at >> 3] >> (at & 7) & 1))
