"""What a gateway sees of a junction in SUMO, for whoever gives the node orders: hold, force-off, omit, call.

A gateway sees detectors: how many vehicles are on the way to each movement, as far as its cameras reach, how many of
them stand, how much room there is behind the junction; and what the node reports of its phases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paifang.insight.pressure import Traffic

from .shipped import aspects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .junction import Junction

Adviser = Callable[[Traffic], "Iterable[tuple[int, int]]"]
"""Orders as (kind, phases), each valid for 10 s at the node unless renewed."""


class Watch:
    """Makes an adviser of traffic one that `loop.Firmware` can ask."""

    def __init__(self, junction: Junction, adviser: Adviser) -> None:
        self._junction = junction
        self._adviser = adviser
        self._exits: dict[int, tuple[str, ...]] = {}
        self._on: dict[int, set[str]] = {}
        self._passed = [0] * 8
        self._given: dict[int, int] = {}

    def __call__(self, sumo: Any, t_ms: int, shown: bytes, buttons: int) -> tuple[tuple[int, int], ...]:
        """What is to be sent now: an order that stands is renewed, one that does not any more is taken back."""
        wanted = dict(self._adviser(self._traffic(sumo, t_ms, shown, buttons)))
        sent = wanted | {kind: 0 for kind, phases in self._given.items() if phases and kind not in wanted}
        self._given = wanted
        return tuple(sent.items())

    def _traffic(self, sumo: Any, t_ms: int, shown: bytes, buttons: int) -> Traffic:
        junction = self._junction
        if not self._exits:
            self._exits = self._find_exits(sumo)
        coming, standing, ahead = [0] * 8, [0] * 8, [0] * 8
        green = walking = calls = 0
        for p in junction.phases:
            on = {name for lane in junction.lanes[p] for name in sumo.lane.getLastStepVehicleIDs(lane)}
            self._passed[p - 1] += sum(self._has_passed(sumo, name) for name in self._on.get(p, set()) - on)
            self._on[p] = on
            coming[p - 1] = len(on)
            standing[p - 1] = sum(sumo.lane.getLastStepHaltingNumber(lane) for lane in junction.lanes[p])
            ahead[p - 1] = sum(sumo.edge.getLastStepVehicleNumber(edge) for edge in self._exits[p])
            is_green = shown[junction.group_of(p)] == aspects.GREEN
            green |= is_green << p - 1
            calls |= (standing[p - 1] > 0 and not is_green) << p - 1
        for p in junction.ped_phases:
            walking |= (shown[junction.ped_group_of(p)] in (aspects.WALK, aspects.WALK_FLASH)) << p - 1
        counts = (tuple(coming), tuple(standing), tuple(ahead), tuple(self._passed))
        return Traffic(t_ms, *counts, green, walking, buttons, calls)

    def _has_passed(self, sumo: Any, name: str) -> bool:
        """Whether a vehicle that is no more on its lanes is on the junction or behind it."""
        if name not in sumo.vehicle.getIDList():
            return True
        return sumo.vehicle.getRoadID(name).startswith(f":{self._junction.name}_")

    def _find_exits(self, sumo: Any) -> dict[int, tuple[str, ...]]:
        controlled = sumo.trafficlight.getControlledLinks(self._junction.name)
        found: dict[int, dict[str, None]] = {p: {} for p in self._junction.phases}
        for link in self._junction.links:
            if not link.crossing:
                found[link.phase][sumo.lane.getEdgeID(controlled[link.index][0][1])] = None
        return {p: tuple(edges) for p, edges in found.items()}
