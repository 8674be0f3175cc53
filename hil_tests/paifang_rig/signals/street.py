"""The street behind a signal node: lamps, their wires and currents, the hold-in relay and the cabinet's flasher.

Lamps are bits: of group i bit i for its red, bit 16 + i for its amber, bit 32 + i for its green. The node's outputs and
their wires end at the relay: what is wrong with them is gone when it lets go. Currents are sensed behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

AMBER_SHIFT, GREEN_SHIFT = 16, 32
RELEASE_MS = 150
"""The charge pump holds the relay for so long after the last change of its pin, which is to come each 100 ms; within
this the contacts fall, for which Ohio 733.03 allows 30 ms."""
PULL_IN_CHANGES = 3
"""So many changes in a row charge the pump. One alone, as a node's last before it goes, closes nothing."""


def lamp(group: int, colour: str) -> int:
    """The bit of a lamp; `colour`: red, amber, green."""
    return 1 << group + {"red": 0, "amber": AMBER_SHIFT, "green": GREEN_SHIFT}[colour]


@dataclass
class Street:
    """`flasher`: what it lights. Faults: outputs `stuck_on` and `stuck_off`, pairs of `swapped` wires, a `welded`
    relay, and lamps that a `foreign` voltage feeds behind the relay, where no node can do anything about it. `forced`:
    the lamps that a tester puts in the place of all of it.
    """

    flasher: int = 0
    stuck_on: int = 0
    stuck_off: int = 0
    swapped: tuple[tuple[int, int], ...] = ()
    foreign: int = 0
    welded: bool = False
    forced: int | None = None
    t_ms: int = field(default=0, init=False)
    relay_closed: bool = field(default=False, init=False)
    driven: int = field(default=0, init=False)
    _level: int = field(default=0, init=False)
    _changed_ms: int = field(default=-RELEASE_MS, init=False)
    _changes: int = field(default=0, init=False)

    def drive(self, lamps: int, level: int, t_ms: int) -> None:
        """The node's outputs from `t_ms` on, and the level of the pin that feeds the relay."""
        if level != self._level:
            is_late = t_ms - self._changed_ms >= RELEASE_MS
            self._changes = 1 if is_late else self._changes + 1
            self._level, self._changed_ms = level, t_ms
        self.driven = lamps
        self.pass_time(t_ms)

    def pass_time(self, t_ms: int) -> None:
        """Nothing changes but the time."""
        self.t_ms = t_ms
        is_fed = self._changes >= PULL_IN_CHANGES and t_ms - self._changed_ms < RELEASE_MS
        self.relay_closed = self.welded or is_fed

    def lose_power(self) -> None:
        """The node's outputs go dark, and its pin stays where it is."""
        self.driven = self._level = self._changes = 0
        self._changed_ms = -RELEASE_MS
        self.relay_closed = self.welded

    def mend(self) -> None:
        """Whatever is wrong with outputs, wires and relay is put right."""
        self.stuck_on = self.stuck_off = self.foreign = 0
        self.swapped, self.welded, self.forced = (), False, None

    def lit(self) -> int:
        """The lamps that people see, and whose currents flow."""
        if self.forced is not None:
            return self.forced
        return (self._outputs() if self.relay_closed else self.flasher) | self.foreign

    def _outputs(self) -> int:
        lamps = self.driven
        for one, other in self.swapped:
            both = lamps & (one | other)
            if both in (one, other):
                lamps ^= one | other
        return (lamps | self.stuck_on) & ~self.stuck_off
