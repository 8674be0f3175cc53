"""Loops and cameras as calls: delay, extension, memory; and a detector that fails calls, it never falls silent.

Options of a row: LOCK keeps a call until its phase is green; EXTEND_ONLY counts in green only. Faults: covered without
a break for too long, no vehicle for too long, more vehicles a minute than can be. A fault lasts until the detector has
behaved for a minute; meanwhile it calls all the time, so that its phase is served, and to its most green.
"""

from array import array

from micropython import const

LOCK = const(1)
EXTEND_ONLY = const(2)

SOUND = const(0)
STUCK_ON = const(1)
SILENT = const(2)
ERRATIC = const(3)
"""What is wrong with a detector."""

PHASE, DELAY, EXTENSION, OPTIONS, MOST_PRESENCE, NO_ACTIVITY, MOST_COUNTS, PLACES = range(8)
"""Places in `plan.detectors`, after PLACES * i for detector i; a limit of 0 is none, phase 0 only counts."""
_MINUTE_TICKS = const(600)


class Detectors:
    """`faults[i]`: SOUND, STUCK_ON, ...; `counts[i]`, `occupied[i]`: vehicles and ticks since `take`. At most 32."""

    def __init__(self, plan, tick_ms: int = 100) -> None:
        self._rows = plan.detectors
        count = len(self._rows) // PLACES
        self._minute = _MINUTE_TICKS * 100 // tick_ms
        self._ticks = 0
        self._before = 0
        self._called = 0
        self.faults = bytearray(count)
        self.counts = array("H", [0] * count)
        self.occupied = array("H", [0] * count)
        self._steady = array("H", [0] * count)
        self._extended = array("H", [0] * count)
        self._minute_counts = array("H", [0] * count)
        self._sound_minutes = bytearray(count)
        self._silent = array("L", [0] * count)

    def tick(self, raw: int, green: int) -> int:
        """One tick: bit i of `raw`, detector i is covered; `green`: phases that are green. Returns phases called."""
        self._ticks += 1
        calls = 0
        for i in range(len(self.faults)):
            covered = raw >> i & 1
            self._count(i, covered)
            phase = self._rows[PLACES * i + PHASE]
            if self._is_calling(i, covered, phase and green >> phase - 1 & 1) and phase:
                calls |= 1 << phase - 1
        self._before = raw
        if self._ticks >= self._minute:
            self._ticks = 0
            self._end_minute()
        return calls

    def take(self, i: int):
        """(vehicles, occupied ticks) of detector i since the last time."""
        taken = self.counts[i], self.occupied[i]
        self.counts[i] = self.occupied[i] = 0
        return taken

    def failed(self) -> int:
        """Bits of the detectors that have a fault."""
        mask = 0
        for i in range(len(self.faults)):
            mask |= (1 << i) if self.faults[i] else 0
        return mask

    def _count(self, i: int, covered: int) -> None:
        if covered != self._before >> i & 1:
            self._steady[i] = 0
            self._silent[i] = 0
            if covered:
                self.counts[i] = _more(self.counts[i])
                self._minute_counts[i] = _more(self._minute_counts[i])
        self._steady[i] = _more(self._steady[i])
        self._silent[i] = min(self._silent[i] + 1, 0xFFFFFF)
        if covered:
            self.occupied[i] = _more(self.occupied[i])
        self._judge(i, covered)

    def _judge(self, i: int, covered: int) -> None:
        rows, row = self._rows, PLACES * i
        fault = SOUND
        if covered and rows[row + MOST_PRESENCE] and self._steady[i] > rows[row + MOST_PRESENCE]:
            fault = STUCK_ON
        elif not covered and rows[row + NO_ACTIVITY] and self._silent[i] > rows[row + NO_ACTIVITY]:
            fault = SILENT
        elif rows[row + MOST_COUNTS] and self._minute_counts[i] > rows[row + MOST_COUNTS]:
            fault = ERRATIC
        if fault:
            self.faults[i] = fault
            self._sound_minutes[i] = 0

    def _end_minute(self) -> None:
        for i in range(len(self.faults)):
            self._minute_counts[i] = 0
            if self.faults[i]:
                self._sound_minutes[i] += 1
                if self._sound_minutes[i] > 1:
                    self.faults[i] = SOUND
                    self._sound_minutes[i] = 0

    def _is_calling(self, i: int, covered: int, is_green: int) -> bool:
        rows, row = self._rows, PLACES * i
        if self.faults[i]:
            return True
        if rows[row + OPTIONS] & EXTEND_ONLY and not is_green:
            return False
        if covered:
            # A vehicle that goes away before the delay has not called: turning on red, changing lanes.
            if is_green or self._steady[i] > rows[row + DELAY]:
                self._extended[i] = rows[row + EXTENSION]
                self._called |= 1 << i
                return True
        elif self._extended[i]:
            self._extended[i] -= 1
            return True
        if is_green or not rows[row + OPTIONS] & LOCK:
            self._called &= ~(1 << i)
        return bool(self._called >> i & 1)


def _more(ticks: int) -> int:
    return min(ticks + 1, 0xFFFF)
