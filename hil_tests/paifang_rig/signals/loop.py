"""SUMO in lock-step with whatever controls its signals.

SUMO moves in steps of 0.1 s, as a node does, or of 1 s with ten ticks of the node between two. The former is what a
street does; the latter is what the figures are made with, because SUMO's own controllers are made for it and an hour of
traffic takes seconds. Drivers decide once a second in both. Neither is teleporting used nor is a trip forgotten.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import libsumo  # one simulation a process
import sumolib

from .colours import Colours
from .detecting import Eyes, additional
from .lamps import LampLog
from .ports import TICK_MS, Port, Seen
from .records import LEFT_DELAY_MS
from .waits import Waits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .junction import Junction

QUEUE_EVERY_MS = 5_000
BUTTONS_EVERY_MS = 1_000


@dataclass(frozen=True)
class Run:
    """One run: a net, who comes, for how long. `folder` takes what SUMO writes; `programs`: its own signal programs."""

    net: Path
    routes: Path
    folder: Path
    junctions: tuple[Junction, ...]
    seed: int = 1
    step_ms: int = 1_000
    duration_ms: int = 4_200_000
    programs: str = ""


@dataclass
class Result:
    """Where the trips are, and what was seen on the way: the longest queue of a lane, in vehicles."""

    trips: Path
    longest_queue: int = 0
    collisions: int = 0
    longest_waits_ms: dict[str, int] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)


class Driver(Protocol):
    """Controls the signals of one junction."""

    def start(self, sumo: Any) -> None:
        """The simulation stands at its beginning."""
        ...

    def step(self, t_ms: int, step_ms: int) -> None:
        """Before each step of the simulation, which stands at `t_ms`."""
        ...

    def log(self) -> str:
        """The lamp log; empty if it keeps none."""
        ...


class Firmware:
    """Drives a junction with a node's code behind `port`.

    `advise(sumo, t_ms, aspects, buttons)` may give orders ((kind, phases), ...) each second; `wishes(t_ms)` gives
    (preemptions, priorities) as bits and the flash switch. Before traffic begins the node has `warm_ms` to start up.
    """

    def __init__(
        self,
        junction: Junction,
        port: Port,
        advise: Callable[[Any, int, bytes, int], tuple[tuple[int, int], ...]] | None = None,
        wishes: Callable[[int], tuple[int, int, bool]] | None = None,
        warm_ms: int = 15_000,
        left_delay_ms: int = LEFT_DELAY_MS,
    ) -> None:
        self.junction = junction
        self._port = port
        self._advise = advise
        self._wishes = wishes
        self._warm_ms = warm_ms
        self._colours = Colours(junction)
        self._log = LampLog()
        self._orders: list[tuple[int, int]] = []
        self._buttons = 0
        self._aspects = b""
        self.waits = Waits(junction, left_delay_ms if junction.filtering else 0)

    def start(self, sumo: Any) -> None:
        self._sumo = sumo
        self._eyes = Eyes(sumo, self.junction)
        self._ticks(0, self._warm_ms, Seen())

    def step(self, t_ms: int, step_ms: int) -> None:
        if t_ms % BUTTONS_EVERY_MS == 0:
            self._buttons = self._eyes.buttons()
        preempts, transit, flash = self._wishes(t_ms) if self._wishes else (0, 0, False)
        if self._advise and t_ms % 1_000 == 0:
            self._orders = list(self._advise(self._sumo, t_ms, self._aspects, self._buttons))
        seen = Seen(self._eyes.detectors(), self._buttons, preempts, transit, None, flash)
        self._ticks(self._warm_ms + t_ms, step_ms, seen)
        self.waits.note(t_ms, seen.detectors, self._buttons, self._aspects)

    def log(self) -> str:
        return self._log.text()

    def _ticks(self, begin_ms: int, span_ms: int, seen: Seen) -> None:
        changed = False
        for t_ms in range(begin_ms + TICK_MS, begin_ms + span_ms + TICK_MS, TICK_MS):
            # One order fits a frame: several take as many ticks.
            order = self._orders.pop(0) if self._orders else None
            self._aspects, mode = self._port.tick(t_ms, seen._replace(order=order) if order else seen)
            changed = self._log.note(t_ms, self._aspects, mode) or changed
        if changed:
            for signal, state in self._colours.of(self._aspects):
                self._sumo.trafficlight.setRedYellowGreenState(signal, state)


def drive(run: Run, drivers: Sequence[Driver]) -> Result:
    """Run the simulation to its end, with everybody who has not arrived in its books."""
    run.folder.mkdir(parents=True, exist_ok=True)
    trips = run.folder / "trips.xml"
    libsumo.start(command(run, trips))
    result = Result(trips)
    try:
        for driver in drivers:
            driver.start(libsumo)
        lanes = [lane for junction in run.junctions for lane in junction.length_m]
        for t_ms in range(0, run.duration_ms, run.step_ms):
            for driver in drivers:
                driver.step(t_ms, run.step_ms)
            libsumo.simulationStep()
            result.collisions += libsumo.simulation.getCollidingVehiclesNumber()
            if t_ms % QUEUE_EVERY_MS == 0:
                longest = max(libsumo.lane.getLastStepHaltingNumber(lane) for lane in lanes)
                result.longest_queue = max(result.longest_queue, longest)
    finally:
        libsumo.close()
    for driver in drivers:
        if isinstance(driver, Firmware):
            result.longest_waits_ms |= {f"{driver.junction.name} {k}": v for k, v in driver.waits.longest_ms.items()}
    result.logs = {junction.name: driver.log() for junction, driver in zip(run.junctions, drivers, strict=False)}
    return result


def command(run: Run, trips: Path) -> list[str]:
    """The command line of SUMO for a run; `trips`: where it writes who travelled."""
    extra = run.folder / "extra.add.xml"
    extra.write_text(f"<additional>\n{run.programs}\n{additional(run.junctions)}\n</additional>\n")
    command = [shutil.which("sumo") or sumolib.checkBinary("sumo"), "-n", str(run.net), "-r", str(run.routes)]
    command += ["-a", str(extra), "--seed", str(run.seed), "--step-length", str(run.step_ms / 1000)]
    command += ["--default.action-step-length", "1", "--time-to-teleport", "-1", "--no-step-log", "--no-warnings"]
    command += ["--collision.action", "warn", "--tripinfo-output", str(trips)]
    return [*command, "--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted"]
