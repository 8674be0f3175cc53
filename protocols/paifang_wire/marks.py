"""The marks: which records of a boot are settled, as an ack says it."""

from .errors import OVER_LIMIT, WireError

MARKS_SPAN = 64
"""Record numbers above the high-water mark that are told apart: what the bitmap of an ack can name."""


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
        within = min(span, MARKS_SPAN)  # the bitmap is no longer than that, while a declared range may be of any length
        known = self.bitmap & (1 << within) - 1
        self.bitmap >>= within
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
