"""The one owner of a bus: opens what carries it, sends what its party wants sent, and hands on what was heard.

When the carrier is lost, every device on it is down until it has been opened again, which is tried for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol, cast

from paifang.bridges.party import Standing
from paifang.bridges.poller import Send

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Generator, Iterable, Mapping

    from paifang.bridges.asking import Fault
    from paifang.bridges.carriers import Carrier
    from paifang.bridges.meter import Wish
    from paifang.bridges.party import Heard, Member
    from paifang.bridges.poller import Wait

REOPEN_FIRST_S = 0.25
REOPEN_LONGEST_S = 10.0
NOT_OPENED = "not opened yet"
BROKE_OFF = "it broke off by a fault of the gateway, see its log"


_log = logging.getLogger(__name__)


class Talk(Protocol):
    """What goes over a bus, as `party.Party` has it. Times in microseconds."""

    faults: Counter[Fault]

    def add(self, name: str, member: Member) -> None: ...
    def remove(self, name: str) -> None: ...
    def order(self, device: str, wish: Wish) -> None: ...
    def step(self, now_us: int) -> Send | Wait: ...
    def receive(self, data: bytes, now_us: int) -> None: ...
    def abandon(self, now_us: int) -> None: ...
    def take_events(self, now_us: int) -> list[Heard]: ...


class AnyBus(Protocol):
    """A bus, or what stands in the place of one. `talk` takes members of its own kind."""

    place: str
    taps: set[Callable[[str, bytes], object]]

    @property
    def talk(self) -> Any: ...

    @property
    def problem(self) -> str:
        """Why it cannot be used, "" while it can."""
        ...

    @property
    def faults(self) -> Mapping[str, int]:
        """What went wrong on it, and how often."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """By device, what an earlier message must not come again by."""
        ...

    def start(self) -> None: ...
    async def stop(self) -> None: ...
    def wake(self) -> None: ...


class Bus:
    """`carrier(received, lost)` makes what carries it; `on_heard` gets everything that comes of it, in order.

    `problem` says why it is not open, "" while it is. `names` are the devices on it.
    """

    def __init__(
        self,
        place: str,
        talk: Talk,
        carrier: Callable[[Callable[[bytes], object], Callable[[str], object]], Carrier],
        on_heard: Callable[[Heard], object],
        names: Callable[[], Iterable[str]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place = place
        self.talk = talk
        self.problem = NOT_OPENED
        self.taps: set[Callable[[str, bytes], object]] = set()
        self.counters: Mapping[str, int] = {}
        self.sent_bytes = self.heard_bytes = 0
        self._carrier = carrier(self._received, self._lost)
        self._on_heard = on_heard
        self._names = names
        self._monotonic = monotonic
        self._gone = asyncio.Event()
        self._delay_s = REOPEN_FIRST_S
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep_open(), name=f"bus {self.place}")

    async def stop(self) -> None:
        """Close it for good."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._rest()
        self._carrier.close()

    @property
    def faults(self) -> Mapping[str, int]:
        return cast("Mapping[str, int]", self.talk.faults)

    def now_us(self) -> int:
        return round(self._monotonic() * 1e6)

    def wake(self) -> None:
        """Something is to be sent that was not before."""
        if not self.problem:
            asyncio.get_running_loop().call_soon(self._drive)

    async def _keep_open(self) -> None:
        while True:
            try:
                await self._carrier.open()
            except (OSError, ValueError) as error:
                self._is_closed(str(error))
            else:
                self._gone.clear()
                self.problem = ""
                _log.info("bridges: %s is open", self.place)
                self._drive()
                await self._gone.wait()
            await asyncio.sleep(self._delay_s)
            self._delay_s = min(2 * self._delay_s, REOPEN_LONGEST_S)

    def _received(self, data: bytes) -> None:
        self._delay_s = REOPEN_FIRST_S
        self.heard_bytes += len(data)
        self._tell("heard", data)
        with self._supervised():
            self.talk.receive(data, self.now_us())
        self._drive()

    def _lost(self, why: str) -> None:
        self._rest()
        self._is_closed(why)
        self.talk.abandon(self.now_us())
        self._hand_on()
        self._gone.set()

    def _is_closed(self, why: str) -> None:
        if why != self.problem:
            _log.warning("bridges: %s: %s; trying again", self.place, why)
        self.problem = why
        for name in list(self._names()):
            self._on_heard(Standing(name, False, f"{self.place}: {why}", self.now_us()))

    def _drive(self) -> None:
        self._rest()
        with self._supervised():
            while not self.problem:
                now_us = self.now_us()
                action = self.talk.step(now_us)
                if not isinstance(action, Send):
                    self._wait(action, now_us)
                    break
                self.sent_bytes += len(action.data)
                self._tell("sent", action.data)
                self._carrier.write(action.data)
            self._hand_on()

    @contextlib.contextmanager
    def _supervised(self) -> Generator[None]:
        """A fault in here is reported, and the bus begins anew: nobody else would wake it."""
        try:
            yield
        except Exception:  # noqa: BLE001 - the last resort of what runs unattended
            _log.exception("bridges: %s broke off", self.place)
            self._carrier.close()
            self._lost(BROKE_OFF)

    def _hand_on(self) -> None:
        for heard in self.talk.take_events(self.now_us()):
            self._on_heard(heard)

    def _wait(self, action: Wait, now_us: int) -> None:
        if action.until_us is not None:
            delay_s = max(action.until_us - now_us, 0) / 1e6
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._drive)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self, what: str, data: bytes) -> None:
        for tap in list(self.taps):
            tap(what, data)
