"""A write: sent once and before its time is over, then read back, whatever was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal

from paifang.bridges.asking import D, Q

if TYPE_CHECKING:
    from paifang.bridges.asking import Outcome

READ_BACKS = 3
"""So often it is tried to read back, when nobody answers."""


@dataclass(frozen=True, slots=True)
class Order(Generic[Q]):
    """What is to be written, and the read that shows it. `settle_us`: from the write until the device shows it."""

    key: str
    write: Q
    read_back: Q | None
    expires_us: int
    timeout_us: int
    settle_us: int = 0
    rest_us: int = 0


@dataclass(frozen=True, slots=True)
class Written(Generic[Q, D]):
    """How an order ended.

    expired: it was never sent. refused: with the device's `exception`. done: the device has answered, or the read-back
    answers for it; `read_back` is what it gave as it came, None when nobody answered. unknown: neither was answered,
    and it may have been done.
    """

    order: Order[Q]
    verdict: Literal["expired", "refused", "done", "unknown"]
    exception: int = 0
    read_back: D | None = None


class OpenOrder(Generic[Q, D]):
    """An order on its way. `next` is what to ask now, from `due_us` on."""

    def __init__(self, order: Order[Q]) -> None:
        self.order = order
        self.next = order.write
        self.due_us = 0
        self._acknowledged = False
        self._tries = READ_BACKS

    @property
    def is_sent(self) -> bool:
        return self.next != self.order.write

    def ended(self, outcome: Outcome[Q, D]) -> Written[Q, D] | None:
        """Goes on after a question of this order has ended; how the order ended, if it did."""
        return self._after_read(outcome) if self.is_sent else self._after_write(outcome)

    def _after_write(self, outcome: Outcome[Q, D]) -> Written[Q, D] | None:
        if outcome.answer is not None and outcome.answer.exception:
            return Written(self.order, "refused", outcome.answer.exception)
        self._acknowledged = outcome.answer is not None
        if self.order.read_back is None:
            return Written(self.order, "done" if self._acknowledged else "unknown")
        self.next, self.due_us = self.order.read_back, outcome.ended_us + self.order.settle_us
        return None

    def _after_read(self, outcome: Outcome[Q, D]) -> Written[Q, D] | None:
        if outcome.answer is not None and not outcome.answer.exception:
            return Written(self.order, "done", read_back=outcome.answer.data)
        self._tries -= 1
        if self._tries and outcome.answer is None:
            return None
        return Written(self.order, "done" if self._acknowledged else "unknown")
