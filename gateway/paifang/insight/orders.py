"""What a node is to be sent so that it goes by what is advised: what has changed, and what is about to lapse."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS = ("hold", "force_off", "omit", "call", "ped_call")
"""The node's points that take orders, at the number that each kind has in its firmware."""
LAPSES_MS = 10_000
"""The node forgets an order that is not renewed."""
RENEW_MS = 5_000


class Due(NamedTuple):
    """One command: the phases (bits) that `KINDS[kind]` is set to."""

    kind: int
    phases: int


class _Standing(NamedTuple):
    phases: int
    sent_ms: int


class Orders:
    """What one node has been told. Times are of any clock that goes on evenly."""

    def __init__(self) -> None:
        self._standing: dict[int, _Standing] = {}

    def due(self, wanted: Iterable[tuple[int, int]], now_ms: int) -> list[Due]:
        """Commands for `wanted` (kind, phases), the most urgent first: what has changed, then what lapses soonest."""
        phases_of = [0] * len(KINDS)
        for kind, phases in wanted:
            phases_of[kind] |= phases
        changed: list[Due] = []
        renewed: list[tuple[int, Due]] = []
        for kind, phases in enumerate(phases_of):
            standing = self._in_force(kind, now_ms)
            if phases != standing.phases:
                changed.append(Due(kind, phases))
            elif phases and now_ms - standing.sent_ms >= RENEW_MS:
                renewed.append((standing.sent_ms, Due(kind, phases)))
        return changed + [due for _, due in sorted(renewed)]

    def sent(self, due: Due, now_ms: int) -> None:
        """The node has executed it."""
        self._standing[due.kind] = _Standing(due.phases, now_ms)

    def forget(self) -> None:
        """What the node goes by is not known any more, or left to lapse: all that is wanted counts as new."""
        self._standing.clear()

    def in_force(self, now_ms: int) -> dict[str, int]:
        """Phases (bits) by the name of the kind, of what the node goes by now."""
        named = {KINDS[kind]: self._in_force(kind, now_ms).phases for kind in sorted(self._standing)}
        return {name: phases for name, phases in named.items() if phases}

    def _in_force(self, kind: int, now_ms: int) -> _Standing:
        standing = self._standing.get(kind)
        return standing if standing and now_ms - standing.sent_ms < LAPSES_MS else _Standing(0, now_ms)
