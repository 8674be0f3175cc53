"""A meter that pushes: nothing is asked, and silence means that it is gone.

Sans-IO, with the interface of a poller that never has anything to send.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

from paifang.bridges.errors import FrameError
from paifang.bridges.matching import Matcher
from paifang.bridges.meter import Item
from paifang.bridges.poller import CameUp, Missed, Read, Wait
from paifang.profiles.conversion import NO_SENSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from paifang.bridges.asking import Address, Fault
    from paifang.bridges.meter import Configured
    from paifang.bridges.stream import Splitter
    from paifang.bridges.values import Value
    from paifang.profiles.conversion import Reading

F = TypeVar("F")
D = TypeVar("D")

SILENT_INTERVALS = 3
"""So many pushes missed, and the meter is down."""


class PushingMeter(Generic[D]):
    """`values`: what was pushed, item by item."""

    def __init__(self, configured: Configured, values: Callable[[D], Iterable[Value]]) -> None:
        self.address = configured.address
        self.block = Item("push", tuple(configured.profile.points))
        self._matcher = Matcher(configured.profile)
        self._values = values

    def readings(self, block: Item, data: D) -> dict[str, Reading]:
        """Of the points that are in it: a meter does not push all it has each time."""
        try:
            return self._matcher.readings(self._values(data))
        except FrameError:
            return dict.fromkeys(block.points, NO_SENSE)


class Listener(Generic[F, D]):
    """One meter on one line. `join`: a frame to what was pushed, None while more of it has to come."""

    def __init__(
        self,
        unit: Address,
        block: Item,
        splitter: Splitter[F],
        join: Callable[[F], D | None],
        interval_us: int,
        now_us: int = 0,
    ) -> None:
        self.faults: Counter[Fault] = Counter()
        self.is_up = True
        self.since_us = now_us
        self._unit = unit
        self._block = block
        self._splitter = splitter
        self._join = join
        self._patience_us = SILENT_INTERVALS * interval_us
        self._heard_us = now_us
        self._events: list[Read[Item, D] | Missed[Item] | CameUp] = []

    def step(self, now_us: int) -> Wait:
        if self.is_up and now_us >= self._heard_us + self._patience_us:
            self.is_up, self.since_us = False, now_us
            self.faults["silent"] += 1
            self._events.append(Missed(self._unit, self._block, "silent", self._heard_us, now_us, is_down=True))
        return Wait(self._heard_us + self._patience_us if self.is_up else None)

    def receive(self, data: bytes, now_us: int) -> None:
        refused, skipped = self._splitter.refused.total(), self._splitter.skipped
        for frame in self._splitter.feed(data):
            self._take(frame, now_us)
        self.faults["garbled"] += self._splitter.refused.total() - refused
        self.faults["noise"] += self._splitter.refused.total() == refused and self._splitter.skipped > skipped

    def abandon(self, now_us: int) -> None:  # noqa: ARG002 - as of a poller
        """The line is gone: half a frame is nobody's."""
        self._splitter.reset()

    def take_events(self) -> list[Read[Item, D] | Missed[Item] | CameUp]:
        """What has happened since the last time."""
        events, self._events = self._events, []
        return events

    def _take(self, frame: F, now_us: int) -> None:
        try:
            pushed = self._join(frame)
        except FrameError:
            self.faults["garbled"] += 1
            return
        if pushed is None:
            return
        self._heard_us = now_us
        if not self.is_up:
            self.is_up, self.since_us = True, now_us
            self._events.append(CameUp(self._unit, now_us))
        self._events.append(Read(self._unit, self._block, pushed, now_us, now_us))
