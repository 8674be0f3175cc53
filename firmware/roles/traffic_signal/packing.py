"""A plan's tables as one piece of bytes: what a node has checked once it takes over again in a moment.

    [name, [rings, sides, known, coordinated, cycle, offset, transition, floating], sequence, tables, detectors,
     preemptions, priorities]

Packed by a node for itself: nothing in it is checked when it comes back, its CRC stands beside it.
"""

from array import array

from paifang_wire import cbor

from .phases import PHASES, Plan
from .shelf import SLOTS, Shelf

LIMIT = 8_192
"""Bytes of a packed plan at the most."""
_NUMBERS = ("rings", "sides", "known", "coordinated", "cycle", "offset", "transition", "floating")
_BYTES = ("ring_of", "side_of", "place_of", "conflicts")
_WORDS = (
    ("vehicle_groups", "ped_groups", "options", "least", "most", "passage", "walk", "ped_clear", "ped_revert")
    + ("before_reduction", "to_reduce", "least_gap", "clearing", "entry", "service", "after", "before", "round")
    + ("begins", "lasts", "needs", "room")
)
_OTHERS = ("most_wait", "side_ticks", "between")


def empty(name: str, sequence: list) -> Plan:
    """Return a plan of these rings without any phase."""
    plan = Plan()
    plan.name, plan.sequence = name, sequence
    for number in _NUMBERS:
        setattr(plan, number, 0)
    plan.rings, plan.sides = len(sequence), len(sequence[0])
    for table in _BYTES:
        setattr(plan, table, bytearray(PHASES))
    for table in _WORDS:
        setattr(plan, table, array("H", [0] * PHASES))
    plan.most_wait = array("H", [0] * (2 * PHASES))
    plan.side_ticks = array("H", [0] * plan.sides)
    plan.between = array("H", [0] * (plan.sides * plan.sides))
    return plan


def pack(plan) -> bytes:
    """Return the bytes of a `phases.Plan`."""
    tables = b"".join([bytes(getattr(plan, name)) for name in _BYTES + _WORDS + _OTHERS])
    numbers = [getattr(plan, name) for name in _NUMBERS]
    return cbor.encode((plan.name, numbers, plan.sequence, tables, bytes(plan.detectors), plan.preempts, plan.transit))


def name_of(packed: bytes) -> str:
    """Return the name of a packed plan: its first part, the others stay packed."""
    return cbor.item(packed, 1)[0]


def names(shelf: Shelf) -> dict:
    """{name: slot} of the plans on the shelf."""
    found = {}
    for slot in range(1, SLOTS + 1):
        packed = shelf.packed(slot)
        if packed:
            found[name_of(packed)] = slot
    return found


def unpack(packed: bytes) -> Plan:
    """Return the plan that `pack` was given."""
    name, numbers, sequence, tables, detectors, preempts, transit = cbor.decode(packed, LIMIT)
    plan = empty(name, sequence)
    for number, value in zip(_NUMBERS, numbers):
        setattr(plan, number, value)
    start = 0
    for table in _BYTES + _WORDS + _OTHERS:
        is_words = table not in _BYTES
        length = len(getattr(plan, table)) << is_words
        part = tables[start : start + length]
        setattr(plan, table, array("H", part) if is_words else bytearray(part))
        start += length
    plan.detectors, plan.preempts, plan.transit = array("H", detectors), preempts, transit
    return plan
