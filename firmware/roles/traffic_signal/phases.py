"""A plan as the controller reads it: flat tables, durations in ticks; and the numbers of a plan's options."""

from array import array

from micropython import const

PHASES = const(8)
NONE = const(255)
"""No phase: a ring at rest."""

MIN_RECALL = const(1)
MAX_RECALL = const(2)
PED_RECALL = const(4)
SOFT_RECALL = const(8)
LOCK = const(16)
DUAL_ENTRY = const(32)
SIMULTANEOUS_GAP = const(64)
RED_REST = const(128)
REST_IN_WALK = const(256)
BACKUP_PROTECT = const(512)
OPTIONS = const(1023)
"""Options of a phase: what calls it when nobody is there, whether a call is remembered, whether it accompanies the
other ring's phase over a barrier, whether a gap at a barrier counts only while it lasts, how it rests, and whether its
ring may go back to it only when all rings end: for left turns where others filter on green (no yellow trap)."""

DWELL = const(0)
SHORTWAY = const(1)
EMERGENCY = const(0)
RAIL = const(1)


class Plan:
    """Made by `plans.decode`; nothing in it changes afterwards. Phase n of the plan is number n - 1 and bit n - 1 here.

    `name`; `known`: bits of its phases; `sequence[ring][side]`: the phases of a ring between two barriers, in order;
    `ring_of`, `side_of`, `place_of` (1 is the first in its sequence), `conflicts` (bits of the phases that cannot run
    with it), `options`; `vehicle_groups`, `ped_groups`: bitmasks of groups.
    `least`, `most`, `passage`, `walk`, `ped_clear`, `ped_revert`, `before_reduction`, `to_reduce`, `least_gap`.
    `clearing[p]`: from the end of p (its pedestrians at rest) to the green of whatever has to wait for it.
    Of the bound on waiting: `entry[p]`, the longest clearance before p; `service[p]`, its shortest complete service,
    pedestrians included; `after[p]`, the same for all phases that follow p before the barrier; `before[p]`, from the
    barrier to the green of p; `side_ticks[side]`; `between[here * sides + there]`: all sides in between;
    `round[p]`: the longest a call waits when everybody hurries; `most_wait[p]`, `most_wait[8 + p]`: the site's longest
    red for its vehicles and pedestrians.
    Coordination: `cycle` (0 if there is none), `offset`, `coordinated` (phase bits), `transition`, `floating`,
    `begins[p]`, `lasts[p]`: the window of p, in ticks after the coordination point; `needs[p]` of it is left at the
    latest when p starts; `room[p]`: the green its split has.
    `preempts`, `transit`: rows as in the record, times in ticks; `detectors`: the same, one row after the other.
    """

    name: str
    sequence: list
    rings: int
    sides: int
    known: int
    coordinated: int
    cycle: int
    offset: int
    transition: int
    floating: int
    preempts: list
    transit: list
    detectors: array
    ring_of: bytearray
    side_of: bytearray
    place_of: bytearray
    conflicts: bytearray
    vehicle_groups: array
    ped_groups: array
    options: array
    least: array
    most: array
    passage: array
    walk: array
    ped_clear: array
    ped_revert: array
    before_reduction: array
    to_reduce: array
    least_gap: array
    clearing: array
    entry: array
    service: array
    after: array
    before: array
    round: array
    most_wait: array
    side_ticks: array
    between: array
    begins: array
    lasts: array
    needs: array
    room: array

    def with_option(self, options: int) -> int:
        """Bits of the phases that have one of `options`."""
        mask = 0
        for p in range(PHASES):
            if self.options[p] & options:
                mask |= 1 << p
        return mask

    def is_laid_out_as(self, other) -> bool:
        """Tell whether both have the same rings over the same groups, whatever the times."""
        return (
            self.sequence == other.sequence
            and bytes(self.vehicle_groups) == bytes(other.vehicle_groups)
            and bytes(self.ped_groups) == bytes(other.ped_groups)
        )

    def phases_of(self, side: int) -> int:
        """Bits of the phases of a side."""
        mask = 0
        for sides in self.sequence:
            for p in sides[side]:
                mask |= 1 << p
        return mask
