"""A tester of conflict monitors: plays each row of the table against a monitor and reports when it has tripped.

    python -m paifang_rig.signals.monitor_tester [--every MS]

Each fault is shown to a monitor that has watched a quiet junction for a second: for as long as it must be ignored, and
for ever, when it must trip in time; with every phase of the monitor's sampling against the fault. Rows and their times
are those of testers in the field (ignore and trip of ATSI PCMT-8000: conflict 200/450 ms, no lamp 700/1000 ms, supply
125/175 ms); what is asked of this monitor beyond them stands in `own`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .shipped import monitor

SAMPLE_MS = 20
QUIET_MS = 1_000
LONGEST_MS = 3_000
CYCLE_MS = 2_000

# The junction under test: two streets and a crossing. Group 2, the crossing, may walk with group 0.
GROUPS = 3
MATRIX = (0b010, 0b101, 0b010)
VEHICLES = 0b011


class Lamps(NamedTuple):
    """What is lit, as a bitmask of groups a colour; what else the monitor sees; what the controller has asked for."""

    red: int = 0b111
    amber: int = 0
    green: int = 0
    supply: bool = True
    steady: bool = True
    beats: bool = True
    relay_closed: bool = True
    asked: tuple[int, int, int] | None = None


QUIET = Lamps()
STREET_A = Lamps(0b110, 0, 0b001)
World = Callable[[int], Lamps]
"""What is to be seen at a time in ms; the fault begins at 0, a quiet junction before it."""


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


def lasting(fault: Lamps, ms: int = LONGEST_MS, otherwise: Lamps = STREET_A) -> World:
    """`fault` for `ms`, then all is well again."""
    return lambda t_ms: fault if 0 <= t_ms < ms else otherwise


def pulsed(fault: Lamps, on_ms: int, every_ms: int) -> World:
    """`fault` for `on_ms` in each `every_ms`."""
    return lambda t_ms: fault if t_ms >= 0 and t_ms % every_ms < on_ms else STREET_A


def sequence(*parts: tuple[int, Lamps]) -> World:
    """Each part from its time on; the first from before 0."""

    def world(t_ms: int) -> Lamps:
        shown = parts[0][1]
        for begin_ms, lamps in parts:
            if t_ms >= begin_ms:
                shown = lamps
        return shown

    return world


@dataclass(frozen=True)
class Row:
    """A row of the table. `worlds`: what must trip it, with `reason`; `ignored`: what must not.

    `least_ms`, `most_ms`: when it must have tripped, counted from the fault; `own_ms`: (about, give or take) of this
    monitor; `latches`: through a loss of power; `options` of the monitor.
    """

    name: str
    reason: int
    worlds: tuple[World, ...]
    ignored: tuple[World, ...]
    least_ms: int
    most_ms: int
    own_ms: tuple[int, int] | None = None
    latches: bool = True
    options: int = 0


class Verdict(NamedTuple):
    """Of a row: the trip times that were measured, and what was wrong (empty: nothing)."""

    row: Row
    trips_ms: tuple[int, ...]
    problems: tuple[str, ...]


_GREENS = Lamps(0b100, 0, 0b011)
_AMBER_A = Lamps(0b110, 0b001)
_STREET_B = Lamps(0b101, 0, 0b010)
_DARK_FACE = Lamps(0b100, 0, 0b001)
_SUPPLY = STREET_A._replace(supply=False)
_RED_GREEN = Lamps(0b111, 0, 0b001)
_NOT_ASKED = STREET_A._replace(asked=(0b101, 0, 0b010))
_AMBER_A_GREEN_B = Lamps(0b100, 0b001, 0b010)
_CONFLICTS = (
    (_GREENS, STREET_A),
    (Lamps(0b100, 0b010, 0b001), STREET_A),
    (_AMBER_A_GREEN_B, _AMBER_A),
    (Lamps(0b100, 0b011, 0), _AMBER_A),
    (Lamps(0b001, 0, 0b110), QUIET),
    (Lamps(0b001, 0b010, 0b100), QUIET),
)
"""Green, amber and walk with one another; what was shown before."""
_LATCH_SUPPLY = monitor.LATCH_SUPPLY
_CLEAR_MS = 800

ROWS: tuple[Row, ...] = (
    Row(
        "conflict",
        monitor.CONFLICT,
        tuple(lasting(lamps, LONGEST_MS, before) for lamps, before in _CONFLICTS),
        tuple(lasting(lamps, 199, before) for lamps, before in _CONFLICTS),
        200,
        450,
        (300, 20),
    ),
    Row("no lamp on a face", monitor.NO_LAMP, (lasting(_DARK_FACE),), (lasting(_DARK_FACE, 699),), 700, 1_000),
    Row("two indications on a face", monitor.DUAL, (lasting(_RED_GREEN),), (lasting(_RED_GREEN, 299),), 300, 450),
    Row("not as asked", monitor.MISMATCH, (lasting(_NOT_ASKED),), (lasting(_NOT_ASKED, 299),), 300, 450),
    Row(
        "amber left out",
        monitor.NO_AMBER,
        (sequence((-1, STREET_A), (0, QUIET)),),
        (sequence((-1, STREET_A), (0, _AMBER_A), (3_000, QUIET)),),
        0,
        100,
    ),
    Row(
        "amber too short",
        monitor.SHORT_AMBER,
        (sequence((-9_000, STREET_A), (-2_600, _AMBER_A), (0, QUIET)),),
        (sequence((-9_000, STREET_A), (-2_800, _AMBER_A), (0, QUIET)),),
        0,
        100,
    ),
    Row(
        "amber and red too short",
        monitor.SHORT_CLEARANCE,
        (sequence((-9_000, STREET_A), (-2_600, _AMBER_A), (0, _AMBER_A_GREEN_B), (200, _STREET_B)),),
        (sequence((-9_000, STREET_A), (-3_000, _AMBER_A), (0, _STREET_B)),),
        0,
        450,
    ),
    Row(
        "conflict in pulses of 100 ms each 200 ms",
        monitor.CONFLICT,
        (pulsed(_GREENS, 100, 200),),
        (pulsed(_GREENS, 100, 100 + _CLEAR_MS),),
        400,
        900,
    ),
    Row("supply low", monitor.SUPPLY, (lasting(_SUPPLY),), (lasting(_SUPPLY, 124),), 125, 175, latches=False),
    Row(
        "supply low, latching",
        monitor.SUPPLY,
        (lasting(_SUPPLY),),
        (lasting(_SUPPLY, 124),),
        125,
        175,
        options=_LATCH_SUPPLY,
    ),
    Row(
        "controller stalls",
        monitor.STALLED,
        (lasting(STREET_A._replace(beats=False)),),
        (lasting(STREET_A._replace(beats=False), 500),),
        500,
        1_500,
    ),
    Row(
        "relay closed while let go",
        monitor.RELAY,
        (lasting(Lamps(0, 0b011, 0, steady=False)),),
        (lasting(Lamps(0, 0b011, 0, steady=False), 100),),
        100,
        500,
    ),
)


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
    for t_ms in range(phase_ms - QUIET_MS - 9_000, LONGEST_MS, SAMPLE_MS):
        port.sample(world(t_ms) if t_ms >= -9_000 else QUIET, t_ms + 20_000)
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
