"""Who controls the cross best: SUMO's controllers and the firmware's, over the same traffic.

Every controller has amber 3 s and 2 s of red between conflicting greens, minimum green 5 s, and the same pedestrian
service on the same buttons. What can be chosen of SUMO's controllers was searched for on a seed that no figure uses:
`SEARCHED` has the best of each at each demand, which is more than is done for the firmware: it has one plan for all.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from paifang.insight import pressure

from . import advising, junction, loop, metrics, nets, ports, records, rivals
from . import demand as traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEMANDS = (0.5, 1.0, 1.3)
FIXED, ACTUATED, NEMA, FIRMWARE = "fixed", "SUMO actuated", "SUMO NEMA", "firmware"
ADVISED = "firmware + max-pressure"
CONTROLLERS = (FIXED, ACTUATED, NEMA, FIRMWARE, ADVISED)
SEARCH_SEED = 101

GRIDS: dict[str, tuple[tuple[float, ...], ...]] = {
    # cycle s, share of phases 2 and 6, left turns s
    FIXED: tuple((c, share, left) for c in (74, 84, 96, 110) for share in (0.5, 0.56) for left in (5, 8, 11)),
    # most green s, gap s, jam threshold s
    ACTUATED: tuple((most, gap, jam) for most in (30, 50) for gap in (1.0, 2.0, 3.0) for jam in (-1, 30)),
    # most green s, of left turns s, vehicle extension s
    NEMA: tuple((most, left, ext) for most in (40, 60) for left in (15, 25) for ext in (0.5, 1.0, 2.0, 3.0)),
}
SEARCHED: dict[str, dict[float, tuple[float, ...]]] = {
    FIXED: {0.5: (74, 0.5, 5), 1.0: (84, 0.5, 5), 1.3: (110, 0.56, 11)},
    ACTUATED: {0.5: (50, 2.0, -1), 1.0: (50, 2.0, -1), 1.3: (30, 2.0, -1)},
    NEMA: {0.5: (40, 25, 1.0), 1.0: (40, 25, 1.0), 1.3: (60, 15, 1.0)},
}
PROTECTED: dict[float, tuple[float, ...]] = {0.5: (60, 40, 0.5), 1.0: (60, 40, 0.5), 1.3: (40, 25, 1.0)}
"""What was found for NEMA where left turns have nothing but their own phase."""


@dataclass(frozen=True)
class Entry:
    """One run of the contest. `filtering`: left turns may go on gaps of the oncoming traffic, whoever controls."""

    controller: str
    demand: float
    seed: int
    settings: tuple[float, ...] = ()
    duration_s: int = traffic.DURATION_S
    step_ms: int = 1_000
    filtering: bool = True


@dataclass(frozen=True)
class Outcome:
    """`longest_wait_ms`: the longest red that somebody saw from his call on, where it is measured."""

    entry: Entry
    figures: metrics.Figures
    longest_wait_ms: int


def entries(seeds: Sequence[int], controllers: Sequence[str] = CONTROLLERS) -> list[Entry]:
    """Every controller at every demand over every seed, with the settings that were searched for."""
    return [
        Entry(name, share, seed, SEARCHED.get(name, {}).get(share, ()))
        for share in DEMANDS
        for seed in seeds
        for name in controllers
    ]


def protected_entries(seeds: Sequence[int]) -> list[Entry]:
    """NEMA and the firmware where left turns have nothing but their own phase."""
    return [
        Entry(name, share, seed, PROTECTED[share] if name == NEMA else (), filtering=False)
        for share in DEMANDS
        for seed in seeds
        for name in (NEMA, FIRMWARE)
    ]


def grid(name: str) -> list[Entry]:
    """The search for the settings of one of SUMO's controllers."""
    return [Entry(name, share, SEARCH_SEED, settings) for share in DEMANDS for settings in GRIDS[name]]


def play(every: Sequence[Entry], workers: int = 2) -> Iterator[Outcome]:
    """Run them all, several at a time, each in a process with one simulation at a time."""
    with tempfile.TemporaryDirectory() as place, ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        nets.cross(Path(place))
        yield from pool.map(_play, every, [place] * len(every))


def play_one(entry: Entry, net: nets.Net, folder: Path) -> Outcome:
    """One run on the cross `net`; writes into `folder`."""
    crossing = junction.read(net.path, "c", filtering=entry.filtering)
    folder.mkdir(parents=True, exist_ok=True)
    routes = traffic.cross(folder / "routes.xml", entry.demand, entry.seed, entry.duration_s)
    rival = _rival(entry, crossing)
    run = loop.Run(
        net.path,
        routes,
        folder,
        (crossing,),
        entry.seed,
        entry.step_ms,
        (entry.duration_s + traffic.DRAIN_S) * 1_000,
        rival.program if rival else "",
    )
    driver = rivals.Walks(crossing, rival) if rival else _firmware(crossing, entry.controller == ADVISED)
    result = loop.drive(run, [driver])
    return Outcome(entry, metrics.figures(result), max(result.longest_waits_ms.values(), default=0))


def _play(entry: Entry, place: str) -> Outcome:
    net = nets.Net(Path(place) / "cross.net.xml", ("c",), (), ())
    with tempfile.TemporaryDirectory() as folder:
        return play_one(entry, net, Path(folder))


def _rival(entry: Entry, crossing: junction.Junction) -> rivals.Rival | None:
    first, second, third = (*entry.settings, 0, 0, 0)[:3]
    if entry.controller == FIXED:
        return rivals.fixed(crossing, int(first), second, int(third))
    if entry.controller == ACTUATED:
        return rivals.actuated(crossing, int(first), second, int(third))
    if entry.controller == NEMA:
        return rivals.nema(crossing, int(first), int(second), third)
    return None


def _firmware(crossing: junction.Junction, is_advised: bool) -> loop.Firmware:
    port = ports.InProcess(records.site_record(crossing), records.plan_record(crossing))
    advise = advising.Watch(crossing, pressure.MaxPressure(advised_junction(crossing)).advise) if is_advised else None
    return loop.Firmware(crossing, port, advise)


def advised_junction(crossing: junction.Junction) -> pressure.Junction:
    """What a gateway is told of the cross: rings and lanes, services with walks, its longest red."""
    rings = tuple(
        tuple(tuple(p for p in side if p in crossing.phases) for side in ring)
        for ring in (((1, 2), (3, 4)), ((5, 6), (7, 8)))
    )
    change_s = (records.AMBER_MS + records.RED_MS) / 1_000
    green_s = dict.fromkeys(crossing.phases, records.LEAST_GREEN_MS / 1000)
    green_s |= dict.fromkeys(crossing.ped_phases, float(rivals.walk_s(crossing)))
    return pressure.Junction(
        rings,
        {p: len(crossing.lanes[p]) for p in crossing.phases},
        {p: green_s[p] + change_s for p in crossing.phases},
        {},
        records.MOST_RED_MS / 1_000,
    )
