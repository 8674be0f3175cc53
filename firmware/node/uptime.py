"""The node's own time: milliseconds since start that never wrap, made of ticks that do."""


class Uptime:
    """A 64-bit accumulator over `ticks_ms`, which wraps at 2**30 (12.4 days) on an ESP32.

    `ticks_diff` must be the one that belongs to `ticks_ms`. `now_ms` has to be asked at least once every 6 days,
    which every task of a node does within seconds. `sleep_ms(n)` is the awaitable sleep of the same clock.
    """

    def __init__(self, ticks_ms, ticks_diff, sleep_ms) -> None:
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last_ticks = ticks_ms()
        self._total_ms = 0
        self.sleep_ms = sleep_ms

    def now_ms(self) -> int:
        """Milliseconds since this object was made."""
        ticks = self._ticks_ms()
        self._total_ms += self._ticks_diff(ticks, self._last_ticks)
        self._last_ticks = ticks
        return self._total_ms
