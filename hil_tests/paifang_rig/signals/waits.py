"""How long somebody has waited for his green: pedestrians from the button on, vehicles from their call on.

A vehicle calls when it has covered its detector for the detector's delay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .detecting import placed
from .junction import LEFTS
from .shipped import aspects

if TYPE_CHECKING:
    from .junction import Junction


class Waits:
    """`longest_ms`: by name (`phase 1`, `walk 2`), the longest red that somebody has seen from its call to its end.

    A vehicle that goes away, on a gap of the oncoming traffic, has not waited; a pedestrian who has pressed waits.
    """

    def __init__(self, junction: Junction, left_delay_ms: int = 0) -> None:
        self._delays = {f"phase {p}": left_delay_ms for p in LEFTS}
        self._zones = [0] * (max(junction.phases) + 1)
        for i, spot in enumerate(placed(junction)):
            if spot.length_m:
                self._zones[spot.phase] |= 1 << i
        self._vehicles = [(p, junction.group_of(p), f"phase {p}") for p in junction.phases]
        self._walks = [(p, junction.ped_group_of(p), f"walk {p}") for p in junction.ped_phases]
        self._since: dict[str, int] = {}
        self.longest_ms = {name: 0 for _, _, name in (*self._vehicles, *self._walks)}

    def note(self, t_ms: int, detectors: int, buttons: int, shown: bytes) -> None:
        """What was detected up to `t_ms` and what is shown then."""
        for p, group, name in self._vehicles:
            self._judge(name, t_ms, bool(detectors & self._zones[p]), shown[group] == aspects.GREEN)
        for p, group, name in self._walks:
            called = bool(buttons >> p - 1 & 1) or name in self._since
            self._judge(name, t_ms, called, shown[group] == aspects.WALK)

    def _judge(self, name: str, t_ms: int, called: bool, served: bool) -> None:
        if not called or served:
            begun_ms = self._since.pop(name, t_ms)
            if served:
                self.longest_ms[name] = max(self.longest_ms[name], t_ms - begun_ms)
        else:
            self._since.setdefault(name, t_ms + self._delays.get(name, 0))
            self.longest_ms[name] = max(self.longest_ms[name], t_ms - self._since[name])
