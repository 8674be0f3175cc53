"""A SunSpec device on its line: its chain of models is walked first, and then it is read where its model lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.modbus.member import US_OF_MS, ModbusMember
from paifang.bridges.modbus.planner import Block, Span
from paifang.bridges.modbus.sunspec import walk
from paifang.bridges.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from paifang.bridges.meter import Wish
    from paifang.bridges.modbus.frames import Request
    from paifang.bridges.modbus.sunspec import Ask, Model
    from paifang.bridges.timing import Timing
    from paifang.bridges.writes import Order
    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import ModbusProfile

WALK = "sunspec"
STEP_US = 300 * US_OF_MS
"""Between two questions of a walk."""
AGAIN_US = 60_000_000
"""Between two walks, while the model is not found."""


class Chain:
    """The layout of the device: questions of the walk until the model is found, and then those of `found(base)`."""

    def __init__(self, model: int, found: Callable[[int], ModbusMember]) -> None:
        self.member: ModbusMember | None = None
        self._model = model
        self._make = found
        self._rests_until_us = 0
        self._begin()

    def look(self, turn: int) -> Sequence[Block]:
        return (self._block,) if self.member is None else self.member.unit.layout.look(turn)

    def blocks(self, groups: Iterable[str], now_us: int) -> Sequence[Block]:
        if self.member is not None:
            return self.member.unit.layout.blocks([group for group in groups if group != WALK], now_us)
        if self._ended:
            self._ended, self._rests_until_us = False, now_us + AGAIN_US
        return (self._block,) if now_us >= self._rests_until_us else ()

    def answered(self, block: Block) -> None:
        if self.member is not None:
            self.member.unit.layout.answered(block)

    def refused(self, block: Block, code: int, now_us: int) -> Iterable[Block]:
        if self.member is not None:
            return self.member.unit.layout.refused(block, code, now_us)
        self.heard(None)
        return ()

    def heard(self, data: bytes | None) -> None:
        """What the device says to the question of the walk; None: it refused."""
        try:
            self._ask = self._walk.send(data)
        except StopIteration as end:
            models: list[Model] = end.value
            base = next((each.address for each in models if each.id == self._model), None)
            if base is None:
                self._begin()
                self._ended = True
            else:
                self.member = self._make(base)

    @property
    def _block(self) -> Block:
        first, end = self._ask.address, self._ask.address + self._ask.count
        return Block("holding", first, end, (Span("holding", first, end, WALK),))

    def _begin(self) -> None:
        self._ended = False
        self._walk: Generator[Ask, bytes | None, list[Model]] = walk()
        self._ask = next(self._walk)


class SunspecMember:
    def __init__(self, profile: ModbusProfile, address: int, timing: Timing | None, now_us: int) -> None:
        model = profile.modbus.sunspec_model
        assert model is not None
        self.address = address
        self._chain = Chain(model, lambda base: ModbusMember(profile, address, timing, now_us, base))
        plain = ModbusMember(profile, address, timing, now_us)
        intervals = {**plain.intervals_us, WALK: STEP_US}
        self.unit: Unit[Block] = Unit(address, self._chain, intervals, plain.unit.patience, now_us)
        self.refusal = plain.refusal

    def readings(self, block: Block, data: bytes) -> Mapping[str, Reading]:
        if self._chain.member is not None:
            return self._chain.member.readings(block, data)
        self._chain.heard(data)
        if self._chain.member is not None:
            self.unit.ask_all()
        return {}

    def denied(self, block: Block) -> Iterable[str]:
        return () if self._chain.member is None else self._chain.member.denied(block)

    def order(self, wish: Wish) -> Order[Request]:
        if self._chain.member is None:
            raise ValueError("the device's model has not been found yet")
        return self._chain.member.order(wish)

    def read_back(self, point: str, data: bytes) -> Reading:
        assert self._chain.member is not None
        return self._chain.member.read_back(point, data)
