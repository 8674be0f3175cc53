"""UTC on a node without a clock of its own: an offset to the uptime, learned from the gateway over a round trip."""

from micropython import const

# Half a round trip is the error bound of the offset; a slower answer says less than the crystal's own drift.
_ROUND_TRIP_LIMIT_MS = const(5_000)


class WallClock:
    """Maps uptime to UTC, both in ms. Without an answer from the gateway there is no UTC, and none is made up."""

    def __init__(self) -> None:
        self._offset_ms = None
        self.synced_at_ms = None

    def learn(self, asked_ms: int, utc_ms, now_ms: int) -> bool:
        """Take an answer, `utc_ms` (None: the gateway has no time itself), to a question asked at uptime `asked_ms`.

        Returns whether it was taken; an answer to nothing we could have asked, or a slow one, is not.
        """
        round_trip_ms = now_ms - asked_ms
        if utc_ms is None or not 0 <= round_trip_ms <= _ROUND_TRIP_LIMIT_MS:
            return False
        self._offset_ms = utc_ms + round_trip_ms // 2 - now_ms
        self.synced_at_ms = now_ms
        return True

    def utc_ms(self, uptime_ms: int):
        """UTC at `uptime_ms`, or None while it is not known."""
        return None if self._offset_ms is None else uptime_ms + self._offset_ms
