"""Who is asked next on a line: orders before polls, the longest overdue first, and the dead for a small share only.

Sans-IO: `step` says what to send, or until when there is nothing to do; `receive` takes what was heard; `take_events`
gives what came of it. One poller has one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from paifang.bridges.asking import D, Outcome, Q
from paifang.bridges.unit import B, Patience
from paifang.bridges.writes import OpenOrder, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from paifang.bridges.asking import Address, Fault, Line
    from paifang.bridges.unit import Unit
    from paifang.bridges.writes import Order

DEAD_SHARE = 20
"""Of this much time of the line, one part is for units that do not answer: 5 %."""


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to send before then, unless something is heard or ordered; None: not at all."""

    until_us: int | None


@dataclass(frozen=True, slots=True)
class Read(Generic[B, D]):
    """A unit's answer: the values of a block, as they came."""

    unit: Address
    block: B
    data: D
    asked_us: int
    ended_us: int


@dataclass(frozen=True, slots=True)
class Refused(Generic[B]):
    """A unit said no to a block; what it refuses for good is parted, see `layout`."""

    unit: Address
    block: B
    exception: int


@dataclass(frozen=True, slots=True)
class Missed(Generic[B]):
    """A unit gave no answer that could be taken. `is_down`: it is now taken to be gone."""

    unit: Address
    block: B
    fault: Fault
    asked_us: int
    ended_us: int
    is_down: bool


@dataclass(frozen=True, slots=True)
class CameUp:
    """A unit that was down has answered."""

    unit: Address
    at_us: int


@dataclass(frozen=True, slots=True)
class Manner(Generic[Q, B]):
    """How a protocol asks for a block, and which exceptions mean that the unit will not give it (`final`), and that
    there was no unit to ask (`unreached`).
    """

    ask: Callable[[Address, B], Q]
    final: Container[int]
    unreached: Container[int] = ()


@dataclass(slots=True)
class _Turn(Generic[Q, B, D]):
    """Who has the line. `then`: with what the conversation goes on."""

    of: tuple[Unit[B], B] | OpenOrder[Q, D]
    patience: Patience
    asked_us: int
    then: Q | None = None


class Poller(Generic[Q, B, D]):
    """The units of one line and the orders for them."""

    def __init__(self, line: Line[Q, D], manner: Manner[Q, B], now_us: int = 0) -> None:
        self.line = line
        self.units: dict[Address, Unit[B]] = {}
        self._manner = manner
        self._orders: list[OpenOrder[Q, D]] = []
        self._turn: _Turn[Q, B, D] | None = None
        self._events: list[Read[B, D] | Refused[B] | Missed[B] | CameUp | Written[Q, D]] = []
        self._spare_us = self._spare_most_us = 0
        self._counted_us = now_us

    def add(self, unit: Unit[B]) -> None:
        """A unit that is polled from now on."""
        self.units[unit.address] = unit
        self._set_spare_most()

    def remove(self, address: Address) -> None:
        self.units.pop(address, None)
        self._set_spare_most()

    def order(self, order: Order[Q]) -> None:
        """A write: it goes before all polls, after the orders that were there before it."""
        self._orders.append(OpenOrder(order))

    def take_events(self) -> list[Read[B, D] | Refused[B] | Missed[B] | CameUp | Written[Q, D]]:
        """What has happened since the last time."""
        events, self._events = self._events, []
        return events

    def receive(self, data: bytes, now_us: int) -> None:
        self._ended(self.line.receive(data, now_us))

    def abandon(self, now_us: int) -> None:
        """The line is gone: what was asked is not answered, and orders that were not sent are not kept for later."""
        self._give_up(self._orders)
        outcome = self.line.abandon(now_us)
        if outcome is None and self._turn is not None and self._turn.then is not None:
            self._ended(Outcome(self._turn.then, None, now_us, now_us, "silent"))
        self._ended(outcome)

    def step(self, now_us: int) -> Send | Wait:
        """What to do now."""
        self._ended(self.line.tick(now_us))
        if self.line.is_open:
            return Wait(self.line.wake_us)
        if self.line.quiet_us > now_us:
            return Wait(self.line.quiet_us)
        self._count_time(now_us)
        if self._turn is not None:
            return self._go_on(self._turn, now_us)
        self._expire(now_us)
        return self._step_orders(now_us) or self._step_units(now_us)

    def _go_on(self, turn: _Turn[Q, B, D], now_us: int) -> Send | Wait:
        """The next question of a conversation, which nothing comes between."""
        assert turn.then is not None
        free_us = self.line.free_us(turn.then, now_us)
        if free_us > now_us:
            return Wait(free_us)
        question, turn.then = turn.then, None
        return Send(self.line.ask(question, now_us, turn.patience.timeout_us, turn.patience.rest_us))

    def _step_orders(self, now_us: int) -> Send | Wait | None:
        """The next question of an order; polls wait when there is one."""
        for opened in self._first_orders():
            if opened.due_us <= now_us:
                free_us = self.line.free_us(opened.next, now_us)
                if free_us > now_us:
                    return Wait(free_us)
                patience = Patience(opened.order.timeout_us, opened.order.rest_us)
                self._turn = _Turn(opened, patience, now_us, opened.next)
                return self._go_on(self._turn, now_us)
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
                question = self._manner.ask(unit.address, block)
                free_us = self.line.free_us(question, now_us)
                if free_us <= now_us:
                    self._turn = _Turn((unit, block), unit.patience, now_us, question)
                    return self._go_on(self._turn, now_us)
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

    def _first_orders(self) -> Iterator[OpenOrder[Q, D]]:
        """The oldest order of each unit: the next one waits until that has been read back."""
        seen: set[Address] = set()
        for opened in self._orders:
            if opened.order.write.unit not in seen:
                seen.add(opened.order.write.unit)
                yield opened

    def _expire(self, now_us: int) -> None:
        self._give_up(each for each in self._orders if each.order.expires_us <= now_us)

    def _give_up(self, orders: Iterable[OpenOrder[Q, D]]) -> None:
        """Those that have not been sent; one that is on the line is."""
        on_the_line = self._turn.of if self._turn is not None else None
        for opened in [each for each in orders if not each.is_sent and each is not on_the_line]:
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

    def _ended(self, outcome: Outcome[Q, D] | None) -> None:
        turn = self._turn
        if outcome is None or turn is None:
            return
        turn.then = outcome.then
        if turn.then is not None:
            return
        self._turn = None
        if isinstance(turn.of, OpenOrder):
            written = turn.of.ended(outcome)
            if written is not None:
                self._orders.remove(turn.of)
                self._events.append(written)
        else:
            self._ended_poll(*turn.of, outcome, turn.asked_us)

    def _ended_poll(self, unit: Unit[B], block: B, outcome: Outcome[Q, D], asked_us: int) -> None:
        answer, now_us = outcome.answer, outcome.ended_us
        if answer is None or answer.exception in self._manner.unreached:
            self._spare_us = max(self._spare_us - (now_us - asked_us), -self._spare_most_us)
            is_down = unit.missed(block, now_us)
            self._events.append(Missed(unit.address, block, outcome.fault or "silent", asked_us, now_us, is_down))
            return
        if unit.answered(block, now_us):
            self._events.append(CameUp(unit.address, now_us))
        if answer.exception:
            if answer.exception in self._manner.final:
                unit.refused(block, answer.exception, now_us)
            self._events.append(Refused(unit.address, block, answer.exception))
            return
        unit.layout.answered(block)
        self._events.append(Read(unit.address, block, answer.data, asked_us, now_us))


def _due(unit: Unit[B]) -> int:
    return unit.due_us
