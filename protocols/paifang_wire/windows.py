"""Two numbers, two jobs: the replay window of a session, and the marks of which records have been settled."""

from .errors import OVER_LIMIT, REPLAY, WireError

REPLAY_WINDOW = 32
"""Frames that may overtake one another (RFC 8613 section 7.4 has the same default)."""
MARKS_SPAN = 64
"""Record numbers above the high-water mark that are told apart: what the bitmap of an ack can name."""


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


class RecordMarks:
    """Which record numbers (1, 2, …) of one boot are settled: all up to `high`, and high + 1 + i for bit i of `bitmap`.

    Bit 0 is always clear, because a settled high + 1 moves `high`.
    """

    def __init__(self, high: int = 0, bitmap: int = 0) -> None:
        self.high = high
        self.bitmap = bitmap

    def add(self, number: int) -> bool:
        """Settle `number`; return False when it was settled before.

        Raises WireError(OVER_LIMIT) for a number more than MARKS_SPAN above `high`, which no ack could name.
        """
        ahead = number - self.high - 1
        if ahead == 0:
            self.high = number
            if self.bitmap:
                self.bitmap >>= 1
                self._advance()
            return True
        if ahead < 0 or self.bitmap >> ahead & 1:
            return False
        if ahead >= MARKS_SPAN:
            raise WireError(OVER_LIMIT, "record " + str(number) + " is too far ahead of " + str(self.high))
        self.bitmap |= 1 << ahead
        return True

    def settle(self, first: int, last: int) -> int:
        """Settle all of first..last and return how many were not settled before.

        Raises WireError(OVER_LIMIT) when `first` leaves a hole of MARKS_SPAN or more, or `last` is below `first`.
        """
        if last < first or first - self.high > MARKS_SPAN:
            raise WireError(OVER_LIMIT, "records " + str(first) + " to " + str(last))
        if first > self.high + 1:
            return self._settle_above(first, last)
        if last <= self.high:
            return 0
        span = last - self.high
        known = self.bitmap & (1 << span) - 1
        self.bitmap >>= span
        self.high = last
        self._advance()
        return span - _ones(known)

    def holds(self, number: int) -> bool:
        """Tell whether `number` is settled."""
        return number <= self.high or bool(self.bitmap >> (number - self.high - 1) & 1)

    def _settle_above(self, first: int, last: int) -> int:
        """Settle a range that leaves a hole below it; what no ack could name stays unsettled."""
        count = 0
        for number in range(first, min(last, self.high + MARKS_SPAN) + 1):
            count += self.add(number)
        return count

    def _advance(self) -> None:
        while self.bitmap & 1:
            self.bitmap >>= 1
            self.high += 1


def _ones(bits: int) -> int:
    count = 0
    while bits:
        bits &= bits - 1
        count += 1
    return count
