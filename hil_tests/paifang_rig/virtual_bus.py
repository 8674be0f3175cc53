"""A serial bus on a virtual clock: every byte takes its time, units think, and what can go wrong does."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.line import RtuLine, Timing
from paifang.bridges.modbus.poller import Poller
from paifang.bridges.poller import Missed, Read, Send

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from paifang.bridges.asking import Fault
    from paifang.bridges.modbus.planner import Block

NEVER = 1 << 62
SECOND = 1_000_000
MINUTE = 60 * SECOND
PATTERN = 0b1111_1111_1100_0000
"""The bits of a word that say whose it is; the others change with every answer."""


def word_of(unit: int, table: str, address: int) -> int:
    return (unit & 0x7) << 13 | (table == "input") << 12 | (address & 0x3F) << 6


@dataclass
class VirtualUnit:
    """Answers as a device would. `holes`: addresses that it does not have."""

    address: int
    think_us: int = 5_000
    dead: bool = False
    mute_holes: bool = False
    holes: frozenset[int] = frozenset()
    registers_most: int = 125
    coils: dict[int, int] = field(default_factory=dict)
    asked: int = 0
    ticks: int = 0

    def answer(self, body: bytes) -> bytes:
        """The answer to a request without its checksum; b"": silence."""
        self.asked += 1
        function, first, number = body[1], int.from_bytes(body[2:4]), int.from_bytes(body[4:6])
        if self.dead:
            return b""
        if function in frames.WRITES:
            self.coils[first] = number
            return body[:6]
        if self.holes & set(range(first, first + number)):
            return b"" if self.mute_holes else bytes((body[0], function | 0x80, frames.ILLEGAL_ADDRESS))
        if number > self.registers_most:
            return bytes((body[0], function | 0x80, frames.ILLEGAL_VALUE))
        self.ticks += 1
        return bytes((body[0], function, *self._values(function, first, number)))

    def _values(self, function: int, first: int, number: int) -> bytes:
        if function in frames.BIT_FUNCTIONS:
            bits = sum(bool(self.coils.get(first + place)) << place for place in range(number))
            data = bits.to_bytes((number + 7) // 8, "little")
        else:
            words = (
                word_of(self.address, frames.TABLES[function], address) | self.ticks & ~PATTERN & 0xFFFF
                for address in range(first, first + number)
            )
            data = b"".join(word.to_bytes(2) for word in words)
        return bytes((len(data),)) + data


class VirtualLine:
    """Runs an engine against whoever is on its line, byte for byte.

    `answer(sent)` -> how long that one thinks, and what it says; None: silence. `spoil(answer, dice)` -> pieces with
    how much later they come, in the place of the answer.
    """

    def __init__(
        self,
        engine: Any,
        character_us: int,
        answer: Callable[[bytes], tuple[int, bytes] | None],
        spoil: Callable[[bytes, random.Random], list[tuple[int, bytes]]] | None = None,
        seed: int = 1,
    ) -> None:
        self.engine = engine
        self.character_us = character_us
        self.now_us = 0
        self.reads: list[Read] = []
        self.events: list[object] = []
        self.sent: list[tuple[int, bytes]] = []
        self.quiet_us: list[int] = []
        """How long the line had been silent before each request."""
        self.echoes = False
        self.spoil = spoil or (lambda data, _dice: [(0, data)])
        self._answer = answer
        self._dice = random.Random(seed)
        self._heap: list[tuple[int, int, bytes]] = []
        self._calls: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._last_us = -SECOND

    def at(self, when_us: int, call: Callable[[], None]) -> None:
        heapq.heappush(self._calls, (when_us, next(self._order), call))

    def hear(self, when_us: int, data: bytes) -> None:
        """Bytes that come of themselves."""
        heapq.heappush(self._heap, (when_us, next(self._order), data))

    def run(self, until_us: int) -> None:
        while self.now_us < until_us:
            while self._calls and self._calls[0][0] <= self.now_us:
                heapq.heappop(self._calls)[2]()
            step = self.engine.step(self.now_us)
            self._collect()
            if isinstance(step, Send):
                self._send(step.data)
                continue
            wake_us = NEVER if step.until_us is None else step.until_us
            assert wake_us > self.now_us, "a step that waits for the past would spin"
            arrives_us = self._heap[0][0] if self._heap else NEVER
            calls_us = self._calls[0][0] if self._calls else NEVER
            self.now_us = min(wake_us, arrives_us, calls_us, until_us)
            if self.now_us == arrives_us:
                self._last_us = self.now_us
                self.engine.receive(heapq.heappop(self._heap)[2], self.now_us)
                self._collect()

    def run_transactions(self, number: int) -> None:
        while len(self.sent) < number:
            self.run(self.now_us + MINUTE)

    def _send(self, data: bytes) -> None:
        self.sent.append((self.now_us, data))
        self.quiet_us.append(self.now_us - self._last_us)
        over_us = self.now_us + len(data) * self.character_us
        self._last_us = over_us
        if self.echoes:
            self.hear(over_us, data)
        answer = self._answer(data)
        if answer is None:
            return
        think_us, whole = answer
        for delay_us, piece in self.spoil(whole, self._dice):
            self.hear(over_us + think_us + delay_us + len(piece) * self.character_us, piece)

    def _collect(self) -> None:
        for event in self.engine.take_events():
            self.events.append(event)
            if isinstance(event, Read):
                self.reads.append(event)

    @property
    def missed(self) -> list[Missed]:
        return [event for event in self.events if isinstance(event, Missed)]


class VirtualBus(VirtualLine):
    """A bus of Modbus units."""

    def __init__(
        self,
        units: list[VirtualUnit],
        timing: Timing,
        spoil: Callable[[bytes, random.Random], list[tuple[int, bytes]]] | None = None,
        seed: int = 1,
    ) -> None:
        self.units = {unit.address: unit for unit in units}
        self.line = RtuLine(timing)
        self.poller = Poller(self.line)
        self._silence_us = timing.silence_us
        super().__init__(self.poller, timing.character_us, self._unit_answers, spoil, seed)

    def _unit_answers(self, data: bytes) -> tuple[int, bytes] | None:
        unit = self.units.get(data[0])
        answer = unit.answer(data[: -frames.CRC_LENGTH]) if unit else b""
        if unit is None or not answer:
            return None
        return self._silence_us + unit.think_us, answer + frames.checksum(answer)

    @property
    def faults(self) -> Counter[Fault]:
        return self.line.faults


def is_right(unit: int, block: Block, data: bytes) -> bool:
    """Whether these are the registers that were asked for."""
    return all(
        int.from_bytes(data[2 * place : 2 * place + 2]) & PATTERN == word_of(unit, block.table, block.first + place)
        for place in range(block.count)
    )


def byte_by_byte(character_us: int) -> Callable[[bytes, random.Random], list[tuple[int, bytes]]]:
    """Answers as they come over a line: to be given as `spoil`."""
    return lambda data, _dice: [(place * character_us, data[place : place + 1]) for place in range(len(data))]
