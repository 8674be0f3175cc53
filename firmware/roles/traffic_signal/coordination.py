"""Where a junction is in its cycle, and what each phase may do there.

Position 0 is the coordination point: the coordinated phases may end. Every other phase has a window after it: it may
start while there is room for its shortest service, and is forced off at its end. The wall clock moves the point only:
the position advances by 0, 1 or 2 a tick of uptime until it agrees, and never jumps.
"""

from .phases import SHORTWAY

_STRIDE = 6
"""Shortway: one tick in six is left out or counted twice, 17 % of a cycle."""
_DWELL_SHARE = 4
"""Dwell: the coordination point is held for a quarter of a cycle at most."""
_TICK_MS = 100


class Coordination:
    """Runs a `phases.Plan` with a cycle. `position`: ticks after the coordination point. `error`: how many ticks the
    position is to be moved forward (negative: back) to agree with the wall clock.
    """

    def __init__(self, plan, tick_ms: int = _TICK_MS) -> None:
        self._plan = plan
        self._tick_ms = tick_ms
        self.position = 0
        self.error = 0
        self._count = 0
        self._dwelt = 0

    def sync(self, utc_ms: int) -> None:
        """Take the time: the point is due when the time since 1970 is a multiple of the cycle, plus the offset."""
        cycle = self._plan.cycle
        wanted = (utc_ms // self._tick_ms - self._plan.offset) % cycle
        error = (wanted - self.position) % cycle
        self.error = error - cycle if error > cycle // 2 else error

    def tick(self) -> None:
        """One tick of uptime has passed."""
        step = 1
        if self.error:
            step = self._shortway() if self._plan.transition == SHORTWAY else self._dwell()
            self.error -= step - 1
        if step:
            self.position = (self.position + step) % self._plan.cycle
            self._dwelt = self._dwelt if self.position else 0

    def _shortway(self) -> int:
        self._count = (self._count + 1) % _STRIDE
        if self._count:
            return 1
        return 2 if self.error > 0 else 0

    def _dwell(self) -> int:
        # Dwelling goes one way: what is to be moved forward is moved back by the rest of the cycle.
        cycle = self._plan.cycle
        if self.error > 0:
            self.error -= cycle
        if self.position or self._dwelt >= cycle // _DWELL_SHARE:
            return 1
        self._dwelt += 1
        return 0

    def permitted(self) -> int:
        """Bits of the phases that may start now: those with room for their service, and the coordinated ones."""
        plan = self._plan
        mask = plan.coordinated
        for p in range(8):
            if plan.lasts[p] and (self.position - plan.begins[p]) % plan.cycle + plan.needs[p] <= plan.lasts[p]:
                mask |= 1 << p
        return mask

    def is_over(self, p: int, green: int, cut: int) -> bool:
        """Tell whether a phase that is not coordinated is to be forced off, `cut` ticks early."""
        plan = self._plan
        if plan.floating and green + cut >= plan.room[p]:
            return True
        return (self.position - plan.begins[p]) % plan.cycle + cut >= plan.lasts[p]

    def may_yield(self, p: int, green: int) -> bool:
        """Tell whether a coordinated phase may end: it has been green since the last point at which it might."""
        return green >= (self.position - self._plan.begins[p]) % self._plan.cycle

    def until_point(self, p: int) -> int:
        """Ticks until the coordinated phase p may end."""
        return (self._plan.begins[p] - self.position) % self._plan.cycle
