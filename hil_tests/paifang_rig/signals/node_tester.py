"""The tester of monitors before a whole node: every row, what is latched, over a loss of power, and who may end it."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

from paifang_rig.authority import Authority
from paifang_rig.nodes import SERIAL_LINK
from paifang_tools import build
from paifang_tools.signals import flash, site_file
from paifang_wire import cbor

from . import node as signal_node
from .drill import LATCHED, RUN
from .monitor_report import Verdict, time_problems
from .monitor_rows import Row
from .node_rows import NODE_ROWS, plan_record, site_record
from .node_stage import Stage
from .ports import OnBoard, OnLine
from .shipped import frames, monitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .in_process import InProcess
    from .node_rows import Played

_LATCH_TICKS = 20
_OFF_MS = 500
_CALLER = 16
"""The interlock's reason of a trip: this and the monitor's."""
_BACK_TICKS = 600


SIMULATED = "sim"
_NAME = "tester"


class Tested(NamedTuple):
    """A node with these monitor options, and whether its power can be cut."""

    port: InProcess | OnBoard | OnLine
    has_power: bool = True


def examine(
    make: Callable[[list[Any], list[Any]], Tested | None],
    phases: range,
    latches: int = 1,
    rows: Sequence[Played] = NODE_ROWS,
) -> list[Verdict]:
    """Play every row with every phase of the sampling. `make(site record, plan record)`: a node with power, or None.

    What is latched is followed over a loss of power in the first `latches` trips of a row.
    """
    verdicts: list[Verdict] = []
    for options in sorted({played.row.options for played in rows}):
        alike = [played for played in rows if played.row.options == options]
        record = site_record(options)
        tested = make(record, plan_record())
        if tested is None:
            verdicts += [Verdict(played.row, (), (), "not played: it takes a node with its option") for played in alike]
            continue
        try:
            stage = Stage(tested.port, record)
            stage.drill.start()
            verdicts += [_test_row(stage, played, phases, latches if tested.has_power else 0) for played in alike]
            verdicts += [] if options else [_test_self(stage)]
        finally:
            tested.port.close()
    return verdicts


def at(board: str, power: str = "") -> Callable[[list[Any], list[Any]], Tested | None]:
    """What makes the node for `examine`: SIMULATED, or a device and the command that switches its power."""

    def make(record: list[Any], plan: list[Any]) -> Tested | None:
        if board == SIMULATED:
            return Tested(OnBoard(record, plan))
        if record[6]:
            return None
        return Tested(OnLine(len(record[2]), board, switch=_switch(power) if power else None), has_power=bool(power))

    return make


def write_files(folder: Path, uart: int = signal_node.LOOP_UART) -> None:
    """flash.bin and nvs.bin of a node that can be tested at the end of a serial line, at this UART of its board."""
    authority, record = Authority(), site_record()
    signed = signal_node.signed_site(authority, _NAME, record)
    hardware = {"monitor": site_file.monitor_config(record), "loop": {"uart": uart, "baud": signal_node.LOOP_BAUD}}
    link = SERIAL_LINK | {"uart": 3 - uart}
    config = {"node": _NAME, "site": authority.site, "role": "traffic_signal", "period_ms": 60_000, "link": link}
    image = build.build_image(config | {"hardware": hardware})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flash.bin").write_bytes(build.add_files(image, flash.files(signed, [cbor.encode(plan_record())])))
    (folder / "nvs.bin").write_bytes(flash.enter(authority.identity(_NAME).nvs(), signed, 1))


def _switch(command: str) -> Callable[[bool], None]:
    def switch(on: bool) -> None:
        subprocess.run([*shlex.split(command), "on" if on else "off"], check=True)

    return switch


def _test_row(stage: Stage, played: Played, phases: range, latches: int) -> Verdict:
    row, trips_ms, problems = played.row, [], []
    for phase_ms in phases:
        where = f", phase {phase_ms} ms"
        for scene in played.ignored:
            if scene(stage, phase_ms) is not None:
                name = monitor.REASONS[stage.drill.port.trip]
                problems.append(f"trips on what it must ignore ({name})" + where)
            _put_right(stage)
        for scene in played.tripping:
            tripped_ms = scene(stage, phase_ms)
            problems += time_problems(row, stage.drill.port.trip, tripped_ms, where)
            if tripped_ms is not None:
                trips_ms.append(tripped_ms)
                problems += [text + where for text in _latch_problems(stage, row, len(trips_ms) <= latches)]
            _put_right(stage)
    return Verdict(row, tuple(trips_ms), tuple(problems), "" if latches else "power was not cut")


def _put_right(stage: Stage) -> None:
    """Everything is as it should be, and the node runs."""
    stage.drill.port.street.mend()
    stage.drill.tick(2)
    if stage.drill.mode == LATCHED:
        stage.drill.reset()
    stage.drill.start()


def _latch_problems(stage: Stage, row: Row, is_cut: bool) -> Iterator[str]:
    """A latch holds when all is well again, when the power goes, and when the door is shut; the relay is let go."""
    drill = stage.drill
    drill.port.street.welded = row.reason == monitor.RELAY
    yield from _held(stage, row, "")
    if row.latches and is_cut:
        drill.brown_out(_OFF_MS)
        yield from _held(stage, row, " over a loss of power")
    if row.latches:
        drill.press(frames.RESET_BUTTON)
        yield from _held(stage, row, " to a button behind a shut door")
    drill.port.street.mend()
    if not row.latches:
        drill.coarse(_BACK_TICKS)
        if drill.mode != RUN:
            yield "keeps its trip"


def _held(stage: Stage, row: Row, how: str) -> Iterator[str]:
    drill = stage.drill
    drill.tick(_LATCH_TICKS)
    if drill.port.street.relay_closed and drill.port.trip and not drill.port.street.welded:
        yield "holds the relay though it has tripped" + how
    is_latched = drill.mode == LATCHED and drill.port.reason == _CALLER + row.reason
    if row.latches and not is_latched:
        yield f"forgets its trip{how}: mode {drill.mode}, reason {drill.port.reason}"


def _test_self(stage: Stage) -> Verdict:
    """A monitor that does not pass its self-test at a start never lets the node run: it does."""
    row = Row("inverted read-backs at the start", monitor.SELF_TEST, (), (), 0, 0)
    return Verdict(row, (), () if stage.drill.mode == RUN else ("the node does not run",))
