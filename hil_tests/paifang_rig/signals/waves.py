"""Green waves on the arterial: the same plans with and without coordination, over the same traffic.

The offsets are the gateway's, for the speed that is allowed and the streams that come at both ends.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paifang.insight.waves import Arterial, Green, Junction, Wave, best

from . import demand, junction, loop, metrics, nets, ports, records
from .shipped import phases as options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CYCLE_MS = 110_000
LEFT_MS, SIDE_LEFT_MS, SIDE_MS = 13_000, 12_000, 31_000
_MAIN_MS = CYCLE_MS - LEFT_MS - SIDE_LEFT_MS - SIDE_MS
COUNT = 4
_MAINS = 0b0010_0010
"""Phases 2 and 6."""
_SPLIT_MS = {1: LEFT_MS, 5: LEFT_MS, 3: SIDE_LEFT_MS, 7: SIDE_LEFT_MS, 4: SIDE_MS, 8: SIDE_MS}


@dataclass(frozen=True)
class Entry:
    """One run along the arterial."""

    is_coordinated: bool
    seed: int
    share: float = 1.0
    duration_s: int = demand.DURATION_S


def wave() -> Wave:
    """The offsets from the western end on."""
    green = Green(_MAIN_MS - records.AMBER_MS - records.RED_MS)
    travel_ms = round(nets.SPACING_M / nets.SPEED_M_S * 1_000)
    others = [Junction(green, green, travel_ms, travel_ms)] * (COUNT - 1)
    return best(Arterial(CYCLE_MS, (Junction(green, green), *others), *demand.ALONG))


def coordination(phases: Sequence[int], offset_ms: int) -> list[Any]:
    """The part of a plan that coordinates a junction."""
    splits = [_SPLIT_MS.get(p, _MAIN_MS) for p in phases]
    return [CYCLE_MS, offset_ms, splits, _MAINS, options.SHORTWAY, 0]


def play(entries: Sequence[Entry], workers: int = 2) -> Iterator[metrics.Figures]:
    """Run them all; several at a time."""
    with tempfile.TemporaryDirectory() as place, ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        nets.arterial(Path(place), COUNT)
        yield from pool.map(_play, entries, [place] * len(entries))


def _play(entry: Entry, place: str) -> metrics.Figures:
    net = nets.found_arterial(Path(place), COUNT)
    junctions = tuple(junction.read(net.path, name) for name in net.signals)
    with tempfile.TemporaryDirectory() as folder:
        routes = demand.arterial(Path(folder) / "routes.xml", net, entry.share, entry.seed, entry.duration_s)
        span_ms = (entry.duration_s + demand.DRAIN_S) * 1_000
        run = loop.Run(net.path, routes, Path(folder), junctions, entry.seed, 1_000, span_ms)
        drivers = [loop.Firmware(at, _port(entry, at, i)) for i, at in enumerate(junctions)]
        return metrics.figures(loop.drive(run, drivers))


def _port(entry: Entry, at: junction.Junction, place: int) -> ports.Port:
    cycle = coordination(at.phases, wave().offsets_ms[place]) if entry.is_coordinated else None
    return ports.InProcess(records.site_record(at), records.plan_record(at, coordination=cycle))
