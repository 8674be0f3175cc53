"""Detectors and buttons of a junction in SUMO: where they lie, and what they say as bits.

Each lane has a zone before its stop line; through lanes have a loop further back, where a vehicle drives 3 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .junction import LEFTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .junction import Junction

ZONE_M = 20.0
ADVANCE_M = 40.0
STANDING_M_S = 0.2
MOST = 32
_MOST_AREAS = 16


@dataclass(frozen=True)
class Spot:
    """One detector: a zone (`length_m` > 0) or a loop on each of `lanes`; its near end is `back_m` before the line."""

    phase: int
    lanes: tuple[str, ...]
    back_m: float
    length_m: float
    extension_ms: int = 0
    options: int = 0

    def name(self, lane: str) -> str:
        """What SUMO calls its part on a lane. Two phases may share a lane."""
        return f"{self.phase}_{lane}_{'zone' if self.length_m else 'loop'}"


def placed(junction: Junction) -> list[Spot]:
    """All detectors of a junction, in the order of their bits: a zone a lane, then loops, wired together a movement."""
    zones = [Spot(p, (lane,), 0.0, ZONE_M) for p in junction.phases for lane in junction.lanes[p]]
    far = {p: tuple(n for n in junction.lanes[p] if junction.length_m[n] > 2 * ADVANCE_M) for p in junction.phases}
    loops = [Spot(p, far[p], ADVANCE_M, 0.0) for p in junction.phases if p not in LEFTS and far[p]]
    return (zones + loops)[:MOST]


def additional(junctions: Sequence[Junction]) -> str:
    """The elements of an additional file of SUMO that lays the detectors."""
    return "\n".join(
        _element(spot, lane, junction.length_m[lane])
        for junction in junctions
        for spot in placed(junction)
        for lane in spot.lanes
    )


def _element(spot: Spot, lane: str, lane_m: float) -> str:
    end = lane_m - spot.back_m - 0.1
    start = f'id="{spot.name(lane)}" lane="{lane}" period="3600" file="NUL"'
    if not spot.length_m:
        return f'<inductionLoop {start} pos="{end:.2f}"/>'
    return f'<laneAreaDetector {start} pos="{max(end - spot.length_m, 0.1):.2f}" endPos="{end:.2f}"/>'


class Eyes:
    """Reads the detectors and buttons of one junction in a running simulation. `sumo`: the libsumo module."""

    def __init__(self, sumo: Any, junction: Junction) -> None:
        self._counts = [
            (1 << i, (sumo.lanearea if spot.length_m else sumo.inductionloop).getLastStepVehicleNumber, spot.name(lane))
            for i, spot in enumerate(placed(junction))
            for lane in spot.lanes
        ]
        self._persons = sumo.person
        self._edges = sumo.edge
        self._buttons = {link.crossing: 1 << link.phase - 1 for link in junction.links if link.crossing}
        known = set(sumo.edge.getIDList())
        areas = [f":{junction.name}_w{i}" for i in range(_MOST_AREAS)]
        self._waiting = [name for name in areas if name in known]

    def detectors(self) -> int:
        """Bit i: detector i is covered now."""
        bits = 0
        for bit, count, name in self._counts:
            if not bits & bit and count(name):
                bits |= bit
        return bits

    def buttons(self) -> int:
        """Bit n - 1: somebody stands before the crossing beside phase n and waits."""
        bits = 0
        for area in self._waiting:
            for person in self._edges.getLastStepPersonIDs(area):
                bit = self._buttons.get(self._persons.getNextEdge(person), 0)
                if bit and self._persons.getSpeed(person) < STANDING_M_S:
                    bits |= bit
        return bits
