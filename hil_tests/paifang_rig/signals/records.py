"""The site safety record and the plan of a junction of a net, as values to be encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .detecting import placed
from .junction import LEFTS
from .shipped import phases as options
from .shipped import site

if TYPE_CHECKING:
    from .junction import Junction

LEAST_GREEN_MS, AMBER_MS, RED_MS, RED_REVERT_MS = 5_000, 3_000, 2_000, 2_000
WALK_MS, BUFFER_MS = 7_000, 3_000
MOST_RED_MS = 180_000
START_MS = (4_000, 6_000)
COUNTRY = "US"
LEFT_DELAY_MS = 24_000
"""A left turn that may also go on a gap calls its own phase when it has found none for so long."""

THROUGH = (2, 4, 6, 8)


@dataclass(frozen=True)
class Timing:
    """What may be chosen in a plan: passage and most green of left turns and through movements, reduction of gaps."""

    passage_ms: int = 1_000
    left_passage_ms: int = 500
    most_ms: int = 50_000
    left_most_ms: int = 25_000
    before_reduction_ms: int = 0
    to_reduce_ms: int = 0
    least_gap_ms: int = 0
    left_delay_ms: int = LEFT_DELAY_MS
    simultaneous_gap: bool = False


def clearance_ms(crossing_mm: int) -> int:
    """Pedestrian clearance of a crossing, at 1.07 m/s, in whole ticks."""
    return -(-crossing_mm * 1000 // (site.WALKING_MM_PER_S * site.TICK_MS)) * site.TICK_MS


def site_record(junction: Junction, most_red_ms: int = MOST_RED_MS) -> list[Any]:
    """Site safety record: amber 3 s and 2 s of red between vehicles, walk and clearance on the crossings."""
    groups: list[list[Any]] = [
        [f"phase {p}", 0, LEAST_GREEN_MS, [0, 0, AMBER_MS], RED_REVERT_MS, 0, most_red_ms] for p in junction.phases
    ]
    for p in junction.ped_phases:
        longest_mm = max(link.crossing_mm for link in junction.groups[junction.ped_group_of(p)])
        fixed = [clearance_ms(longest_mm)]
        groups.append([f"walk {p}", 1, WALK_MS, fixed, RED_REVERT_MS, longest_mm, most_red_ms])
    conflicts = junction.conflicts()
    between = [
        [i, j, BUFFER_MS if groups[i][1] else AMBER_MS + RED_MS]
        for i, mask in enumerate(conflicts)
        for j in range(len(groups))
        if mask >> j & 1
    ]
    return [site.VERSION, COUNTRY, groups, conflicts, between, list(START_MS), []]


def plan_record(junction: Junction, timing: Timing = Timing(), **more: Any) -> list[Any]:
    """Plan of a dual ring, actuated. `more`: `coordination`, `preempts`, `transit`."""
    rows = [_phase(junction, p, timing) for p in junction.phases]
    known = set(junction.phases)
    rings = [[[p for p in side if p in known] for side in ring] for ring in (((1, 2), (3, 4)), ((5, 6), (7, 8)))]
    return [
        1,
        f"{junction.name} actuated",
        rows,
        rings,
        more.get("coordination"),
        more.get("preempts", []),
        more.get("transit", []),
        detectors(junction, timing.left_delay_ms),
    ]


def detectors(junction: Junction, left_delay_ms: int) -> list[list[int]]:
    """One row a detector, in the order of `detecting.placed`. A left turn calls when it has found no gap."""
    spots = placed(junction)
    delays = [left_delay_ms if spot.phase in LEFTS and junction.filtering else 0 for spot in spots]
    rows = zip(spots, delays, strict=True)
    return [[spot.phase, delay_ms, spot.extension_ms, spot.options, 0, 0, 0] for spot, delay_ms in rows]


def _phase(junction: Junction, p: int, timing: Timing) -> list[int]:
    is_through = p in THROUGH
    peds = 1 << junction.ped_group_of(p) if p in junction.ped_phases else 0
    bits = options.DUAL_ENTRY if is_through else 0
    if timing.simultaneous_gap:
        bits |= options.SIMULTANEOUS_GAP
    return [
        p,
        1 << junction.group_of(p),
        peds,
        LEAST_GREEN_MS,
        timing.passage_ms if is_through else timing.left_passage_ms,
        timing.most_ms if is_through else timing.left_most_ms,
        WALK_MS if peds else 0,
        timing.before_reduction_ms,
        timing.to_reduce_ms,
        timing.least_gap_ms,
        AMBER_MS,
        RED_MS,
        bits,
    ]
