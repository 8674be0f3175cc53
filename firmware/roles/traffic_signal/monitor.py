"""The conflict monitor: judges what the lamps really show, and lets go of the relay when it is not as it must be.

It trusts nobody: its conflict matrix is a copy that came another way than the site record, its clock is its samples'
own, and it knows no plan and no request beyond `expect`. It holds the relay by toggling `enable` at each sample (a
charge pump: a stuck pin or a program that hangs lets go). Times are those of monitors in the field:

| row | ignores | trips | source |
|---|---|---|---|
| conflict | < 200 ms | at 300 ms, forgotten after 666 ms clean | ATSI PCMT-8000 p. 17, RAE MMU2-1600GE p. 9 |
| no lamp on a face | < 700 ms | at 800 ms, forgotten after 300 ms | the same, p. 17 and p. 10 |
| two indications on a face | < 300 ms | at 360 ms, forgotten after 666 ms | RAE MMU-1600G p. 15 |
| shown is not what was asked | < 300 ms | at 360 ms, forgotten after 666 ms | Siemens ST900 p. 227-233: about 300 ms |
| amber missing or < 2.7 s | | when red follows | RAE 2018 p. 11 |
| green to conflicting green < 2.7 s | | when that green comes | EDI MMU2-16LE section 1 |
| supply low | < 125 ms | at 150 ms | ATSI PCMT-8000 p. 15 |
| the controller's beat stops | | at 1 s | watchdog of 170 and 2010 types |
| samples stop | | 140 ms after the last, with the next one | relay: at once |
| relay closed while let go | | at 200 ms | transfer within 30 ms: Ohio 733.03 |

Times accumulate over pulses: a fault that comes and goes is forgotten only after the clean time.
"""

from array import array

from micropython import const

# Bits of `inputs`.
SUPPLY_OK = const(1)
STEADY = const(2)  # the controller drives the lamps: anything but flashing
BEAT = const(4)  # changes with each tick of the controller
RELAY_CLOSED = const(8)

# Bits of the options.
RED_AMBER = const(1)  # red with amber is an indication here
LATCH_SUPPLY = const(2)

CONFLICT = const(1)
NO_LAMP = const(2)
DUAL = const(3)
MISMATCH = const(4)
NO_AMBER = const(5)
SHORT_AMBER = const(6)
SHORT_CLEARANCE = const(7)
SUPPLY = const(8)
STALLED = const(9)
LATE = const(10)
RELAY = const(11)
SELF_TEST = const(12)
MATRIX = const(13)
REASONS = (
    "none",
    "conflict",
    "no lamp",
    "two indications",
    "not as asked",
    "no amber",
    "short amber",
    "short clearance",
    "supply",
    "controller stalled",
    "samples late",
    "relay stuck closed",
    "self-test",
    "matrix",
)

SAMPLE_MS = const(20)
_TRIP_MS = (300, 800, 360, 360)
_FORGET_MS = (666, 300, 666, 666)
_ROWS = const(4)
"""By row, CONFLICT first: accumulated ms that trip, clean ms after which they are forgotten."""
_LEAST_MS = const(2_700)
_SUPPLY_MS = const(150)
_STALL_MS = const(1_000)
_RELAY_MS = const(200)
_LATE_MS = const(140)
_MOST_MS = const(100)
"""What one sample counts for at most: three of them are needed for a conflict, whatever their distance."""
_END_MS = const(60)
_BEGIN_MS = const(300)
"""What has been shown for less is no red after something else, no end of a green; no green or amber after a red."""
_CLOCK_MASK = const(0x3FFFFFFF)
_SATURATED = const(60_000)
_SELF_TEST_SAMPLES = const(60)

_R = const(1)
_A = const(2)
_G = const(4)
_RED_AMBER = const(3)


def _zeros(count: int):
    return array("H", [0] * count)


