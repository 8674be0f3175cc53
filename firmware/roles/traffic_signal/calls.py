"""Who wants to move: vehicles, pedestrians, recalls, and what is commanded from outside."""

from micropython import const

from .phases import LOCK, MAX_RECALL, MIN_RECALL, PED_RECALL, SOFT_RECALL

HOLD = const(0)
FORCE_OFF = const(1)
OMIT = const(2)
CALL = const(3)
PED_CALL = const(4)
COMMANDS = const(5)
COMMAND_TICKS = const(100)
"""A command that is not renewed is forgotten after 10 s."""


class Calls:
    """Phase bits: `vehicles`, `pedestrians` call; `present`: vehicles are there now, or are taken to be."""

    def __init__(self, plan) -> None:
        self._plan = plan
        self._commands = bytearray(2 * COMMANDS)
        self._recalls = plan.with_option(MIN_RECALL | MAX_RECALL | PED_RECALL) | plan.coordinated
        self._max_recalls = plan.with_option(MAX_RECALL)
        self._soft_recalls = plan.with_option(SOFT_RECALL)
        self._locks = plan.with_option(LOCK)
        self.ped_recalls = plan.with_option(PED_RECALL)
        self._with_peds = 0
        for p, groups in enumerate(plan.ped_groups):
            self._with_peds |= (1 << p) if groups else 0
        self.present = 0
        self.call_all()

    def call_all(self) -> None:
        """Everybody is called once, and stays called until served."""
        self.vehicles = self._kept = self._plan.known
        self.pedestrians = self._with_peds

    def take_over(self, before) -> None:
        """Take what the calls of another plan hold, and what is commanded."""
        self._commands[:] = before._commands  # noqa: SLF001 - one of our own
        self.vehicles = self._kept = before.vehicles & self._plan.known
        self.pedestrians = before.pedestrians & self._with_peds

    def command(self, kind: int, phases: int, ticks: int) -> None:
        """Let HOLD, ... apply to `phases` for `ticks`, instead of what did before."""
        self._commands[kind] = phases & self._plan.known
        self._commands[COMMANDS + kind] = min(max(ticks, 0), COMMAND_TICKS)

    def commanded(self, kind: int) -> int:
        """Phases to which a command of that kind applies now."""
        return self._commands[kind] if self._commands[COMMANDS + kind] else 0

    def note(self, vehicles: int, pedestrians: int, green: int) -> None:
        """One tick: who is detected, who presses a button, which phases are green."""
        known = self._plan.known
        vehicles |= self.commanded(CALL)
        self.present = vehicles | self._max_recalls
        self._kept &= ~green
        self.vehicles = (self.vehicles & self._locks | self._kept | vehicles) & known & ~green
        self.pedestrians |= (pedestrians | self.commanded(PED_CALL)) & self._with_peds
        for kind in range(COMMANDS, 2 * COMMANDS):
            if self._commands[kind]:
                self._commands[kind] -= 1

    def demand(self, running: int) -> int:
        """Phases that are wanted and not running."""
        demand = (self.vehicles | self.pedestrians | self._recalls) & ~running
        return demand or self._soft_recalls & ~running
