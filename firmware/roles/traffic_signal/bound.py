"""The promise to those who wait: a call is served within the site's longest red.

For each call, `_ticks_to` is how long it takes at most from here when everybody hurries: each phase on the way ends
as soon as its shortest service is over, and every one of them may still be wanted, with its pedestrians. The number
grows only when a phase is passed by that was waited for, and is never more than `plan.round`, which a plan's check
holds against the longest red. So it is enough to pass by nobody who is `due`, whose red has no room for another round,
and to hurry from the tick in which waiting and way together reach the longest red.
"""

from array import array

from .phases import NONE, PHASES

_CALLS = 2 * PHASES
_MARGIN_TICKS = 3


class Bound:
    """`wait[p]`, `wait[8 + p]`: ticks that the vehicles, the pedestrians of p have called. `urgent`: bits of those
    for whom everybody hurries; `due`: bits of the phases that are not to be passed by; `slack`: ticks after which
    hurrying begins if nothing moves on. `done`: bits of rings that wait at the barrier for a hurrying junction.
    """

    def __init__(self, plan) -> None:
        self._plan = plan
        self.wait = array("H", [0] * _CALLS)
        self._left = array("H", [0] * plan.rings)
        self.restart()

    def restart(self) -> None:
        """Waiting counts from here."""
        self.urgent = self.due = self.done = 0
        self.slack = 0xFFFF
        for i in range(_CALLS):
            self.wait[i] = 0

    def tick(self, rings, vehicles: int, pedestrians: int) -> None:
        """`rings`: the controller's; `vehicles`, `pedestrians`: phases that they call and that they have not got."""
        plan = self._plan
        self.due = 0
        self.slack = 0xFFFF
        side_left = 0
        for r in range(plan.rings):
            self._left[r] = self._ticks_left(rings, r)
            side_left = max(side_left, self._left[r])
        calls = vehicles | pedestrians << PHASES
        self.urgent &= calls
        for i in range(_CALLS):
            if not calls >> i & 1:
                self.wait[i] = 0
                continue
            self.wait[i] = min(self.wait[i] + 1, 0xFFFF)
            self._judge(i, self._ticks_to(rings, i, side_left))
        if not self.urgent:
            self.done = 0

    def _judge(self, i: int, ticks: int) -> None:
        p = i % PHASES
        left = self._plan.most_wait[i] - self.wait[i] - _MARGIN_TICKS
        if left < self._plan.round[p]:
            self.due |= 1 << p
        self.slack = min(self.slack, max(left - ticks, 0))
        if left <= ticks:
            self.urgent |= 1 << i

    def _ticks_left(self, rings, r: int) -> int:
        """Ticks that ring r needs before the barrier, each phase that may still come included."""
        plan = self._plan
        p = rings.current[r]
        if p == NONE:
            return plan.side_ticks[rings.side]
        if not rings.shown[r]:
            return max(plan.entry[p] - rings.green[r], 0) + plan.service[p] + plan.after[p]
        return max(plan.least[p] - rings.green[r], rings.walk_left(r), 0) + plan.after[p]

    def _ticks_to(self, rings, i: int, side_left: int) -> int:
        plan = self._plan
        p = i % PHASES
        r = plan.ring_of[p]
        if rings.current[r] == p:
            if not rings.shown[r]:
                return max(plan.entry[p] - rings.green[r], 0)
            if rings.is_asked(r):
                return 0
        elif plan.side_of[p] == rings.side and plan.place_of[p] > rings.place[r]:
            return max(self._left[r] - plan.after[p] - plan.service[p], 0)
        return side_left + plan.between[rings.side * plan.sides + plan.side_of[p]] + plan.before[p]
