"""A device with everything around it: its reports, its orders and receipts. To the command path it is a target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from paifang.bridges.errors import FrameError
from paifang.bridges.meter import Wish
from paifang.bridges.ward.description import Description
from paifang.bridges.ward.device import US_OF_MS, WardDevice
from paifang.bridges.ward.executor import Executor
from paifang.bridges.ward.recorder import Recorder
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paifang.bridges.party import Ordered
    from paifang.bridges.plan import Planned
    from paifang.store import Store
    from paifang.store.points import Point, PointTable


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic()` in seconds, `utc_ms()` None while there is no date, `random(n)` n bytes, `wall()` local time."""

    monotonic: Callable[[], float]
    utc_ms: Callable[[], int | None]
    random: Callable[[int], bytes]
    wall: Callable[[], datetime] = datetime.now

    def now_us(self) -> int:
        return round(self.monotonic() * 1e6)


class Bridged:
    """`order(wish)` hands an order to the bus. `answer(name, receipt, payload)` gets the receipts."""

    def __init__(
        self,
        planned: Planned,
        store: Store,
        clock: Clock,
        order: Callable[[str, Wish], object],
        answer: Callable[[str, list[Any], bytes], object],
    ) -> None:
        self.planned = planned
        self.node = planned.name
        self._clock = clock
        self._order = order
        self._started_us = clock.now_us()
        described = Description.of(planned.profile)
        recorder = Recorder(store, self.node, described, planned.profile.name, self.uptime_ms, clock.utc_ms)
        self.device = WardDevice(self.node, planned.profile, described, recorder, self._started_us)
        self.table: PointTable | None = described.table
        self.description, self.rows, self.safe = described.hash, described.table.rows, described.safe
        self.boot = recorder.boot.boot
        two_persons = frozenset(described.table.by_name[name].number for name in planned.settings.two_persons)
        self.executor = Executor(
            self, two_persons, lambda receipt, payload: answer(self.node, receipt, payload), clock.random
        )

    @property
    def session(self) -> object:
        """One life is one session: what was ordered in another one is asked for."""
        return self.boot

    def two_persons(self, point: Point) -> bool:
        return point.number in self.executor.two_persons

    def uptime_ms(self) -> int:
        return (self._clock.now_us() - self._started_us) // US_OF_MS

    def values(self) -> dict[int, int]:
        return self.device.values(self._clock.now_us())

    def send(self, message: Sequence[Any]) -> None:
        """A command, or a recall; nothing else goes to a device."""
        if message[0] in (messages.COMMAND, messages.RECALL):
            self.executor.take(message)

    def order(self, key: str, point: str, value: int, uptime_ms: int) -> None:
        """For the executor: have the point set before `uptime_ms`. Raises ValueError."""
        expires_us = self._started_us + uptime_ms * US_OF_MS
        left = timedelta(microseconds=max(expires_us - self._clock.now_us(), 0))
        try:
            self._order(self.node, Wish(point, value, key, expires_us, self._clock.wall() + left))
        except FrameError as error:
            raise ValueError(error.message) from error

    def fault(self, point: int, detail: str) -> None:
        self.device.recorder.event(messages.EV_OUTPUT_FAULT, point, detail)

    def ordered(self, ordered: Ordered, point: str | None) -> None:
        """An order has ended: what was read back is a reading like any other."""
        if point is not None and ordered.value is not None:
            self.device.take({point: (ordered.value, messages.GOOD)}, self._clock.now_us())
        self.executor.ended(ordered)

    def row(self) -> Mapping[str, Any]:
        """How it stands, for people and scripts."""
        device, standing = self.device, self.device.standing
        return {
            "device": self.node,
            "profile": self.planned.profile.name,
            "address": self.planned.address,
            "locked": device.is_locked,
            "state": standing.state,
            "why": standing.why,
            "for_ms": self.uptime_ms() - standing.since_ms,
            "points": len(self.rows),
            "current": len(self.values()),
            "texts": dict(device.texts),
            "refused": dict(device.refused),
        }
