"""A tester of conflict monitors: plays each row of the table against a monitor and reports when it has tripped.

    python -m paifang_rig.signals.monitor_tester [--every MS]

Each fault is shown to a monitor that has watched a quiet junction for a second: for as long as it must be ignored, and
for ever, when it must trip in time; with every phase of the monitor's sampling against the fault.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .monitor_rows import BEFORE_MS, GROUPS, LONGEST_MS, MATRIX, QUIET, ROWS, STREET_A, VEHICLES, Lamps, Row, World
from .shipped import monitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


class Verdict(NamedTuple):
    """Of a row: the trip times that were measured, and what was wrong (empty: nothing)."""

    row: Row
    trips_ms: tuple[int, ...]
    problems: tuple[str, ...]


def main() -> int:
    """Print the report of the shipped monitor; 1 if a row has failed."""
    parser = argparse.ArgumentParser(prog="paifang_rig.signals.monitor_tester", description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="MS", help="distance of the phases tried (default: 1)")
    verdicts = test(InProcess, range(0, SAMPLE_MS, parser.parse_args().every))
    print(report(verdicts))
    return 1 if any(verdict.problems for verdict in verdicts) else 0


def test(make: Callable[[int], MonitorPort], phases: range) -> list[Verdict]:
    """Play every row with every phase of sampling. `make(options)`: a monitor that has just got power."""
    return [_test_row(make, row, phases) for row in ROWS] + [_test_self(make)]


def report(verdicts: list[Verdict]) -> str:
    """The table that goes with a delivered unit."""
    lines = [f"{'row':42} {'must trip, ms':>14} {'measured, ms':>14} {'runs':>5}  verdict"]
    for row, trips_ms, problems in verdicts:
        due = f"{row.least_ms}-{row.most_ms}"
        measured = f"{min(trips_ms)}-{max(trips_ms)}" if trips_ms else "-"
        lines.append(
            f"{row.name:42} {due:>14} {measured:>14} {len(trips_ms):>5}  {'passed' if not problems else 'FAILED'}"
        )
        lines += [f"    {problem}" for problem in problems]
    return "\n".join(lines)


def _test_row(make: Callable[[int], MonitorPort], row: Row, phases: range) -> Verdict:
    trips_ms: list[int] = []
    problems: list[str] = []
    for phase_ms in phases:
        for world in row.worlds:
            port = make(row.options)
            tripped_ms = _play(port, world, phase_ms)
            problems += _trip_problems(port, row, tripped_ms, phase_ms)
            trips_ms += [] if tripped_ms is None else [tripped_ms]
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


def _trip_problems(port: MonitorPort, row: Row, tripped_ms: int | None, phase_ms: int) -> Iterator[str]:
    where = f", phase {phase_ms} ms"
    if tripped_ms is None:
        yield "does not trip" + where
        return
    if port.reason != row.reason:
        yield f"trips for {monitor.REASONS[port.reason]!r}" + where
    if not row.least_ms <= tripped_ms <= row.most_ms:
        yield f"trips after {tripped_ms} ms" + where
    if row.own_ms and abs(tripped_ms - row.own_ms[0]) > row.own_ms[1]:
        yield f"trips after {tripped_ms} ms, which is not {row.own_ms[0]} ± {row.own_ms[1]} ms" + where
    yield from _latch_problems(port, row, tripped_ms, where)


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
