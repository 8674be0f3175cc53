"""Which units there are on a Modbus line: each is asked for one register, and whatever it answers, it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.poller import MANNER
from paifang.bridges.poller import Send, Wait

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paifang.bridges.asking import Line, Outcome
    from paifang.bridges.modbus.frames import Request

TABLE = "holding"


class UnitSearch:
    """With the interface of a poller; its events are the units that answer. `timeout_us`: how long each may think."""

    def __init__(self, line: Line[Request, bytes], units: Iterable[int], timeout_us: int) -> None:
        self._line = line
        self._left = list(units)
        self._timeout_us = timeout_us
        self._found: list[int] = []

    @property
    def is_over(self) -> bool:
        return not self._left and not self._line.is_open

    def step(self, now_us: int) -> Send | Wait:
        self._ended(self._line.tick(now_us))
        if self._line.is_open:
            return Wait(self._line.wake_us)
        if not self._left:
            return Wait(None)
        request = frames.read(self._left[0], TABLE, 0, 1)
        free_us = max(self._line.quiet_us, self._line.free_us(request, now_us))
        if free_us > now_us:
            return Wait(free_us)
        del self._left[0]
        return Send(self._line.ask(request, now_us, self._timeout_us))

    def receive(self, data: bytes, now_us: int) -> None:
        self._ended(self._line.receive(data, now_us))

    def abandon(self, now_us: int) -> None:
        self._ended(self._line.abandon(now_us))

    def take_events(self) -> list[int]:
        found, self._found = self._found, []
        return found

    def _ended(self, outcome: Outcome[Request, bytes] | None) -> None:
        answer = None if outcome is None else outcome.answer
        if outcome is not None and answer is not None and answer.exception not in MANNER.unreached:
            self._found.append(outcome.request.unit)
