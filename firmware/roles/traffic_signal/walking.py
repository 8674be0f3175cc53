"""The pedestrians of the phases that the rings show: walk, then the whole clearance, then the phase may end."""

from array import array

from micropython import const

IDLE = const(0)
ASKED = const(1)
WALKING = const(2)
CLEARING = const(3)

TICKS_TO_NOTICE = const(3)
"""What is asked for is shown and seen in ticks of their own."""


class Walking:
    """One place a ring. `state`: IDLE, ASKED (walk is not shown yet), WALKING, CLEARING; `ticks` of it."""

    def __init__(self, plan) -> None:
        self._plan = plan
        self.state = bytearray(plan.rings)
        self.ticks = array("H", [0] * plan.rings)

    def start(self, r: int, state: int) -> None:
        """Ring r goes over to IDLE, ASKED, ..."""
        self.state[r] = state
        self.ticks[r] = 0

    def groups(self, r: int, p: int) -> int:
        """Groups of phase p, which ring r shows, that are to walk."""
        return self._plan.ped_groups[p] if self.state[r] == ASKED or self.state[r] == WALKING else 0

    def tick(self, r: int, p: int, walking: int, resting: int, may_rest: bool) -> bool:
        """One tick of phase p on ring r. `walking`, `resting`: groups that show it. True: walk has just begun.

        `may_rest`: walk may go on after its time.
        """
        state = self.state[r]
        if state == IDLE:
            return False
        groups = self._plan.ped_groups[p]
        self.ticks[r] = min(self.ticks[r] + 1, 0xFFFF)
        if state == ASKED:
            if groups & ~walking == 0:
                self.start(r, WALKING)
                return True
        elif state == WALKING:
            if self.ticks[r] >= self._plan.walk[p] and not may_rest:
                self.start(r, CLEARING)
        elif groups & ~resting == 0:
            self.start(r, IDLE)
        return False

    def left(self, r: int, p: int) -> int:
        """Ticks until the pedestrians of phase p on ring r are at rest, at the earliest."""
        plan = self._plan
        state = self.state[r]
        if state == IDLE:
            return 0
        if state == CLEARING:
            return max(plan.ped_clear[p] + TICKS_TO_NOTICE - self.ticks[r], 1)
        if state == ASKED:
            return self.whole(p) - min(self.ticks[r], plan.ped_revert[p])
        return max(plan.walk[p] - self.ticks[r], 0) + plan.ped_clear[p] + TICKS_TO_NOTICE

    def whole(self, p: int) -> int:
        """Ticks that a walk takes that is asked for while phase p is green."""
        plan = self._plan
        return plan.ped_revert[p] + plan.walk[p] + plan.ped_clear[p] + TICKS_TO_NOTICE
