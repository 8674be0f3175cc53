"""A node driven through its ticks and samples, with everything on record: what it shows, and what the street shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang_rig.errors import RigError

from .lamps import LampLog
from .seen import SAMPLE_MS, TICK_MS, Seen
from .shipped import frames
from .street_log import StreetLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .in_process import InProcess
    from .ports import OnBoard, OnLine

RUN, LATCHED = 2, 4
"""Modes of the interlock."""
_CALL = 3
EVERYBODY = Seen(detectors=0xFFFFFFFF, pedestrians=0xFF, order=(_CALL, 0xFF))
"""All detectors are covered, all buttons pressed, and the phases without any are called from the cabinet."""
RESET = frames.RESET_BUTTON | frames.DOOR_OPEN
_START_TICKS = 600


def flasher_of(site_record: Sequence[Any]) -> int:
    """The lamps of a cabinet's flasher: the reds of the vehicles."""
    return sum(1 << i for i, group in enumerate(site_record[2]) if group[1] == 0)


class Drill:
    """`seen` is what the node gets to know in each tick, until it is changed.

    `street` is the log of the street; `logs`: the text of the lamp log of each boot, the last one unfinished.
    """

    def __init__(self, port: InProcess | OnBoard | OnLine, site_record: Sequence[Any], seen: Seen = EVERYBODY) -> None:
        self.port = port
        self.seen = seen
        self.t_ms = 0
        self.mode = -1
        self.shown = b""
        self.street = StreetLog()
        self._logs = [LampLog()]
        port.street.flasher = flasher_of(site_record)
        self._look()

    @property
    def logs(self) -> list[str]:
        return [log.text() for log in self._logs]

    def tick(self, ticks: int = 1) -> None:
        """So many ticks pass, with four samples before each."""
        for _ in range(ticks):
            self.sample(TICK_MS // SAMPLE_MS - 1)
            self.tick_after(SAMPLE_MS)

    def coarse(self, ticks: int) -> None:
        """As `tick`, without samples between: five times as quick, where nothing is to happen."""
        for _ in range(ticks):
            self.tick_after(TICK_MS)

    def tick_after(self, ms: int) -> None:
        """One tick, so long after the step before."""
        self._step(self.port.tick, ms)
        self._logs[-1].note(self.t_ms, self.shown, self.mode)

    def sample(self, samples: int = 1) -> None:
        """So many samples pass, and no tick."""
        for _ in range(samples):
            self._step(self.port.sample)

    def silence(self, ms: int) -> None:
        """The node is not asked for anything, or not there."""
        for _ in range(0, ms, SAMPLE_MS):
            self.t_ms += SAMPLE_MS
            self.port.street.pass_time(self.t_ms)
            self._look()

    def until(self, condition: Callable[[], object], ticks: int, what: str) -> None:
        """Coarse ticks pass until the condition is true; RigError when it is not after so many."""
        for _ in range(ticks):
            if condition():
                return
            self.coarse(1)
        raise RigError(f"{what}: not within {ticks} ticks; mode {self.mode}, reason {self.port.reason}")

    def start(self) -> None:
        """Until it runs."""
        self.until(lambda: self.mode == RUN, _START_TICKS, "the node runs")

    def reset(self) -> None:
        """Everything is put right; somebody opens the door and presses the button; then until it runs."""
        self.port.street.mend()
        self.press(RESET)
        self.start()

    def press(self, hands: int) -> None:
        """These flags for two ticks, and not before and after."""
        seen = self.seen
        for flags in (0, hands, hands, 0):
            self.seen = seen._replace(hands=flags)
            self.tick()
        self.seen = seen

    def brown_out(self, off_ms: int) -> None:
        """Power goes and comes back."""
        self.port.power_cut()
        self.dark(off_ms)
        self.port.power_on()

    def dark(self, off_ms: int) -> None:
        """The node has lost its power, for so long; the next boot has a lamp log of its own."""
        self._look()
        self.silence(off_ms)
        self._logs.append(LampLog())
        self.mode = -1

    def flashes_ms(self, since_ms: int) -> int | None:
        """When the flasher fed the lamps first, from `since_ms` on."""
        for picture in self.street.since(since_ms):
            if picture.by_flasher:
                return picture.t_ms
        return None

    def _step(self, step: Callable[[int, Seen], tuple[bytes, int]], ms: int = SAMPLE_MS) -> None:
        self.t_ms += ms
        self.shown, self.mode = step(self.t_ms, self.seen)
        self._look()

    def _look(self) -> None:
        self.street.note(self.t_ms, self.port.street)
