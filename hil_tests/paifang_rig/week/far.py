"""A far side in memory, of changing temper, and the connector to it; it looks at order and time of what it is given."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paifang.north.connector import REFUSED, unreachable
from paifang_rig.week.ledger import Numbers
from paifang_rig.week.life import MADE

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from paifang.north.record import Record

LOSES_CHANCE = 0.3
REFUSES_EACH = 17
"""Of the numbers of a node, one in so many is refused while it refuses."""
ANSWER_S = (0.02, 0.2)
SLOW_S = (1.0, 7.0)
DELIVER_LIMIT_S = 5.0
BATCH_RECORDS = 200


@dataclass
class FarFigures:
    opened: int = 0
    arrived: int = 0
    again: int = 0
    confirmed: int = 0
    late: int = 0


@dataclass
class FarSide:
    """`is_down`: nobody answers. `loses`: connections break in the middle of a batch. `is_slow`: some answers come too
    late. `is_silent`: takes all and never says so. `refuses`: some records, for good.
    """

    name: str
    chance: random.Random
    is_down: bool = False
    loses: bool = False
    is_slow: bool = False
    is_silent: bool = False
    refuses: bool = False
    has: Numbers = field(default_factory=Numbers)
    refused: Numbers = field(default_factory=Numbers)
    figures: FarFigures = field(default_factory=FarFigures)
    problems: list[str] = field(default_factory=list[str])
    tops: list[int] = field(default_factory=lambda: [0, 0])
    """The last seq confirmed of each of the two streams, live and backlog, in this life of the gateway."""

    def new_life(self) -> None:
        """Another gateway: it may send again what it had no time to write down."""
        self.tops = [0, 0]

    def take(self, records: Sequence[Record]) -> None:
        """Records arrive."""
        for record in records:
            self.figures.arrived += 1
            if not self.has.add(record.node, record.boot, record.number):
                self.figures.again += 1
            self._check_time(record)

    def answer(self, records: Sequence[Record]) -> dict[int, str]:
        """Confirm, or refuse some."""
        refused = {place: REFUSED for place, record in enumerate(records) if self._refuses(record)}
        for place in refused:
            record = records[place]
            self.refused.add(record.node, record.boot, record.number)
        self.figures.confirmed += len(records) - len(refused)
        self._check_order(records)
        return refused

    def _refuses(self, record: Record) -> bool:
        return self.refuses and record.number % REFUSES_EACH == 0

    def _check_time(self, record: Record) -> None:
        made_ms = next((value.wire for value in record.values if value.point.number == MADE), None)
        if made_ms is not None and made_ms >= 0 and record.utc_ms != made_ms:
            self.problems.append(f"sink {self.name}: {record.id} was made at {made_ms} and is told of {record.utc_ms}")

    def _check_order(self, records: Sequence[Record]) -> None:
        """Each batch goes on where one of the two streams was: it begins behind all that this stream has confirmed."""
        seqs = [record.seq for record in records]
        behind = [place for place in (0, 1) if self.tops[place] < seqs[0]]
        if not behind or seqs != sorted(set(seqs)):
            self.problems.append(f"sink {self.name}: {records[0].id} (seq {seqs[0]}) is out of order: {self.tops}")
            return
        self.tops[max(behind, key=lambda place: self.tops[place])] = seqs[-1]


class FarConnector:
    """One connection to a FarSide."""

    batch_records = BATCH_RECORDS
    deliver_limit_s = DELIVER_LIMIT_S

    def __init__(self, far: FarSide) -> None:
        self._far = far

    async def open(self) -> None:
        far = self._far
        await asyncio.sleep(far.chance.uniform(*ANSWER_S))
        if far.is_down:
            raise unreachable(far.name, "nobody listens")
        far.figures.opened += 1

    async def deliver(self, records: Sequence[Record]) -> Mapping[int, str]:
        far, chance = self._far, self._far.chance
        await asyncio.sleep(chance.uniform(*ANSWER_S))
        if far.is_down:
            raise unreachable(far.name, "the connection was lost")
        if far.loses and chance.random() < LOSES_CHANCE:
            far.take(records[: chance.randrange(len(records) + 1)])
            raise unreachable(far.name, "the connection was lost on the way")
        far.take(records)
        if far.is_silent:
            await asyncio.sleep(2 * DELIVER_LIMIT_S)
        if far.is_slow:
            late_s = chance.uniform(*SLOW_S)
            far.figures.late += late_s > DELIVER_LIMIT_S
            await asyncio.sleep(late_s)
        return far.answer(records)

    async def close(self) -> None:
        pass
