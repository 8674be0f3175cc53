"""What a signal node reports, taken apart: the names of its points and what their bits mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paifang.insight.congestion import PHASES, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE, MODE, PRIORITY, CALLS, FAILED = "state", "mode", "priority", "calls", "detector_faults"
RINGS = ("ring_1", "ring_2")
FLOWS = tuple(f"flow_{phase}" for phase in range(1, PHASES + 1))
OCCUPANCIES = tuple(f"occupancy_{phase}" for phase in range(1, PHASES + 1))
RUNNING = 2
"""Of `state`: the controller has the lamps."""
FLASHING = 1
"""Of `mode`."""
_PHASE_BITS, _STAGE_BITS = 0x0F, 0x0F
_GREEN_STAGES = (1, 2)
"""Of a ring: green, and green that would end."""
_PREEMPTION_BITS = 0x0F
_BYTE = 0xFF


class Calls(NamedTuple):
    """Phase bits: whom vehicles and pedestrians call for, and beside which pedestrians walk."""

    vehicles: int
    pedestrians: int
    walking: int


def green_of(*rings: int) -> int:
    """Phase bits of what is green, by the points of the rings."""
    green = 0
    for ring in rings:
        phase, stage = ring & _PHASE_BITS, ring >> 4 & _STAGE_BITS
        if 0 < phase <= PHASES and stage in _GREEN_STAGES:
            green |= 1 << phase - 1
    return green


def calls_of(calls: int) -> Calls:
    return Calls(calls & _BYTE, calls >> 8 & _BYTE, calls >> 24 & _BYTE)


def is_preempted(priority: int) -> bool:
    return bool(priority & _PREEMPTION_BITS)


def report_of(boot: int, uptime_ms: int, values: Mapping[str, float]) -> Report | None:
    """A report by the names of its good values; None for one without detectors' counts, as of a change of state."""
    if not any(name in values for name in FLOWS):
        return None
    rings = [values.get(name) for name in RINGS]
    known = [int(ring) for ring in rings if ring is not None]
    failed = values.get(FAILED)
    return Report(
        boot,
        uptime_ms,
        tuple(None if (count := values.get(name)) is None else int(count) for name in FLOWS),
        tuple(values.get(name) for name in OCCUPANCIES),
        green_of(*known) if len(known) == len(rings) else None,
        None if failed is None else int(failed),
    )
