"""A whole node before a tester: brought into a state by its own plan, then shown what its lamps do not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang_rig.errors import RigError

from .drill import RUN, Drill
from .node_rows import NOBODY, lamps_of
from .seen import SAMPLE_MS, TICK_MS, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from .in_process import InProcess
    from .monitor_rows import Lamps
    from .ports import OnBoard, OnLine

_FLASH = 3
_BRING_TICKS = 900
_SETTLED_TICKS = 35
"""Nothing of what was before is in the monitor's memory any more."""


class Stage:
    """`seen`: what the node gets to know from now on, beside what a scene changes."""

    def __init__(self, port: InProcess | OnBoard | OnLine, site_record: list[Any]) -> None:
        self.drill = Drill(port, site_record, NOBODY)
        self._samples = 0

    @property
    def seen(self) -> Seen:
        return self.drill.seen

    @seen.setter
    def seen(self, seen: Seen) -> None:
        self.drill.seen = seen

    def bring(self, seen: Seen, wanted: Lamps, *, settled: bool = True) -> None:
        """Until the node runs and shows these lamps; if that is to be `settled`, until it has done so for a while."""
        self.seen = seen
        drill, bits, shown_ticks = self.drill, lamps_of(wanted), 0
        for _ in range(_BRING_TICKS):
            shown_ticks = shown_ticks + 1 if drill.mode == RUN and drill.port.street.driven == bits else 0
            if shown_ticks > settled * _SETTLED_TICKS:
                return
            drill.coarse(1)
        raise RigError(f"the node does not come to show {wanted}; mode {drill.mode}, reason {drill.port.reason}")

    def run(self, ms: int) -> None:
        """So long nothing is changed."""
        for _ in range(0, ms, SAMPLE_MS):
            self._step(None)

    def until_flash(self) -> None:
        """Until the node feeds its relay no more."""
        for _ in range(_BRING_TICKS):
            if self.drill.mode == _FLASH:
                return
            self._step(None)
        raise RigError("the node does not flash when it is asked to")

    def watch(self, shown: Callable[[int], Lamps | None], phase_ms: int, ms: int) -> int | None:
        """Show what `shown` gives for the time since the fault, None for what the node shows; when it trips.

        The fault begins `phase_ms` before the first sample that could see it.
        """
        begins_ms = self.drill.t_ms + SAMPLE_MS - phase_ms
        while self.drill.t_ms < begins_ms + ms:
            t_ms = self.drill.t_ms + SAMPLE_MS - begins_ms
            self._step(shown(t_ms))
            if self.drill.port.trip:
                self.drill.port.street.forced = None
                return t_ms
        self.drill.port.street.forced = None
        return None

    def _step(self, lamps: Lamps | None) -> None:
        """One sample, and a tick if one is due and the controller is not to stand still."""
        drill, usual = self.drill, self.seen
        beats = lamps is None or lamps.beats
        drill.port.street.forced = None if lamps is None or not beats else lamps_of(lamps)
        if lamps is not None:
            drill.seen = usual._replace(supply=lamps.supply)
        self._samples += 1
        if self._samples % (TICK_MS // SAMPLE_MS) == 0 and beats:
            drill.tick_after(SAMPLE_MS)
        else:
            drill.sample()
        drill.seen = usual
