"""Who goes before the others: emergency vehicles and trains take the junction, buses get a little of it.

A preemption only chooses phases. What ends for it ends as always: the interlock sees to minimum greens, ambers,
pedestrian clearances and intergreens, and knows of no exception.
"""

from array import array

from micropython import const

KIND, DELAY, TRACK, TRACK_GREEN, DWELL, LEAST_DWELL, MOST_PRESENCE, EXIT = range(8)
"""Places in a row of `plan.preempts`."""

OFF = const(0)
TRACK_CLEARANCE = const(1)
DWELLING = const(2)
LEAVING = const(3)


class Preemption:
    """`stage`: OFF, TRACK_CLEARANCE (the track is emptied), DWELLING, LEAVING (for one tick); `row`: of the plan."""

    def __init__(self, rows) -> None:
        self._rows = rows
        self._delays = array("H", [0] * len(rows))
        self._spent = 0
        self.stage = OFF
        self.row = 0
        self._ticks = 0
        self._present = 0

    def tick(self, inputs: int, shown: int) -> int:
        """Return the bits of the phases that alone are to be green, 0 with no preemption.

        `inputs`: bit i, row i is asked for; the lower row goes first. `shown`: phases that are green all over. In
        the tick in which `stage` is LEAVING the phases are those to go on with.
        """
        if not inputs and self.stage == OFF:
            return self._forget()
        first = self._first(inputs)
        if self.stage == LEAVING:
            self.stage = OFF
        if first >= 0 and (self.stage == OFF or first < self.row):
            self._enter(first)
        if self.stage == TRACK_CLEARANCE:
            self._clear_track(shown)
        elif self.stage == DWELLING:
            self._dwell(inputs, shown)
        return self._phases()

    def cancel(self) -> None:
        """The signals flash: what was going on is begun anew."""
        self.stage = OFF
        self._spent = 0
        self._forget()

    def _forget(self) -> int:
        self._spent = 0
        for i in range(len(self._rows)):
            self._delays[i] = 0
        return 0

    def _first(self, inputs: int) -> int:
        """The first row whose delay is over, -1 if none; a row that was given up waits for its input to go away."""
        self._spent &= inputs
        first = -1
        for i, row in enumerate(self._rows):
            if not inputs >> i & 1 or self._spent >> i & 1:
                self._delays[i] = 0
            elif self._delays[i] < row[DELAY]:
                self._delays[i] += 1
            elif first < 0:
                first = i
        return first

    def _enter(self, row: int) -> None:
        self.row = row
        self._ticks = self._present = 0
        self.stage = TRACK_CLEARANCE if self._rows[row][TRACK] else DWELLING

    def _clear_track(self, shown: int) -> None:
        row = self._rows[self.row]
        if row[TRACK] & ~shown == 0:
            self._ticks += 1
        if self._ticks > row[TRACK_GREEN]:
            self._ticks = 0
            self.stage = DWELLING

    def _dwell(self, inputs: int, shown: int) -> None:
        row = self._rows[self.row]
        if row[DWELL] & ~shown == 0 and self._ticks < 0xFFFF:
            self._ticks += 1
        is_asked = inputs >> self.row & 1
        self._present = min(self._present + 1, 0xFFFF)
        if is_asked and row[MOST_PRESENCE] and self._present >= row[MOST_PRESENCE]:
            self._spent |= 1 << self.row
            is_asked = 0
        if not is_asked and self._ticks > row[LEAST_DWELL]:
            self.stage = LEAVING

    def _phases(self) -> int:
        if self.stage == OFF:
            return 0
        row = self._rows[self.row]
        if self.stage == TRACK_CLEARANCE:
            return row[TRACK]
        return row[DWELL] if self.stage == DWELLING else row[EXIT]


PHASE, EXTENSION, EARLY, LOCKOUT = range(4)
"""Places in a row of `plan.transit`."""


class Transit:
    """Priority of buses and trams: a green that goes on, or others' greens that end earlier; no phase is left out.

    One grant, then a lockout. `hold`: bits of phases whose green goes on. `cut`: ticks by which the greens of
    all phases that are in the way, `against`, end earlier. `granted`: the row that is served, -1 for none.
    """

    def __init__(self, rows) -> None:
        self._rows = rows
        self._lockout = 0
        self._left = 0
        self.granted = -1
        self.hold = self.cut = self.against = 0

    def tick(self, inputs: int, ending: int, green: int, conflicts) -> None:
        """`inputs`: bit i, a vehicle of row i approaches. `ending`, `green`: phases whose green would end now, goes on.

        `conflicts[p]`: phases in the way of p.
        """
        self.hold = self.cut = self.against = 0
        if self._lockout:
            self._lockout -= 1
        for i, row in enumerate(self._rows):
            if inputs >> i & 1 and (self.granted == i or (self.granted < 0 and not self._lockout)):
                self._serve(i, row, ending, green, conflicts)
            elif self.granted == i:
                self._finish()

    def _serve(self, i: int, row, ending: int, green: int, conflicts) -> None:
        phase = row[PHASE]
        if green >> phase & 1:
            if self.granted == i and self._left == 0:
                self._finish()
            elif ending >> phase & 1 and row[EXTENSION]:
                self._grant(i, row[EXTENSION])
                self._left -= 1
                self.hold = 1 << phase
        elif row[EARLY]:
            if self.granted < 0:
                self._grant(i, row[EXTENSION])
            self.cut, self.against = row[EARLY], conflicts[phase]

    def _grant(self, i: int, ticks: int) -> None:
        if self.granted != i:
            self.granted = i
            self._left = ticks
            self._lockout = self._rows[i][LOCKOUT]

    def _finish(self) -> None:
        self.granted = -1
