"""The only code that decides what the lamps show: requests in, legal aspects out, one tick at a time.

A pure state machine over two flat arrays: no clock, no pins, no floats, and no allocation in `tick`. It knows nothing
of phases, plans and detectors. Whatever is asked, it shows the next legal aspects or stays where it is:

- a group at rest starts when it is asked for, has rested its red-revert, no conflicting group moves, and the
  intergreen from each of them is over; of two that could start in one tick the lower number does;
- an open group ends when it is not asked for any more and its least time is over;
- the steps between take their fixed times, whatever is asked.

What cannot happen (a broken state, a request that is not one bit a group, a fault reported by the caller) flashes,
latched. From flashing to running there is one way: all groups at rest for the site's all-red time.

What decides for a group are its own aspect, time and request, and, for its start, the aspects and times of those
it conflicts with, each by itself: no third group ever makes a start possible.
"""

from array import array

from micropython import const

from .aspects import DONT_WALK, RED
from .tables import ILLEGAL, ROW

START_FLASH = const(0)
START_RED = const(1)
RUN = const(2)
FLASH = const(3)
LATCHED = const(4)

REASON_NONE = const(0)
REASON_START = const(1)
REASON_ASKED = const(2)
REASON_REQUEST = const(3)
REASON_STATE = const(4)
REASON_CALLER = const(16)
"""Why it flashes; from REASON_CALLER on it is the `fault` that the caller has reported."""

_MODE = const(1)
_REASON = const(2)
_SEAL = const(3)
_EXTRA = const(4)
"""Places after the groups' times. The first of them, 0, holds the ticks left of a start, in FLASH and LATCHED 1 when
leaving is asked for; then mode, reason, and the sum of everything before."""

_STAYS = b"\x02\x00\x01\x00\x00\x01\x00\x02\x00\x00\x00"
_STAY = const(2)
"""By aspect: at rest 2, open 1, else 0; with 1 for a group that is asked for, _STAY and above stays where it is."""


