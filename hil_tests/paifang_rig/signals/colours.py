"""What a driver in SUMO sees of the aspects of a junction's groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .junction import PHASES
from .shipped import aspects

if TYPE_CHECKING:
    from .junction import Junction, Link

_COLOUR = {
    aspects.RED: "r",
    aspects.RED_AMBER: "u",
    aspects.GREEN: "G",
    aspects.GREEN_FLASH: "G",
    aspects.AMBER: "y",
    aspects.WALK: "G",
    aspects.FLASH_AMBER: "o",
    aspects.FLASH_RED: "s",
    aspects.DARK: "O",
}
"""Everything else is red: pedestrians who have not started when the clearance begins wait."""
_THROUGH_OF_LEFT = {5: 2, 1: 6, 7: 4, 3: 8}


class Colours:
    """SUMO's state strings for the aspects of a junction."""

    def __init__(self, junction: Junction) -> None:
        self._junction = junction
        self._known: dict[bytes, list[tuple[str, str]]] = {}

    def of(self, shown: bytes) -> list[tuple[str, str]]:
        """[(signal, state), ...] for aspects of all groups."""
        found = self._known.get(shown)
        if found is None:
            found = self._known[shown] = self._make(shown)
        return found

    def _make(self, shown: bytes) -> list[tuple[str, str]]:
        states: dict[str, dict[int, str]] = {}
        for link in self._junction.links:
            states.setdefault(link.signal, {})[link.index] = self._colour(link, shown)
        return [(signal, "".join(row[i] for i in sorted(row))) for signal, row in states.items()]

    def _colour(self, link: Link, shown: bytes) -> str:
        junction = self._junction
        if link.crossing:
            aspect = shown[junction.ped_group_of(link.phase)]
            return "G" if aspect == aspects.WALK else "r"
        colour = _COLOUR.get(shown[junction.group_of(link.phase)], "r")
        if colour == "G" and link.direction in "rR":
            return "g"
        through = _THROUGH_OF_LEFT.get(link.phase)
        if colour == "r" and through in junction.phases and junction.filtering:
            beside = _COLOUR.get(shown[junction.group_of(through)], "r")
            return "g" if beside == "G" else beside
        return colour


assert 2 * len(_THROUGH_OF_LEFT) == PHASES
