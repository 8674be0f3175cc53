"""Token buckets: how often something may happen, with the clock passed in."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """A bucket a key, of `burst` tokens, refilled with `per_second`; at most `limit` keys are remembered.

    A key that is forgotten starts full again: the oldest ones go first, and their buckets are full by then unless more
    than `limit` keys are active at once.
    """

    def __init__(self, per_second: float, burst: int, limit: int = 20_000) -> None:
        self._per_second = per_second
        self._burst = burst
        self._limit = limit
        self._filled: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now_s: float) -> bool:
        """Take a token of `key`; False when there is none left."""
        tokens, at = self._filled.pop(key, (float(self._burst), now_s))
        tokens = min(self._burst, tokens + (now_s - at) * self._per_second)
        taken = tokens >= 1
        self._filled[key] = (tokens - taken, now_s)
        if len(self._filled) > self._limit:
            self._filled.popitem(last=False)
        return taken
