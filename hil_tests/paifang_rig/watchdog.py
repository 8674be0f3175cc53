"""The watchdog of a board, in the bench's hand: a board that hangs cannot keep it from firing."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Watchdog:
    """`starved()` is called when a started watchdog was not fed for its timeout of node time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, speed: int, starved: Callable[[], None]) -> None:
        self._loop, self._speed, self._starved = loop, speed, starved
        self._timeout_s = self._fed_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def message(self, payload: bytes) -> None:
        """A timeout in ms (u32) starts it, an empty payload feeds it."""
        self._fed_at = self._loop.time()
        if payload:
            self.stop()
            self._timeout_s = struct.unpack("<I", payload)[0] / 1000 / self._speed
            self._timer = self._loop.call_later(self._timeout_s, self._due)

    def stop(self) -> None:
        """As power or a reset does."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        # Fed meanwhile? Then the rest of that time is still to come: feeding itself costs no timer.
        left_s = self._fed_at + self._timeout_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._due)
        else:
            self._starved()
