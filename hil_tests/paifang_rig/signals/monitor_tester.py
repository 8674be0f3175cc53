"""A tester of conflict monitors: plays each row of the table against a monitor and reports when it has tripped.

    python -m paifang_rig.signals.monitor_tester [--every MS] [--board [DEVICE] [--power COMMAND]]

Each fault is shown to a monitor that has watched a quiet junction for a second: for as long as it must be ignored, and
for ever, when it must trip in time; with every phase of the monitor's sampling against the fault. With --board this is
the monitor of a whole node, which drives the lamps meanwhile (`node_rows`): on a simulated board, or at the end of a
serial line. What such a board needs on its flash and in its NVS is written by --files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from . import node_tester
from .monitor_report import Verdict, report, time_problems
from .monitor_rows import BEFORE_MS, GROUPS, LONGEST_MS, MATRIX, QUIET, ROWS, STREET_A, VEHICLES, Lamps, Row, World
from .shipped import monitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SAMPLE_MS = 20
QUIET_MS = 1_000
CYCLE_MS = 2_000


class MonitorPort(Protocol):
    """A monitor under test, freshly switched on."""

    def sample(self, lamps: Lamps, t_ms: int) -> None: ...

    @property
    def reason(self) -> int: ...

    @property
    def enable(self) -> int: ...

    def power_cycle(self) -> None:
        """Take its power and give it back."""
        ...

    def reset(self) -> None:
        """Press the technician's button."""
        ...


class InProcess:
    """The shipped monitor, on this interpreter. What it latches is written down when it trips, as its role does."""

    def __init__(self, options: int = 0) -> None:
        self._options = options
        self._kept = 0
        self._make(0)

    def sample(self, lamps: Lamps, t_ms: int) -> None:
        asked = lamps.asked or (-1, -1, -1)
        self._monitor.expect(*asked)
        beat = monitor.BEAT * (t_ms // 100 % 2 if lamps.beats else 0)
        closed = monitor.RELAY_CLOSED * lamps.relay_closed
        bits = monitor.SUPPLY_OK * lamps.supply | monitor.STEADY * lamps.steady | beat | closed
        self._monitor.sample(lamps.red, lamps.amber, lamps.green, bits, t_ms)
        self._kept = self._monitor.reason

    @property
    def reason(self) -> int:
        return self._monitor.reason

    @property
    def enable(self) -> int:
        return self._monitor.enable

    def power_cycle(self) -> None:
        self._make(self._kept)

    def reset(self) -> None:
        self._monitor.reset()

    def _make(self, latched: int) -> None:
        self._monitor = monitor.Monitor(MATRIX, VEHICLES, self._options, latched)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report of the shipped monitor; 1 if a row has failed."""
    parser = argparse.ArgumentParser(prog="paifang_rig.signals.monitor_tester", description=__doc__)
    parser.add_argument("--every", type=int, metavar="MS", help="distance of the phases tried (default: 1, boards 5)")
    parser.add_argument("--board", nargs="?", const=node_tester.SIMULATED, metavar="DEVICE", help="a whole node")
    parser.add_argument("--power", default="", metavar="COMMAND", help='switches DEVICE, given "on" or "off"')
    parser.add_argument("--files", type=Path, metavar="FOLDER", help="write flash.bin and nvs.bin for a DEVICE")
    given = parser.parse_args(arguments)
    if given.files:
        node_tester.write_files(given.files)
        return 0
    if given.board:
        make, phases = node_tester.at(given.board, given.power), range(0, SAMPLE_MS, given.every or 5)
        verdicts = node_tester.examine(make, phases)
    else:
        verdicts = test(InProcess, range(0, SAMPLE_MS, given.every or 1))
    print(report(verdicts))
    return 1 if any(verdict.problems for verdict in verdicts) else 0


def test(make: Callable[[int], MonitorPort], phases: range) -> list[Verdict]:
    """Play every row with every phase of sampling. `make(options)`: a monitor that has just got power."""
    return [_test_row(make, row, phases) for row in ROWS] + [_test_self(make)]


def _test_row(make: Callable[[int], MonitorPort], row: Row, phases: range) -> Verdict:
    trips_ms: list[int] = []
    problems: list[str] = []
    for phase_ms in phases:
        for world in row.worlds:
            port = make(row.options)
            tripped_ms = _play(port, world, phase_ms)
            where = f", phase {phase_ms} ms"
            problems += time_problems(row, port.reason, tripped_ms, where)
            if tripped_ms is not None:
                trips_ms.append(tripped_ms)
                problems += _latch_problems(port, row, tripped_ms, where)
        for world in row.ignored:
            port = make(row.options)
            if _play(port, world, phase_ms) is not None:
                problems.append(f"trips on what it must ignore ({monitor.REASONS[port.reason]}), phase {phase_ms} ms")
    return Verdict(row, tuple(trips_ms), tuple(problems))


def _play(port: MonitorPort, world: World, phase_ms: int) -> int | None:
    """When it let go, in ms after the fault; None if it did not."""
    for t_ms in range(phase_ms - QUIET_MS - BEFORE_MS, LONGEST_MS, SAMPLE_MS):
        port.sample(world(t_ms) if t_ms >= -BEFORE_MS else QUIET, t_ms + 20_000)
        if port.reason:
            return t_ms
    return None


def _latch_problems(port: MonitorPort, row: Row, tripped_ms: int, where: str) -> Iterator[str]:
    """A latch holds when all is well again and when the power goes; then it is reset. The relay stays let go."""
    for is_cycled in (False, True):
        if is_cycled:
            port.power_cycle()
        for t_ms in range(tripped_ms, tripped_ms + CYCLE_MS, SAMPLE_MS):
            port.sample(STREET_A._replace(relay_closed=False), t_ms + 20_000)
            if port.reason and port.enable:
                yield "holds the relay though it has tripped" + where
                return
        if bool(port.reason) != row.latches:
            yield f"{'forgets' if row.latches else 'keeps'} its trip{' over a loss of power' * is_cycled}" + where
    port.reset()
    if port.reason:
        yield "cannot be reset" + where


def _test_self(make: Callable[[int], MonitorPort]) -> Verdict:
    row = Row("inverted read-backs at the start", monitor.SELF_TEST, (), (), 0, 0)
    unit = monitor.Monitor(MATRIX, VEHICLES)
    problems = [] if unit.self_test(0b111, 0, 0) else ["does not pass its self-test"]
    blind = monitor.Monitor((0,) * GROUPS, 0)
    blind._gather = lambda *_: None  # noqa: SLF001 - a monitor that judges nothing
    if blind.self_test(0b111, 0, 0) or blind.reason != monitor.SELF_TEST:
        problems.append("a monitor that judges nothing passes its self-test")
    del make
    return Verdict(row, (), tuple(problems))


if __name__ == "__main__":
    sys.exit(main())
