"""One device on a line: which of its groups are due, what is left to ask, and whether it is there at all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from paifang.bridges.asking import Address

B = TypeVar("B", bound="Hashable")

DOWN_AT = 6
MISS = 2
HIT = -1
"""A miss counts as much as two answers: silence three times running is down, and so is, in time, every second one."""
FIRST_BACKOFF_US = 1_000_000
LAST_BACKOFF_US = 60_000_000
"""Between two looks at a device that is down: doubled each time, and for ever."""
SILENT_BLOCK = 4
"""A block that is not answered so often, while others are, is one that the device does not have."""
RETRY_US = 600_000_000
"""After this time what was refused is asked for once more: devices get new firmware."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a unit may think, and what it needs to rest after an answer."""

    timeout_us: int = 1_000_000
    rest_us: int = 0


class Layout(Protocol[B]):
    """The blocks of a device: what is asked for with one question each."""

    def look(self, turn: int) -> Sequence[B]:
        """One block, or none, to see whether the device is there; another one each time."""
        ...

    def blocks(self, groups: Iterable[str], now_us: int) -> Sequence[B]:
        """What to ask for when these groups are due."""
        ...

    def answered(self, block: B) -> None:
        """The device gave all of it."""
        ...

    def refused(self, block: B, code: int, now_us: int) -> Iterable[B]:
        """The device did not want to give it, with a code, or answers to all but this (0): what to ask for instead."""
        ...


@dataclass(slots=True)
class _Silence:
    """How often a block was not answered, and how many answers there were when that began."""

    answers: int
    count: int = 0


class Unit(Generic[B]):
    """What is left to ask of one device. `intervals_us`: group -> interval."""

    def __init__(
        self, address: Address, layout: Layout[B], intervals_us: Mapping[str, int], patience: Patience, now_us: int
    ) -> None:
        self.address = address
        self.layout = layout
        self.patience = patience
        self.is_up = True
        self.since_us = now_us
        self._intervals_us = dict(intervals_us)
        self._due_us = dict.fromkeys(intervals_us, now_us)
        self._left: deque[B] = deque()
        self._asked_again: set[B] = set()
        self._missed: dict[B, _Silence] = {}
        self._score = 0
        self._answers = 0
        self._backoff_us = FIRST_BACKOFF_US
        self._looks = 0
        self.due_us = now_us
        """When there is something to ask again. While it is down: when to look at it."""

    def ask_all(self) -> None:
        """Everything is due at once."""
        self._due_us = dict.fromkeys(self._intervals_us, 0)
        self.due_us = 0

    def waiting(self, now_us: int) -> Iterable[B]:
        """Bs to ask for now, in their order; a unit that is down is asked for one value."""
        if not self.is_up:
            return self.layout.look(self._looks)
        if not self._left:
            self._begin(now_us)
        return self._left

    def answered(self, block: B, now_us: int) -> bool:
        """It gave a block, or refused it. Whether it has come up by that."""
        self._answers += 1
        self._missed.pop(block, None)
        self._score = max(self._score + HIT, 0)
        self._take_off(block)
        if self.is_up:
            return False
        self.is_up, self.since_us, self._backoff_us = True, now_us, FIRST_BACKOFF_US
        self._score = DOWN_AT + HIT
        self._due_us = dict.fromkeys(self._intervals_us, now_us)
        self.due_us = now_us
        return True

    def missed(self, block: B, now_us: int) -> bool:
        """It did not answer. Whether it is down by that."""
        if not self.is_up:
            self._back_off(now_us)
            return False
        if not self._is_to_blame(block):
            self._score += MISS
        self._ask_later(block, now_us)
        if self._score < DOWN_AT:
            self.due_us = max(self.due_us, now_us)
            return False
        self.is_up, self.since_us, self._looks = False, now_us, 0
        self._left.clear()
        self._back_off(now_us)
        return True

    def refused(self, block: B, code: int, now_us: int) -> None:
        """It does not want to give a block as a whole: its parts are asked for in the same round."""
        self._left.extend(self.layout.refused(block, code, now_us))

    def _begin(self, now_us: int) -> None:
        """A round of all groups that are due."""
        groups = [name for name, due_us in self._due_us.items() if due_us <= now_us]
        for name in groups:
            interval_us = self._intervals_us[name]
            self._due_us[name] += interval_us * (1 + (now_us - self._due_us[name]) // interval_us)
        self._left.extend(self.layout.blocks(groups, now_us))
        self._asked_again.clear()
        self._set_due()

    def _is_to_blame(self, block: B) -> bool:
        """Whether the unit has answered to others since this block was first missed."""
        return self._missed.setdefault(block, _Silence(self._answers)).answers < self._answers

    def _ask_later(self, block: B, now_us: int) -> None:
        """A block is asked for twice in a round. One that is never answered, while others are, is not there."""
        silence = self._missed[block]
        silence.count += 1
        if block in self._asked_again:
            self._take_off(block)
        elif block in self._left:
            self._asked_again.add(block)
            self._left.rotate(-1)
        if silence.count >= SILENT_BLOCK and self._is_to_blame(block):
            del self._missed[block]
            self._take_off(block)
            self.refused(block, 0, now_us)

    def _take_off(self, block: B) -> None:
        if block in self._left:
            self._left.remove(block)
        self._set_due()

    def _set_due(self) -> None:
        if not self._left:
            self.due_us = min(self._due_us.values(), default=self.due_us)

    def _back_off(self, now_us: int) -> None:
        self.due_us = now_us + self._backoff_us
        self._backoff_us = min(2 * self._backoff_us, LAST_BACKOFF_US)
        self._looks += 1
