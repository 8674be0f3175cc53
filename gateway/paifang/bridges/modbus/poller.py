"""Who is asked next on a bus: orders before polls, the longest overdue first, and the dead for a small share only.

Sans-IO: `step` says what to send, or until when there is nothing to do; `receive` takes what was heard; `take_events`
gives what came of it. One poller has one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.writes import OpenOrder, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paifang.bridges.modbus.asking import Fault, Line, Outcome
    from paifang.bridges.modbus.planner import Block
    from paifang.bridges.modbus.unit import Unit
    from paifang.bridges.modbus.writes import Order

DEAD_SHARE = 20
"""Of this much time of the bus, one part is for units that do not answer: 5 %."""
_REFUSALS = (frames.ILLEGAL_FUNCTION, frames.ILLEGAL_ADDRESS, frames.ILLEGAL_VALUE, frames.DEVICE_FAILURE)
_BEHIND_A_GATEWAY = (10, 11)
"""Exceptions of a gateway in the place of a unit that does not answer it."""


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to send before then, unless something is heard or ordered; None: not at all."""

    until_us: int | None


@dataclass(frozen=True, slots=True)
class Read:
    """A unit's answer: the values of a block, as they came."""

    unit: int
    block: Block
    data: bytes
    asked_us: int
    ended_us: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A unit said no to a block; what it refuses for good is parted, see `layout`."""

    unit: int
    block: Block
    exception: int


@dataclass(frozen=True, slots=True)
class Missed:
    """A unit gave no answer that could be taken. `is_down`: it is now taken to be gone."""

    unit: int
    block: Block
    fault: Fault
    asked_us: int
    ended_us: int
    is_down: bool


@dataclass(frozen=True, slots=True)
class CameUp:
    """A unit that was down has answered."""

    unit: int
    at_us: int


Event = Read | Refused | Missed | CameUp | Written


class Poller:
    """The units of one bus and the orders for them."""

    def __init__(self, line: Line, now_us: int = 0) -> None:
        self.line = line
        self.units: dict[int, Unit] = {}
        self._orders: list[OpenOrder] = []
        self._asked: tuple[Unit, Block] | OpenOrder | None = None
        self._events: list[Event] = []
        self._spare_us = self._spare_most_us = 0
        self._counted_us = now_us

    def add(self, unit: Unit) -> None:
        """A unit that is polled from now on."""
        self.units[unit.address] = unit
        self._set_spare_most()

    def remove(self, address: int) -> None:
        self.units.pop(address, None)
        self._set_spare_most()

    def order(self, order: Order) -> None:
        """A write: it goes before all polls, after the orders that were there before it."""
        self._orders.append(OpenOrder(order))

    def take_events(self) -> list[Event]:
        """What has happened since the last time."""
        events, self._events = self._events, []
        return events

    def receive(self, data: bytes, now_us: int) -> None:
        self._ended(self.line.receive(data, now_us))

    def abandon(self, now_us: int) -> None:
        """The line is gone: what was asked is not answered."""
        self._ended(self.line.abandon(now_us))

    def step(self, now_us: int) -> Send | Wait:
        """What to do now."""
        self._ended(self.line.tick(now_us))
        if self.line.is_open:
            return Wait(self.line.wake_us)
        if self.line.quiet_us > now_us:
            return Wait(self.line.quiet_us)
        self._count_time(now_us)
        self._expire(now_us)
        return self._step_orders(now_us) or self._step_units(now_us)

    def _step_orders(self, now_us: int) -> Send | Wait | None:
        """The next question of an order; polls wait when there is one."""
        for opened in self._first_orders():
            if opened.due_us <= now_us:
                free_us = self.line.free_us(opened.next, now_us)
                if free_us > now_us:
                    return Wait(free_us)
                order, self._asked = opened.order, opened
                return Send(self.line.ask(opened.next, now_us, order.timeout_us, order.rest_us))
        return None

    def _step_units(self, now_us: int) -> Send | Wait:
        """The next block of the unit that is longest overdue, or when there will be one."""
        wake_us = [opened.due_us for opened in self._first_orders()]
        looks_from_us = self._looks_from_us(now_us)
        for unit in sorted(self.units.values(), key=_due):
            ready_us = unit.due_us if unit.is_up else max(unit.due_us, looks_from_us)
            if ready_us > now_us:
                wake_us.append(ready_us)
                continue
            for block in list(unit.waiting(now_us)):
                request = frames.read(unit.address, block.table, block.first, block.count)
                free_us = self.line.free_us(request, now_us)
                if free_us <= now_us:
                    self._asked = unit, block
                    return Send(self.line.ask(request, now_us, unit.patience.timeout_us, unit.patience.rest_us))
                wake_us.append(free_us)
            if unit.due_us > now_us:
                wake_us.append(unit.due_us)
        return Wait(min(wake_us, default=None))

    def _looks_from_us(self, now_us: int) -> int:
        """When the dead have saved up enough for the next look at one of them; if nobody is up, always."""
        missing_us = self._spare_most_us - self._spare_us
        if missing_us <= 0 or not any(unit.is_up for unit in self.units.values()):
            return now_us
        return now_us + missing_us * DEAD_SHARE

    def _first_orders(self) -> Iterator[OpenOrder]:
        """The oldest order of each unit: the next one waits until that has been read back."""
        seen: set[int] = set()
        for opened in self._orders:
            if opened.order.write.unit not in seen:
                seen.add(opened.order.write.unit)
                yield opened

    def _expire(self, now_us: int) -> None:
        for opened in [each for each in self._orders if not each.is_sent and each.order.expires_us <= now_us]:
            self._orders.remove(opened)
            self._events.append(Written(opened.order, "expired"))

    def _set_spare_most(self) -> None:
        """More than for one look at the most patient unit is not saved up."""
        self._spare_most_us = max((unit.patience.timeout_us for unit in self.units.values()), default=0)
        self._spare_us = min(self._spare_us, self._spare_most_us)

    def _count_time(self, now_us: int) -> None:
        earned_us = (now_us - self._counted_us) // DEAD_SHARE
        self._counted_us += earned_us * DEAD_SHARE
        self._spare_us = min(self._spare_us + earned_us, self._spare_most_us)

    def _ended(self, outcome: Outcome | None) -> None:
        if outcome is None:
            return
        asked, self._asked = self._asked, None
        if isinstance(asked, OpenOrder):
            written = asked.ended(outcome)
            if written is not None:
                self._orders.remove(asked)
                self._events.append(written)
        elif asked is not None:
            self._ended_poll(*asked, outcome)

    def _ended_poll(self, unit: Unit, block: Block, outcome: Outcome) -> None:
        answer, now_us = outcome.answer, outcome.ended_us
        if answer is None or answer.exception in _BEHIND_A_GATEWAY:
            self._spare_us = max(self._spare_us - (now_us - outcome.asked_us), -self._spare_most_us)
            is_down = unit.missed(block, now_us)
            fault = outcome.fault or "silent"
            self._events.append(Missed(unit.address, block, fault, outcome.asked_us, now_us, is_down))
            return
        if unit.answered(block, now_us):
            self._events.append(CameUp(unit.address, now_us))
        if answer.exception:
            if answer.exception in _REFUSALS:
                unit.refused(block, answer.exception, now_us)
            self._events.append(Refused(unit.address, block, answer.exception))
            return
        unit.layout.answered(block)
        self._events.append(Read(unit.address, block, answer.data, outcome.asked_us, now_us))


def _due(unit: Unit) -> int:
    return unit.due_us
