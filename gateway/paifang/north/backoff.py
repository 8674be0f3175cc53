"""How long to wait before a far side is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S = 0.5
LONGEST_S = 60.0


class Backoff:
    """Doubling pauses with jitter: a hundred gateways must not come back to a broker as one. `random(n)`: n bytes."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._next_s = FIRST_S

    def reset(self) -> None:
        self._next_s = FIRST_S

    def pause_s(self) -> float:
        """The pause to make now: half of it is certain, half is chance."""
        pause_s = self._next_s * (0.5 + self._random(1)[0] / 512)
        self._next_s = min(2 * self._next_s, LONGEST_S)
        return pause_s
