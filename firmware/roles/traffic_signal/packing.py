"""A plan's tables as one piece of bytes: what a node has checked once it takes over again in a moment.

    [name, [rings, sides, known, coordinated, cycle, offset, transition, floating], sequence, tables, detectors,
     preemptions, priorities]

Packed by a node for itself: nothing in it is checked when it comes back, its CRC stands beside it.
"""

from array import array

from paifang_wire import cbor

from .blank import BYTES, NUMBERS, OTHERS, WORDS, empty
from .phases import Plan

LIMIT = 8_192
"""Bytes of a packed plan at the most."""


def pack(plan) -> bytes:
    """Return the bytes of a `phases.Plan`."""
    tables = b"".join([bytes(getattr(plan, name)) for name in BYTES + WORDS + OTHERS])
    numbers = [getattr(plan, name) for name in NUMBERS]
    return cbor.encode((plan.name, numbers, plan.sequence, tables, bytes(plan.detectors), plan.preempts, plan.transit))


def name_of(packed: bytes) -> str:
    """Return the name of a packed plan: its first part, the others stay packed."""
    return cbor.item(packed, 1)[0]


def unpack(packed: bytes) -> Plan:
    """Return the plan that `pack` was given."""
    name, numbers, sequence, tables, detectors, preempts, transit = cbor.decode(packed, LIMIT)
    plan = empty(name, sequence)
    for number, value in zip(NUMBERS, numbers):
        setattr(plan, number, value)
    start = 0
    for table in BYTES + WORDS + OTHERS:
        is_words = table not in BYTES
        length = len(getattr(plan, table)) << is_words
        part = tables[start : start + length]
        setattr(plan, table, array("H", part) if is_words else bytearray(part))
        start += length
    plan.detectors, plan.preempts, plan.transit = array("H", detectors), preempts, transit
    return plan