class Interlock:
    """`site`: a `tables.Site`. `aspects`: what each group shows now; only this class writes it.

    It starts with flashing; the caller shows `aspects` from here on and after each tick.
    """

    def __init__(self, site) -> None:
        self._site = site
        self._count = site.count
        self.aspects = bytearray(site.count)
        self._left = array("H", [0] * (site.count + _EXTRA))
        self._flash(START_FLASH, REASON_START)

    @property
    def mode(self) -> int:
        """START_FLASH, START_RED, RUN, FLASH or LATCHED."""
        return self._left[self._count + _MODE]

    @property
    def reason(self) -> int:
        """Why it flashes or has started; REASON_NONE while it runs."""
        return self._left[self._count + _REASON]

    def tick(self, request: int, fault: int = 0) -> None:
        """One tick (100 ms of uptime) has passed. `request`: bit i, group i shall move. `fault`: 0, or REASON_CALLER
        and above: flash, latched.
        """
        left = self._left
        mode = self.mode
        if not self._is_sound():
            self._flash(LATCHED, REASON_STATE)
        elif fault:
            is_code = type(fault) is int and REASON_CALLER <= fault < 0x10000
            self._flash(LATCHED, fault if is_code else REASON_STATE)
        elif type(request) is not int or request >> self._count:
            self._flash(LATCHED, REASON_REQUEST)
        elif mode != RUN:
            self._start_up(mode)
        elif not self._run(request):
            self._flash(LATCHED, REASON_STATE)
        else:
            left[self._count + _SEAL] = self._total()

    def to_flash(self, latch: bool = False) -> None:
        """Flash at once; with `latch`, until `clear_latch`. A latch stays, and its reason."""
        if self._is_sound():
            self._flash(LATCHED if latch or self.mode == LATCHED else FLASH, REASON_ASKED)
        else:
            self._flash(LATCHED, REASON_STATE)

    def to_run(self) -> None:
        """Leave FLASH with the next tick, through all-red. Nothing happens in any other mode."""
        self._leave(FLASH)

    def clear_latch(self) -> None:
        """Leave LATCHED with the next tick, through all-red. Nothing happens in any other mode."""
        self._leave(LATCHED)

    def save(self) -> bytes:
        """The whole state; two interlocks of one site with the same state do the same for ever."""
        return bytes(self.aspects) + bytes(self._left)

    def load(self, state: bytes) -> None:
        """Take over what `save` gave, as it is: the next tick finds out whether it can be."""
        count = self._count
        for i in range(count):
            self.aspects[i] = state[i]
        for i in range(count + _EXTRA):
            self._left[i] = state[count + 2 * i] | state[count + 2 * i + 1] << 8

    def _leave(self, mode: int) -> None:
        # Only the one place and its part of the seal: a state that was broken before stays broken.
        if self.mode == mode and not self._left[self._count]:
            self._set_clock(1)

    def _set_clock(self, clock: int) -> None:
        left = self._left
        seal = self._count + _SEAL
        left[seal] = left[seal] + clock - left[self._count] & 0xFFFF
        left[self._count] = clock

    def _start_up(self, mode: int) -> None:
        left = self._left
        clock = left[self._count]
        if mode >= FLASH:
            if clock:
                self._rest()
            return
        if clock > 1:
            self._set_clock(clock - 1)
        elif mode == START_FLASH:
            self._rest()
        else:
            self._enter(RUN, 0, REASON_NONE)

    def _flash(self, mode: int, reason: int) -> None:
        if self.mode == LATCHED:
            reason = self.reason
        for i in range(self._count):
            self.aspects[i] = self._site.flash_aspects[i]
            self._left[i] = 0
        self._enter(mode, self._site.flash_ticks if mode == START_FLASH else 0, reason)

    def _rest(self) -> None:
        for i in range(self._count):
            self.aspects[i] = self._site.rest_aspects[i]
        self._enter(START_RED, self._site.red_ticks, self.reason)

    def _enter(self, mode: int, clock: int, reason: int) -> None:
        left = self._left
        left[self._count] = clock
        left[self._count + _MODE] = mode
        left[self._count + _REASON] = reason
        left[self._count + _SEAL] = self._total()

    def _is_sound(self) -> bool:
        return self.mode <= LATCHED and self._left[self._count + _SEAL] == self._total()

    def _total(self) -> int:
        total = 0
        for aspect in self.aspects:
            total += aspect
        for i in range(self._count + _SEAL):
            total += self._left[i]
        return total & 0xFFFF

    def _run(self, request: int) -> bool:
        """One tick of running. Returns False if the state could not be, before or after."""
        site = self._site
        moving = settling = 0
        for i in range(self._count):
            aspect = self._advance(i, request >> i & 1)
            if aspect == ILLEGAL:
                return False
            if RED < aspect < DONT_WALK:
                moving |= 1 << i
            elif self._left[i]:
                settling |= 1 << i
        wanted = request & ~moving
        for i in range(self._count):
            if wanted >> i & 1 and not moving & site.conflicts[i] and self._is_clear(i, settling):
                self._step(i)
                moving |= 1 << i
        for i in range(self._count):
            if moving >> i & 1 and moving & site.conflicts[i]:
                return False
        return True

    def _advance(self, i: int, asked: int) -> int:
        """A tick for a group by itself: all but a start. Returns its aspect, ILLEGAL if it could not be."""
        site = self._site
        aspect = self.aspects[i]
        place = ROW * i + aspect
        left = self._left[i]
        if aspect >= ROW or site.successors[place] == ILLEGAL or left > site.ticks[place]:
            return ILLEGAL
        if left > 1:
            self._left[i] = left - 1
            return aspect
        self._left[i] = 0
        if _STAYS[aspect] + asked >= _STAY:
            return aspect
        return self._step(i)

    def _step(self, i: int) -> int:
        site = self._site
        aspect = site.successors[ROW * i + self.aspects[i]]
        self.aspects[i] = aspect
        self._left[i] = site.ticks[ROW * i + aspect]
        return aspect

    def _is_clear(self, i: int, settling: int) -> bool:
        """Whether i has rested long enough, and every group that conflicts with it: one by one, each by itself."""
        count = self._count
        limits = self._site.limits
        if self._left[i] > limits[count * i + i]:
            return False
        waits_for = settling & self._site.conflicts[i]
        for j in range(count):
            if waits_for >> j & 1 and self._left[j] > limits[count * j + i]:
                return False
        return True
