"""The devices of one line by their names: what a poller finds becomes readings, what is ordered becomes its writes.

Sans-IO, and the same for every protocol: a `Member` says how one device is read and set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from paifang.bridges.errors import FrameError
from paifang.bridges.poller import CameUp, Read, Refused
from paifang.bridges.writes import Written

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence

    from paifang.bridges.asking import Address, Fault
    from paifang.bridges.meter import Wish
    from paifang.bridges.poller import Missed, Poller, Send, Wait
    from paifang.bridges.unit import Unit
    from paifang.bridges.writes import Order
    from paifang.profiles.conversion import Reading


class Engine(Protocol):
    """What drives a line: a poller, or a listener. Times in microseconds of a clock that only goes forward."""

    def step(self, now_us: int) -> Send | Wait: ...
    def receive(self, data: bytes, now_us: int) -> None: ...
    def abandon(self, now_us: int) -> None: ...
    def take_events(self) -> Sequence[Any]: ...


Verdict = Literal["expired", "refused", "done", "unknown"]
WHY = {
    "silent": "it does not answer",
    "garbled": "its answers come garbled",
    "cut": "its answers come cut short",
    "other_unit": "another device answers in its place",
}
"""Fault of a poller -> why a device is down."""


class Member(Protocol):
    """One device on a line. A block is what one question asks for."""

    @property
    def address(self) -> Address: ...

    @property
    def unit(self) -> Unit[Any] | None:
        """What is polled of it; None: it sends by itself."""
        ...

    def readings(self, block: Any, data: Any) -> Mapping[str, Reading]:
        """What the answer to a block says. Raises FrameError for what says nothing."""
        ...

    def denied(self, block: Any) -> Iterable[str]:
        """Points of a block that was refused which the device does not give at all."""
        ...

    def order(self, wish: Wish) -> Order[Any]:
        """The order that sets a point. Raises ValueError when the device has no way to say this value."""
        ...

    def read_back(self, point: str, data: Any) -> Reading:
        """What the read that follows an order says of its point."""
        ...

    def refusal(self, exception: int, /) -> str:
        """A code of the device's refusal in words."""
        ...


@dataclass(frozen=True, slots=True)
class Readings:
    device: str
    readings: Mapping[str, Reading]
    at_us: int


@dataclass(frozen=True, slots=True)
class Denied:
    """The device does not want to give these points."""

    device: str
    points: tuple[str, ...]
    why: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A device has come up, or gone down and why."""

    device: str
    is_up: bool
    why: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Ordered:
    """How an order ended, see `writes.Written`; `value` is the point's as it was read back."""

    device: str
    key: str
    verdict: Verdict
    value: int | None = None
    why: str = ""
    exception: int = 0


Heard = Readings | Denied | Standing | Ordered


class Party:
    """What drives a line, and the members on it; `poller` is None where nothing is asked. `faults` of the line.

    `add` and `remove` take a device up and leave it alone.
    """

    def __init__(self, engine: Engine, poller: Poller[Any, Any, Any] | None, faults: Counter[Fault]) -> None:
        self.faults = faults
        self.members: dict[str, Member] = {}
        self._engine = engine
        self._poller = poller
        self._names: dict[Address, str] = {}
        self._orders: dict[str, tuple[str, str]] = {}
        self.step, self.receive, self.abandon = engine.step, engine.receive, engine.abandon

    def add(self, name: str, member: Member) -> None:
        self.members[name] = member
        self._names[member.address] = name
        if self._poller is not None and member.unit is not None:
            self._poller.add(member.unit)

    def remove(self, name: str) -> None:
        member = self.members.pop(name, None)
        if member is not None:
            del self._names[member.address]
            if self._poller is not None:
                self._poller.remove(member.address)

    def order(self, device: str, wish: Wish) -> None:
        """Have a point set before anything else is asked. Raises ValueError as `Member.order`."""
        if self._poller is None:
            raise ValueError("nothing goes to a device that only sends")
        order = self.members[device].order(wish)
        self._orders[wish.key] = device, wish.point
        self._poller.order(order)

    def take_events(self, now_us: int) -> list[Heard]:
        """What has come of it since the last time."""
        return [heard for event in self._engine.take_events() if (heard := self._heard(event, now_us)) is not None]

    def _heard(self, event: Any, now_us: int) -> Heard | None:
        kind = cast("type[Any]", type(event))
        if kind is Written:
            return self._ordered(event)
        name = self._names.get(event.unit)
        if name is None:  # it was removed while it was being asked
            return None
        if kind is Read:
            return self._read(name, event, now_us)
        if kind is Refused:
            member = self.members[name]
            points = tuple(member.denied(event.block))
            return Denied(name, points, f"refused: {member.refusal(event.exception)}", now_us) if points else None
        if kind is CameUp:
            return Standing(name, True, "", event.at_us)
        missed: Missed[Any] = event
        return Standing(name, False, WHY.get(missed.fault, missed.fault), now_us) if missed.is_down else None

    def _read(self, name: str, read: Read[Any, Any], now_us: int) -> Heard:
        member = self.members[name]
        try:
            return Readings(name, member.readings(read.block, read.data), read.ended_us)
        except FrameError as error:
            return Denied(name, tuple(member.denied(read.block)), error.message, now_us)

    def _ordered(self, written: Written[Any, Any]) -> Heard:
        key = written.order.key
        device, point = self._orders.pop(key)
        member = self.members.get(device)
        if member is None:
            return Ordered(device, key, written.verdict)
        value = None
        if written.read_back is not None:
            found = member.read_back(point, written.read_back)[0]
            value = found if isinstance(found, int) else None
        why = member.refusal(written.exception) if written.exception else ""
        return Ordered(device, key, written.verdict, value, why, written.exception)
