"""The replay window: which transport counters of a session have been used."""

from .errors import REPLAY, WireError

REPLAY_WINDOW = 32
"""Frames that may overtake one another (RFC 8613 section 7.4 has the same default)."""


class ReplayWindow:
    """Which transport counters of one session have been used. Checking moves nothing; committing does."""

    def __init__(self) -> None:
        self.high = -1
        self._seen = 0

    def check(self, counter: int) -> None:
        """Raise WireError(REPLAY) when `counter` was committed before or is older than the window."""
        behind = self.high - counter
        if behind >= 0 and (behind >= REPLAY_WINDOW or self._seen >> behind & 1):
            raise WireError(REPLAY)

    def commit(self, counter: int) -> None:
        """Mark `counter` as used; to be called after the MAC was verified, whatever is decided later."""
        ahead = counter - self.high
        if ahead > REPLAY_WINDOW:
            self._seen = 1
        elif ahead > 0:
            self._seen = (self._seen << ahead | 1) & (1 << REPLAY_WINDOW) - 1
        else:
            self._seen |= 1 << -ahead
        if ahead > 0:
            self.high = counter
