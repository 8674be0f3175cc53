"""Bench suite `signal`: how punctual a signal node is under load, and how much quicker than the street the lock-step.

    python -m paifang_rig.signals.node_bench [--seconds N]

The node is a whole one on a simulated board, in real time, with its own cabinet driver and a gateway. What counts is
when its pins move, as the bench sees it. Late is what is later than the best moment of the run.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import contextlib
import itertools
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paifang.control.async_client import AsyncControlClient
from paifang.errors import PaifangError
from paifang_rig.authority import Authority
from paifang_rig.bench import Bench
from paifang_rig.gateway import GatewayProcess
from paifang_rig.operators import Operators
from paifang_rig.simulated.models.cabinet import Cabinet
from paifang_tools.bench.rows import AT_LEAST, AT_MOST, Row, emit, percentile, row
from paifang_wire import cbor

from . import junction, loop, nets, ports, records, role_heap
from .demand import cross as cross_demand
from .node import example, make_signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SECONDS = 60
SAMPLE_MS = 20
_AROUND = 25
_SPEED_S = 600
_NAME = "signal-1"
_PEOPLE = {name: name.split("-")[0] for name in ("alice-1", "bob-1", "alice-2", "bob-2", "alice-3", "bob-3")}
_HOLD_EVERY_S, _STAGE_EVERY_S, _CLEAR_EVERY_S = 0.1, 0.5, 2.0
_TOML = '[log]\nlevel = "warning"\n[authority.rates]\nper_point = 6000\nper_person = 6000\n'


def main() -> None:
    """Print the suite's rows."""
    parser = argparse.ArgumentParser(prog="paifang_rig.signals.node_bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"of each run (default: {SECONDS})")
    seconds = parser.parse_args().seconds
    emit([*speed(), heap(), *jitter(seconds)])


def speed() -> list[Row]:
    """The lock-step at 0.1 s, at demand 1.0: SUMO, detectors and the shipped code, here and on a board."""
    made: list[Row] = []
    for kind, where in ((ports.InProcess, "in one process"), (ports.OnBoard, "with a whole node on a board")):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            crossing = junction.read(nets.cross(folder).path, "c")
            routes = cross_demand(folder / "routes.xml", 1.0, 1, _SPEED_S)
            run = loop.Run(folder / "cross.net.xml", routes, folder, (crossing,), 1, 100, _SPEED_S * 1_000)
            port = kind(records.site_record(crossing), records.plan_record(crossing))
            try:
                loop.drive(replace(run, duration_ms=1_000), [loop.Firmware(crossing, port)])
                begun = _processor_s()
                loop.drive(run, [loop.Firmware(crossing, port)])
            finally:
                port.close()
            ratio = _SPEED_S / (_processor_s() - begun)
        how = f"{_SPEED_S} s of traffic at demand 1.0, SUMO and node in steps of 0.1 s; processor time of all in it"
        made.append(row(f"lock-step {where}", ratio, "x real time", how, (AT_LEAST, 100)))
    return made


def heap() -> Row:
    """What the role keeps for itself."""
    how = "64-bit unix port, .mpy; a junction of 12 groups after a minute, wire and node's runtime not counted"
    return row("heap kept by the signal role", role_heap.kept_bytes() / 1024, "KiB", how, (AT_MOST, 30))


def jitter(seconds: int) -> list[Row]:
    """Lateness of the outputs: at rest, under commands and signatures, and while flash is written, too."""
    made: list[Row] = []
    for what, works in _LOADS.items():
        with tempfile.TemporaryDirectory(prefix="paifang-jitter-") as place:
            samples, edges, done = asyncio.run(_measure(Path(place), seconds, works))
        how = f"{seconds} s of real time, at the wire" + (f"; {done}" if done else "")
        made += [
            row(f"samples late, {what}: median", percentile(samples, 0.5), "ms", f"{len(samples)} samples, {how}"),
            row(f"samples late, {what}: worst", samples[-1], "ms", f"{len(samples)} samples, {how}"),
            row(f"lamp edges late, {what}: worst", edges[-1], "ms", f"{len(edges)} edges, {how}", (AT_MOST, 20)),
        ]
    return made


def lateness_ms(feeds: Sequence[float], edges: Sequence[float]) -> tuple[list[float], list[float]]:
    """(of samples, of lamp edges): how much later than on a grid of SAMPLE_MS; rising.

    `feeds`: when the relay's pin was changed, once a sample. The grid goes through the best moments of a second around.
    A sample that is late by more than one moves the grid on, as in the node, and counts with all that it was late.
    """
    late: list[float] = []
    begins = [0, *(i for i, (a, b) in enumerate(itertools.pairwise(feeds), 1) if b - a > 2 * SAMPLE_MS), len(feeds)]
    for first, end in itertools.pairwise(begins):
        offsets = [at - feeds[first] - SAMPLE_MS * place for place, at in enumerate(feeds[first:end])]
        late += [each - min(offsets[max(0, i - _AROUND) : i + _AROUND]) for i, each in enumerate(offsets)]
        if first:
            late[first] = feeds[first] - feeds[first - 1] - SAMPLE_MS
    of_edges: list[float] = []
    for edge in edges:
        before = bisect.bisect_right(feeds, edge) - 1
        if before >= 0:
            of_edges.append(late[before] + edge - feeds[before])
    return sorted(late), sorted(of_edges)


class _Load:
    """What keeps the node busy, and how often it was done."""

    def __init__(self, control: AsyncControlClient, operators: Operators, plan: bytes) -> None:
        self.control, self.operators, self.plan = control, operators, plan
        self.held = self.staged = self.cleared = 0

    async def hold(self) -> None:
        """A command of class 1."""
        await self.control.request("send", node=_NAME, point="hold", value=self.held % 256)
        self.held += 1

    async def stage(self) -> None:
        """A plan is checked and written to flash."""
        await self.control.request("signals.stage", node=_NAME, what="plan", payload=self.plan.hex())
        self.staged += 1

    async def clear(self) -> None:
        """Two persons' signatures are verified; nothing is latched, so nothing changes."""
        pair = self.cleared % 3 + 1
        pending = await self.operators.set(f"alice-{pair}", _NAME, "latch", 0)
        receipt = await self.operators.approve(f"bob-{pair}", pending["id"])
        self.cleared += receipt["verdict"] == "executed"


_Work = Callable[[_Load], Awaitable[None]]
_SIGNED = ((_Load.hold, _HOLD_EVERY_S), (_Load.clear, _CLEAR_EVERY_S))
_LOADS: dict[str, tuple[tuple[_Work, float], ...]] = {
    "at rest": (),
    "under load": _SIGNED,
    "while plans are staged, too": (*_SIGNED, (_Load.stage, _STAGE_EVERY_S)),
}


async def _work(load: _Load, seconds: int, works: Iterable[tuple[_Work, float]]) -> str:
    """Do all of these for so long; say how often they were done."""
    tasks = [asyncio.create_task(_again(work, load, every_s)) for work, every_s in works]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    counts = {"commands": load.held, "pairs of signatures verified": load.cleared, "plans staged on flash": load.staged}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


async def _again(work: _Work, load: _Load, every_s: float) -> None:
    while True:
        with contextlib.suppress(PaifangError):  # refused for its rate, or busy: the load goes on
            await work(load)
        await asyncio.sleep(every_s)


async def _measure(
    folder: Path, seconds: int, works: Iterable[tuple[_Work, float]]
) -> tuple[list[float], list[float], str]:
    authority = Authority(people=_PEOPLE)
    site, plan = example()
    cabinet = Cabinet()
    gateway = GatewayProcess(folder / "gateway", toml=_TOML, files=authority.files)
    async with Bench(folder / "bench") as bench, gateway:
        hardware = {"cabinet": {"groups": 16, "detectors": 32}}
        options: dict[str, Any] = {"hardware": hardware, "sensors": [cabinet], "authority": authority}
        node = make_signal(bench, _NAME, site, [plan], gateway.port, **options)
        await gateway.enrol(node.identity)
        async with AsyncControlClient(gateway.control) as control:
            operators = Operators(control.request, authority)
            await operators.load()
            node.board.power_on()
            await gateway.until(lambda shown: shown["connected"] and shown["keyset"] == 1, "nodes.show", node=_NAME)
            await bench.until(lambda: cabinet.street.relay_closed, 30)
            cabinet.covered, cabinet.buttons = 0xFFFFFFFF, 0xFF  # everybody waits: lamps change all the time
            cabinet.edges.clear()
            cabinet.enables.clear()
            done = await _work(_Load(control, operators, cbor.encode(plan)), seconds, works)
            return *lateness_ms(list(cabinet.enables), [at for at, _ in cabinet.edges]), done


def _processor_s() -> float:
    """Of this process and of its children that have ended: both sides wait for one another, one at a time works."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
