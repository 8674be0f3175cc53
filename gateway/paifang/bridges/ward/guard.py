"""Whether a value can be believed after those before it: counters do not go back, and nothing jumps.

A meter that was replaced, or set to zero, goes on counting from there: what fits itself several times running is
believed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.profiles.quality import ChangeRule
from paifang_wire import messages

if TYPE_CHECKING:
    from paifang.profiles.model import Properties

CONFIRMATIONS = 3
"""So many readings, each plausible after the one before, make a new beginning."""


class Guard:
    """Of one point."""

    def __init__(self, properties: Properties) -> None:
        self._rule = ChangeRule(properties)
        self._known: tuple[int, int] | None = None
        self._doubted: tuple[int, int] | None = None
        self._confirmed = 0

    def quality(self, value: int, at_ms: int) -> int:
        """GOOD, or IMPLAUSIBLE."""
        if self._known is None or self._fits(self._known, value, at_ms):
            self._known, self._doubted = (value, at_ms), None
            return messages.GOOD
        confirms = self._doubted is not None and self._fits(self._doubted, value, at_ms)
        self._confirmed = self._confirmed + 1 if confirms else 1
        self._doubted = value, at_ms
        if self._confirmed > CONFIRMATIONS:
            self._known, self._doubted = (value, at_ms), None
            return messages.GOOD
        return messages.IMPLAUSIBLE

    def _fits(self, before: tuple[int, int], value: int, at_ms: int) -> bool:
        return self._rule.quality(before[0], value, at_ms - before[1]) == messages.GOOD


def guards(properties: Properties) -> bool:
    """Whether there is anything about a point that a change could tell."""
    return properties.kind == "counter" or properties.quality.step is not None
