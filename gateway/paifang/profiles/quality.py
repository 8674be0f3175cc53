"""What a change from one reading to the next says about them: counters do not go back, and nothing jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.profiles.conversion import in_steps
from paifang_wire import messages

if TYPE_CHECKING:
    from paifang.profiles.model import Properties

HOUR_MS = 3_600_000
SLACK_MS = 60_000
"""A counter may tell late what it counted before: it may run ahead of its rate by this time."""


class ChangeRule:
    """Judges the change between two readings of one point."""

    def __init__(self, properties: Properties) -> None:
        rules, scale = properties.quality, properties.scale
        self._counter = properties.kind == "counter"
        self._step = None if rules.step is None else in_steps(rules.step, scale)
        self._rate = None if rules.rate is None else in_steps(rules.rate, scale)
        self._wraps_at = None if rules.wraps_at is None else int(in_steps(rules.wraps_at, scale))

    def quality(self, before: int, after: int, elapsed_ms: int) -> int:
        """GOOD, or IMPLAUSIBLE: a counter that went back or ran away, a gauge that jumped."""
        change = self.increase(before, after) if self._counter else abs(after - before)
        if change < 0 or (self._step is not None and change > self._step):
            return messages.IMPLAUSIBLE
        if self._counter and self._rate is not None and change * HOUR_MS > self._rate * (elapsed_ms + SLACK_MS):
            return messages.IMPLAUSIBLE
        return messages.GOOD

    def increase(self, before: int, after: int) -> int:
        """What a counter has counted between two readings; negative: it went back."""
        change = after - before
        return change if change >= 0 or self._wraps_at is None else change + self._wraps_at
