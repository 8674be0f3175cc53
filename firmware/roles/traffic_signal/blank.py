"""A plan with nothing in it yet, and the names of its tables."""

from array import array

from .phases import PHASES, Plan

NUMBERS = ("rings", "sides", "known", "coordinated", "cycle", "offset", "transition", "floating")
BYTES = ("ring_of", "side_of", "place_of", "conflicts")
WORDS = (
    ("vehicle_groups", "ped_groups", "options", "least", "most", "passage", "walk", "ped_clear", "ped_revert")
    + ("before_reduction", "to_reduce", "least_gap", "clearing", "entry", "service", "after", "before", "round")
    + ("begins", "lasts", "needs", "room")
)
OTHERS = ("most_wait", "side_ticks", "between")


def empty(name: str, sequence: list) -> Plan:
    """Return a plan of these rings without any phase."""
    plan = Plan()
    plan.name, plan.sequence = name, sequence
    for number in NUMBERS:
        setattr(plan, number, 0)
    plan.rings, plan.sides = len(sequence), len(sequence[0])
    for table in BYTES:
        setattr(plan, table, bytearray(PHASES))
    for table in WORDS:
        setattr(plan, table, array("H", [0] * PHASES))
    plan.most_wait = array("H", [0] * (2 * PHASES))
    plan.side_ticks = array("H", [0] * plan.sides)
    plan.between = array("H", [0] * (plan.sides * plan.sides))
    return plan
