"""The clocks and the randomness of the gateway, in one place so that a test can pass its own."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang_wire.messages import TIME_GATEWAY, TIME_NONE

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_UTC_MS = 1_704_067_200_000
"""2024-01-01: a machine that says less has lost its clock."""


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
