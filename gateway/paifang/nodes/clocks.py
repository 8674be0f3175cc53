"""The clocks and the randomness of the gateway, in one place so that a test can pass its own."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang_wire.messages import TIME_GATEWAY, TIME_NONE

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_UTC_MS = 1_704_067_200_000
"""2024-01-01: a machine that says less has lost its clock."""


STEP_MS = 1_000
"""A date that is so much off what the monotonic clock says was set."""
WATCH_S = 1.0


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clocks:
    """`utc_ms()` as this machine believes it, `monotonic()` in seconds, `random(n)` n bytes."""

    utc_ms: Callable[[], int] = _utc_ms
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[int], bytes] = os.urandom

    def utc(self) -> tuple[int | None, int]:
        """(UTC in ms, its quality) to tell a node; (None, TIME_NONE) while this machine has no date."""
        now_ms = self.utc_ms()
        return (now_ms, TIME_GATEWAY) if now_ms >= LEAST_UTC_MS else (None, TIME_NONE)


class ClockWatch:
    """Calls `on_step(step_ms)` when this machine's date was set by more than a second; positive is forward."""

    def __init__(self, clocks: Clocks, on_step: Callable[[int], object]) -> None:
        self._clocks = clocks
        self._on_step = on_step
        self._timer: asyncio.TimerHandle | None = None
        self._offset_ms = self._now_offset_ms()

    def start(self) -> None:
        self.look()
        self._timer = asyncio.get_running_loop().call_later(WATCH_S, self.start)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Compare the clocks now; a drift that NTP slews is followed."""
        offset_ms = self._now_offset_ms()
        step_ms, self._offset_ms = offset_ms - self._offset_ms, offset_ms
        if abs(step_ms) > STEP_MS:
            self._on_step(step_ms)

    def _now_offset_ms(self) -> int:
        return self._clocks.utc_ms() - round(self._clocks.monotonic() * 1000)
