"""How often something may be commanded: so many a minute, for each point and each person."""

from __future__ import annotations

FORGOTTEN_AT = 10_000
"""Keys that are remembered; then those that are rested are forgotten."""
MINUTE_S = 60.0


class Rates:
    """Buckets of `per_minute` tokens by key, full at first, refilled evenly over a minute."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: dict[object, tuple[float, float]] = {}

    def take(self, key: object, now_s: float, per_minute: int | None = None) -> bool:
        """Take one of `key`, False if there is none. `per_minute` is that key's own rate."""
        most = self.per_minute if per_minute is None else per_minute
        left = self._left(key, now_s, most)
        if left < 1:
            return False
        self._buckets[key] = (left - 1, now_s)
        if len(self._buckets) > FORGOTTEN_AT:
            self._forget(now_s)
        return True

    def wait_s(self, key: object, now_s: float, per_minute: int | None = None) -> float:
        """Seconds until `key` has one again."""
        most = self.per_minute if per_minute is None else per_minute
        missing = 1 - self._left(key, now_s, most)
        return max(missing, 0.0) * MINUTE_S / most if most else MINUTE_S

    def _left(self, key: object, now_s: float, most: int) -> float:
        left, at_s = self._buckets.get(key, (float(most), now_s))
        return min(float(most), left + (now_s - at_s) * most / MINUTE_S)

    def _forget(self, now_s: float) -> None:
        self._buckets = {key: each for key, each in self._buckets.items() if now_s - each[1] < MINUTE_S}
