"""What is to be seen of a junction now: who waits, by the newest readings, and whether its node takes orders at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paifang.config.units import format_ms
from paifang.errors import PaifangError
from paifang.insight import points
from paifang.insight.congestion import PHASES, STALE_REPORTS
from paifang.insight.pressure import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paifang.settings import PhaseSettings, SignalSettings

STALE, WAITS = "stale", "waits"
"""Why nothing is advised: readings that are missing or old; a node that does something else at the moment."""


class Reading(NamedTuple):
    """The newest value of a point, in its unit and if it was good, and how long ago the node made it."""

    value: float
    age_ms: int


class Sight:
    """`read(node, point)` is the newest reading, None without one; `passed` counts vehicles, a place a phase."""

    def __init__(
        self, settings: SignalSettings, passed: Sequence[int], read: Callable[[str, str], Reading | None]
    ) -> None:
        self._settings = settings
        self._passed = passed
        self._read = read

    def traffic(self, now_ms: int) -> Traffic:
        """Raises PaifangError saying which reading is missing, or what the node does instead of taking orders."""
        self._check_node()
        calls = points.calls_of(self._own(points.CALLS))
        green = points.green_of(*(self._own(ring) for ring in points.RINGS))
        counts = [self._counts(phase) for phase in self._settings.phases]
        coming, standing, ahead = ([0] * PHASES for _ in range(3))
        for phase, count in zip(self._settings.phases, counts, strict=True):
            coming[phase.phase - 1], standing[phase.phase - 1], ahead[phase.phase - 1] = count
        return Traffic(
            t_ms=now_ms,
            coming=tuple(coming),
            standing=tuple(standing),
            ahead=tuple(ahead),
            passed=tuple(self._passed),
            green=green,
            walking=calls.walking,
            buttons=calls.pedestrians,
            calls=calls.vehicles,
        )

    def _check_node(self) -> None:
        if self._own(points.STATE) != points.RUNNING:
            raise PaifangError(f"{self._settings.node} does not run its phases", code=WAITS)
        if self._own(points.MODE) == points.FLASHING:
            raise PaifangError(f"{self._settings.node} is set to flash", code=WAITS)
        if points.is_preempted(self._own(points.PRIORITY)):
            raise PaifangError(f"{self._settings.node} is preempted", code=WAITS)

    def _counts(self, phase: PhaseSettings) -> tuple[int, int, int]:
        """Vehicles that come, that stand, and that are ahead."""
        standing = self._count(phase.standing) if phase.standing else 0
        coming = self._count(phase.coming) if phase.coming else standing
        return coming, standing, self._count(phase.ahead) if phase.ahead else 0

    def _own(self, point: str) -> int:
        """A reading of the node itself, which reports all of them at once."""
        return self._newest(self._settings.node, point, STALE_REPORTS * self._settings.report_ms)

    def _count(self, name: str) -> int:
        node, _, point = name.rpartition("/")
        return self._newest(node, point, self._settings.fresh_ms)

    def _newest(self, node: str, point: str, most_ms: int) -> int:
        found = self._read(node, point)
        if found is None:
            raise PaifangError(f"{node} {point} is not known", "is the node there, and has it this point?", code=STALE)
        if found.age_ms > most_ms:
            hint = f"it may be {format_ms(most_ms)} old"
            raise PaifangError(f"{node} {point} was read too long ago", hint, code=STALE)
        return round(found.value)
