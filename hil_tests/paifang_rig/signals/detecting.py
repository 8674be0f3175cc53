"""Detectors and buttons of a junction in SUMO: where they lie, and what they say as bits.

Each lane has a zone before its stop line and a loop further back, about as far as a vehicle drives in 3 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .junction import Junction

ZONE_M = 20.0
ADVANCE_M = 40.0
STANDING_M_S = 0.2
MOST = 32


@dataclass(frozen=True)
class Spot:
    """A zone (`length_m` > 0) or a loop, whose nearer end lies `back_m` before the stop line of `lane`."""

    name: str
    phase: int
    lane: str
    back_m: float
    length_m: float
    extension_ms: int = 0
    options: int = 0


def placed(junction: Junction) -> list[Spot]:
    """All detectors of a junction, in the order of their bits: zones first, then, as far as they find room, loops."""
    spots: list[Spot] = []
    for length_m, back_m in ((ZONE_M, 0.0), (0.0, ADVANCE_M)):
        for phase in junction.phases:
            for lane in junction.lanes[phase]:
                kind = "zone" if length_m else "loop"
                # A lane that two phases share is seen by both.
                name = f"{junction.name}_{phase}_{lane}_{kind}"
                if junction.length_m[lane] > back_m + 1 and len(spots) < MOST:
                    spots.append(Spot(name, phase, lane, back_m, min(length_m, junction.length_m[lane] - 1)))
    return spots


def additional(junctions: Sequence[Junction]) -> str:
    """The elements of an additional file of SUMO that lays the detectors."""
    lines: list[str] = []
    for junction in junctions:
        for spot in placed(junction):
            end = junction.length_m[spot.lane] - spot.back_m - 0.1
            if spot.length_m:
                place = f'pos="{end - spot.length_m:.2f}" endPos="{end:.2f}"'
                lines.append(
                    f'<laneAreaDetector id="{spot.name}" lane="{spot.lane}" {place} period="3600" file="NUL"/>'
                )
            else:
                lines.append(
                    f'<inductionLoop id="{spot.name}" lane="{spot.lane}" pos="{end:.2f}" period="3600" file="NUL"/>'
                )
    return "\n".join(lines)


class Eyes:
    """Reads the detectors and buttons of one junction in a running simulation. `sumo`: the libsumo module."""

    def __init__(self, sumo: Any, junction: Junction) -> None:
        self._counts = [
            ((sumo.lanearea if spot.length_m else sumo.inductionloop).getLastStepVehicleNumber, spot.name)
            for spot in placed(junction)
        ]
        self._persons = sumo.person
        self._edges = sumo.edge
        self._buttons = {link.crossing: 1 << link.phase - 1 for link in junction.links if link.crossing}
        self._waiting = tuple(f":{junction.name}_w{i}" for i in range(8))
        known = set(sumo.edge.getIDList())
        self._waiting = tuple(name for name in self._waiting if name in known)

    def detectors(self) -> int:
        """Bit i: detector i is covered now."""
        bits = 0
        for i, (count, name) in enumerate(self._counts):
            if count(name):
                bits |= 1 << i
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