class Monitor:
    """`matrix[i]`: bitmask of the groups that may not move with i. `vehicles`: bitmask of the groups with amber.

    `options`: RED_AMBER, LATCH_SUPPLY. `latched`: the reason that was kept over a loss of power, or 0.
    `tripped`; `reason` and `group` of the trip (0 and -1 if none). `enable` is the level of the pin that holds
    the relay while `holds`; whoever sees that it does not sends the interlock to flash: back is through all-red.
    `relay_stuck`: it was found closed while let go, whatever the reason of the trip is. A trip lasts until `reset`;
    only SUPPLY passes by itself, without LATCH_SUPPLY.
    """

    def __init__(self, matrix, vehicles: int, options: int = 0, latched: int = 0) -> None:
        count = len(matrix)
        self._count = count
        self._matrix = array("H", matrix)
        for i in range(count):
            for j in range(count):
                if matrix[i] >> j & 1:
                    self._matrix[j] |= 1 << i
        self._vehicles = vehicles
        self._options = options
        self._bad_ms = _zeros(_ROWS * count)
        self._clean_ms = _zeros(_ROWS * count)
        self._seen = bytearray(count)  # lamps that are lit at the moment, and for how long
        self._seen_ms = _zeros(count)
        self._shown = bytearray(count)  # the last single indication that was no pulse: _R, _A, _G or none yet
        self._amber_ms = _zeros(count)
        self._ended_ms = _zeros(count)  # since green was last shown
        self._expected_red = self._expected_amber = self._expected_green = -1
        self._last_ms = -1
        self._beat = 0
        self.holds = False
        self.enable = 0
        self._begin()
        self.reason = latched

    @property
    def tripped(self) -> bool:
        return self.reason != 0

    def expect(self, red: int, amber: int, green: int) -> None:
        """What the controller says it has switched on, as bitmasks; -1 thrice: unknown, nothing is compared."""
        self._expected_red, self._expected_amber, self._expected_green = red, amber, green

    def sample(self, red: int, amber: int, green: int, inputs: int, now_ms: int) -> None:
        """What is lit now, a bitmask of groups per colour, every SAMPLE_MS.

        `now_ms` counts milliseconds, from anywhere; 30 bits of it are looked at (as of `ticks_ms`).
        """
        elapsed = SAMPLE_MS if self._last_ms < 0 else (now_ms - self._last_ms) & _CLOCK_MASK
        self._last_ms = now_ms & _CLOCK_MASK
        if elapsed > _LATE_MS:
            self._trip(LATE)
        elapsed = min(elapsed, _MOST_MS)
        self._judge_supply(inputs & SUPPLY_OK, elapsed)
        self._judge_relay(inputs & RELAY_CLOSED, elapsed)
        if inputs & STEADY:
            self._judge_beat(inputs & BEAT, elapsed)
            self._judge(red, amber, green, elapsed)
        else:
            self._forget()
        self.holds = bool(inputs & STEADY) and not self.reason
        self.enable = 1 - self.enable if self.holds else 0

    def self_test(self, red: int, amber: int, green: int) -> bool:
        """Judge the read-backs turned round, as if for a second: it must trip, or it is tripped for good.

        To be called before the lamps are let on; what it has gathered is forgotten.
        """
        if self.reason:
            return False
        for _ in range(_SELF_TEST_SAMPLES):
            self._judge(~red, ~amber, ~green, SAMPLE_MS)
        passed = self.reason != 0
        self.reason, self.group = 0, -1
        self._forget()
        if not passed:
            self._trip(SELF_TEST)
        return passed

    def compare(self, conflicts) -> bool:
        """Hold the matrix against the site record's: trips unless they are the same."""
        same = len(conflicts) == self._count
        for i in range(self._count):
            same = same and conflicts[i] == self._matrix[i]
        if not same:
            self._trip(MATRIX)
        return same

    def reset(self) -> None:
        """Forget a trip: the technician's button, or a command of class 3. Without one nothing is forgotten."""
        if self.reason:
            self._begin()

    def _begin(self) -> None:
        self.reason, self.group = 0, -1
        self._low_ms = self._good_ms = self._off_ms = 0
        self.relay_stuck = False
        self._forget()

    def _trip(self, reason: int, group: int = -1) -> None:
        if not self.reason:
            self.reason = reason
            self.group = group

    def _judge_supply(self, ok: int, elapsed: int) -> None:
        if not ok:
            self._low_ms = min(self._low_ms + elapsed, _SATURATED)
            self._good_ms = 0
            if self._low_ms >= _SUPPLY_MS:
                self._trip(SUPPLY)
            return
        self._good_ms = min(self._good_ms + elapsed, _SATURATED)
        if self._good_ms >= _FORGET_MS[0]:
            self._low_ms = 0
            if self.reason == SUPPLY and not self._options & LATCH_SUPPLY:
                self.reason = 0

    def _judge_relay(self, closed: int, elapsed: int) -> None:
        self._off_ms = 0 if self.holds or not closed else min(self._off_ms + elapsed, _SATURATED)
        if self._off_ms >= _RELAY_MS:
            self.relay_stuck = True
            self._trip(RELAY)

    def _judge_beat(self, beat: int, elapsed: int) -> None:
        self._beat_ms = min(self._beat_ms + elapsed, _SATURATED) if beat == self._beat else 0
        self._beat = beat
        if self._beat_ms >= _STALL_MS:
            self._trip(STALLED)

    def _judge(self, red: int, amber: int, green: int, elapsed: int) -> None:
        moving = amber | green
        conflict = 0
        for i in range(self._count):
            if moving >> i & 1 and moving & self._matrix[i]:
                conflict |= 1 << i
        together = red & amber
        if self._options & RED_AMBER:
            together = 0
        self._gather(CONFLICT, conflict, elapsed)
        self._gather(NO_LAMP, ~(red | moving), elapsed)
        self._gather(DUAL, together | green & (red | amber), elapsed)
        if self._expected_red >= 0:
            odd = red ^ self._expected_red | amber ^ self._expected_amber | green ^ self._expected_green
            self._gather(MISMATCH, odd, elapsed)
        for i in range(self._count):
            self._age(i, red >> i & 1 | (amber >> i & 1) << 1 | (green >> i & 1) << 2, elapsed)
        for i in range(self._count):
            self._judge_change(i, self._shown[i], self._seen[i])

    def _gather(self, reason: int, bad: int, elapsed: int) -> None:
        row = reason - CONFLICT
        for i in range(self._count):
            place = row * self._count + i
            if bad >> i & 1:
                self._clean_ms[place] = 0
                self._bad_ms[place] = min(self._bad_ms[place] + elapsed, _SATURATED)
                if self._bad_ms[place] >= _TRIP_MS[row]:
                    self._trip(reason, i)
            elif self._bad_ms[place]:
                self._clean_ms[place] += elapsed
                if self._clean_ms[place] >= _FORGET_MS[row]:
                    self._bad_ms[place] = 0

    def _age(self, i: int, lit: int, elapsed: int) -> None:
        if lit != self._seen[i]:
            self._seen[i] = lit
            self._seen_ms[i] = 0
        self._seen_ms[i] = min(self._seen_ms[i] + elapsed, _SATURATED)
        self._amber_ms[i] = min(self._amber_ms[i] + elapsed, _SATURATED)
        if self._shown[i] == _G and self._vehicles >> i & 1:
            self._ended_ms[i] = 0
        else:
            self._ended_ms[i] = min(self._ended_ms[i] + elapsed, _SATURATED)

    def _judge_change(self, i: int, before: int, lit: int) -> None:
        now = _R if lit == _RED_AMBER else lit
        if now == before or (now != _R and now != _A and now != _G):
            return
        lit_ms = self._seen_ms[i]
        if lit_ms < (_END_MS if now == _R or before == _G else _BEGIN_MS):
            return
        self._shown[i] = now
        if now == _G:
            self._judge_clearance(i, lit_ms)
        elif self._vehicles >> i & 1:
            self._judge_end(i, now, before, lit_ms)

    def _judge_end(self, i: int, now: int, before: int, lit_ms: int) -> None:
        if before == _G:
            self._ended_ms[i] = lit_ms
        if now == _A:
            self._amber_ms[i] = lit_ms
        elif before == _G:
            self._trip(NO_AMBER, i)
        elif before == _A and self._amber_ms[i] - lit_ms < _LEAST_MS:
            self._trip(SHORT_AMBER, i)

    def _judge_clearance(self, i: int, lit_ms: int) -> None:
        for j in range(self._count):
            if self._matrix[i] >> j & 1 and self._ended_ms[j] - lit_ms < _LEAST_MS:
                self._trip(SHORT_CLEARANCE, i)

    def _forget(self) -> None:
        for i in range(_ROWS * self._count):
            self._bad_ms[i] = self._clean_ms[i] = 0
        for i in range(self._count):
            self._seen[i] = self._shown[i] = 0
            self._seen_ms[i] = self._amber_ms[i] = 0
            self._ended_ms[i] = _SATURATED
        self._beat_ms = 0
