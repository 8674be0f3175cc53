"""What a gateway sees of a junction, and the orders it gives the node: hold, force-off, omit, call.

A gateway sees detectors: how many vehicles are on the way to each movement, as far as its cameras reach, how many of
them stand, how much room there is behind the junction; and what the node reports of its phases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .shipped import aspects

if TYPE_CHECKING:
    from .junction import Junction

HOLD, FORCE_OFF, OMIT, CALL, PED_CALL = range(5)


class Traffic(NamedTuple):
    """Tuples have a place a phase, phase n at n - 1; masks a bit. Counts are of vehicles.

    `coming`: on the approach, `standing`: of them, `ahead`: on the road they turn into; `passed`: since the beginning.
    `green`, `walking`: phases that show it; `buttons`: phases beside which pedestrians wait.
    """

    t_ms: int
    coming: tuple[int, ...]
    standing: tuple[int, ...]
    ahead: tuple[int, ...]
    green: int
    walking: int
    buttons: int


Adviser = Callable[[Traffic], "tuple[tuple[int, int], ...]"]
"""Orders as (kind, phases), each valid for 10 s at the node unless renewed."""


class Watch:
    """Makes an adviser of traffic one that `loop.Firmware` can ask."""

    def __init__(self, junction: Junction, adviser: Adviser) -> None:
        self._junction = junction
        self._adviser = adviser
        self._exits: dict[int, tuple[str, ...]] = {}

    def __call__(self, sumo: Any, t_ms: int, shown: bytes, buttons: int) -> tuple[tuple[int, int], ...]:
        return self._adviser(self._traffic(sumo, t_ms, shown, buttons))

    def _traffic(self, sumo: Any, t_ms: int, shown: bytes, buttons: int) -> Traffic:
        junction = self._junction
        if not self._exits:
            self._exits = self._find_exits(sumo)
        coming, standing, ahead = [0] * 8, [0] * 8, [0] * 8
        green = walking = 0
        for p in junction.phases:
            for lane in junction.lanes[p]:
                coming[p - 1] += sumo.lane.getLastStepVehicleNumber(lane)
                standing[p - 1] += sumo.lane.getLastStepHaltingNumber(lane)
            ahead[p - 1] = sum(sumo.edge.getLastStepVehicleNumber(edge) for edge in self._exits[p])
            green |= (shown[junction.group_of(p)] == aspects.GREEN) << p - 1
        for p in junction.ped_phases:
            walking |= (shown[junction.ped_group_of(p)] in (aspects.WALK, aspects.WALK_FLASH)) << p - 1
        return Traffic(t_ms, tuple(coming), tuple(standing), tuple(ahead), green, walking, buttons)

    def _find_exits(self, sumo: Any) -> dict[int, tuple[str, ...]]:
        controlled = sumo.trafficlight.getControlledLinks(self._junction.name)
        found: dict[int, dict[str, None]] = {p: {} for p in self._junction.phases}
        for link in self._junction.links:
            if not link.crossing:
                found[link.phase][sumo.lane.getEdgeID(controlled[link.index][0][1])] = None
        return {p: tuple(edges) for p, edges in found.items()}
