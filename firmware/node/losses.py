"""What the journal has lost because it was full: how many records, and up to which number of which lane.

It stands on flash before the segment goes, and until the gateway has been told.
"""

from struct import pack, unpack_from

from micropython import const

from paifang_wire import messages
from paifang_wire.messages import BACKLOG, GAP_JOURNAL_FULL

_GAPS = const(8)
_PAIR = ">II"
_PAIR_BYTES = const(8)


class Losses:
    """`segments`: a `Segments`. `dropped`: records, over all boots. `doomed`: the segment that went last.

    `highs`: {(boot, lane): all up to there is settled}, which the journal keeps up to date.
    """

    def __init__(self, segments, highs: dict) -> None:
        self._files = segments
        self._highs = highs
        self._gaps = []  # (boot, last): that lane has lost what is not settled up to there
        self._sent = 0
        self._is_stale = False  # what stands on flash
        self.dropped = self.doomed = 0
        data = segments.load_lost()
        if data:
            self.dropped, self.doomed = unpack_from(_PAIR, data, 0)
            for at in range(_PAIR_BYTES, len(data), _PAIR_BYTES):
                self._gaps.append(unpack_from(_PAIR, data, at))

    @property
    def is_under_way(self) -> bool:
        """A gap was sent that is not settled yet."""
        return self._sent > 0

    def take(self):
        """The next gap to send, None when all are sent."""
        while self._sent < len(self._gaps):
            boot, last = self._gaps[self._sent]
            self._sent += 1
            first = self.high(boot, last >= BACKLOG) + 1
            if first <= last:
                return messages.encode((messages.GAP, boot, first, last, GAP_JOURNAL_FULL))
        return None

    def rewind(self) -> None:
        self._sent = 0

    def settle(self) -> None:
        """Forget what the gateway has been told."""
        for gap in self._gaps[: self._sent]:
            if gap[1] <= self.high(gap[0], gap[1] >= BACKLOG):
                self._gaps.remove(gap)
                self._sent -= 1
                self._is_stale = True

    def high(self, boot: int, lane: bool) -> int:
        """All numbers of a lane up to there are settled."""
        return self._highs.get((boot, lane), BACKLOG if lane else 0)

    def known(self, boot: int, lane: bool) -> int:
        """The number up to which nothing has to be said of a lane any more."""
        lost = [last for other, last in self._gaps if other == boot and (last >= BACKLOG) == lane]
        return max(lost + [self.high(boot, lane)])

    def drop(self, segment: int, count: int, lasts: dict) -> None:
        """Write down that a segment goes, with `count` records, the last of a lane {(boot, lane): number}.

        Out of room, the oldest lane is not declared any more; it is counted all the same. Raises OSError.
        """
        before = self._gaps
        gaps = [gap for gap in before if (gap[0], gap[1] >= BACKLOG) not in lasts]
        gaps += [(lane[0], number) for lane, number in lasts.items()]
        self._gaps = gaps[-_GAPS:]
        try:
            self._save(self.dropped + count, segment)
        except OSError:
            self._gaps = before
            raise
        self._sent = 0
        self.dropped += count
        self.doomed = segment

    def tidy(self) -> bool:
        """Once all is told, say so on flash, too; True when something was written. Raises OSError."""
        is_due = self._is_stale and not self._gaps
        if is_due:
            self._save(self.dropped, self.doomed)
        return is_due

    def _save(self, dropped: int, doomed: int) -> None:
        data = pack(_PAIR, dropped, doomed)
        for gap in self._gaps:
            data += pack(_PAIR, *gap)
        self._files.save_lost(data)
        self._is_stale = False
