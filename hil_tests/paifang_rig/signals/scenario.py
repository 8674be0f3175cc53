"""A scenario with everything that may happen to a junction: fire engines, trains, buses, a hand on the flash switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import records

if TYPE_CHECKING:
    from .junction import Junction

PREEMPTS = (
    # kind (0 emergency, 1 rail), delay, track phases, track green, dwell phases, least dwell, most presence, exit
    # phases, bound
    (1, 0, 0b0001_0010, 6_000, 0b1000_1000, 8_000, 120_000, 0b0010_0010, 45_000),
    (0, 0, 0, 0, 0b0010_0010, 8_000, 60_000, 0b1000_1000, 45_000),
    (0, 2_000, 0, 0, 0b1000_1000, 8_000, 60_000, 0b0010_0010, 45_000),
)
TRANSIT = ((2, 8_000, 8_000, 60_000), (6, 8_000, 8_000, 60_000))
"""Phase, extension, early green, lockout."""
ROUND_MS = 480_000
# Within each round: from, to (ms), preemptions, priorities, flash switch.
_HAPPENS = (
    (60_000, 75_000, 0, 0b01, False),
    (110_000, 130_000, 0, 0b10, False),
    (170_000, 190_000, 0b010, 0, False),
    (250_000, 280_000, 0b001, 0, False),
    (262_000, 290_000, 0b010, 0, False),
    (340_000, 352_000, 0b100, 0b01, False),
    (400_000, 415_000, 0, 0, True),
)


def plan_record(junction: Junction) -> list[Any]:
    """The actuated plan, with a railway, two directions of emergency vehicles and two bus lines."""
    preempts = [list(row) for row in PREEMPTS]
    return records.plan_record(junction, preempts=preempts, transit=[list(row) for row in TRANSIT])


def wishes(t_ms: int) -> tuple[int, int, bool]:
    """(preemptions, priorities, flash switch) at a time of the scenario, which goes round every 8 minutes."""
    now_ms = t_ms % ROUND_MS
    preempts = transit = 0
    flash = False
    for begin_ms, end_ms, rows, buses, switch in _HAPPENS:
        if begin_ms <= now_ms < end_ms:
            preempts |= rows
            transit |= buses
            flash = flash or switch
    return preempts, transit, flash
