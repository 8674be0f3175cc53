"""The demo's two junctions of an arterial: whole signal nodes with their cabinets, and simulated traffic before them.

SUMO moves the traffic where it can be loaded; elsewhere vehicles and pedestrians call at random. What drivers see are
the lamps of the street, as the cabinets' currents have them.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from paifang_rig.signals.node import example, make_signal
from paifang_rig.signals.street import GREEN_SHIFT
from paifang_rig.simulated.models.cabinet import Cabinet

if TYPE_CHECKING:
    from pathlib import Path

    from paifang_rig.authority import Authority
    from paifang_rig.bench import Bench
    from paifang_rig.nodes import Node

NAMES: tuple[str, ...] = ("j-1", "j-2")
STEP_S = 0.1
SHARE = 1.3
"""Of the arterial's usual demand: so that a short demo has something to see."""
_SEED = 7
_MOST_S = 3_600
_CALL_CHANCE = 0.02
_HARDWARE = {"cabinet": {"groups": 16, "detectors": 32}}
_VEHICLES = 8
_PREEMPTS, _DWELL = 5, 4
"""Places in a plan record and in its rows of preemptions."""


class Traffic(Protocol):
    """Who comes: `step` moves them on by STEP_S."""

    name: str

    def step(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Junctions:
    """By name the nodes, without power yet, their cabinets, site records and plans; and who comes."""

    nodes: dict[str, Node]
    cabinets: dict[str, Cabinet]
    records: dict[str, tuple[list[Any], list[Any]]]
    traffic: Traffic

    async def run(self) -> None:
        """Move the traffic in the street's own time, for ever."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self.traffic.step()
            due_s = max(due_s + STEP_S, loop.time())
            await asyncio.sleep(due_s - loop.time())

    def emergency(self, name: str) -> tuple[int, int]:
        """(row, phases as bits) of the plan's first preemption by an emergency vehicle."""
        rows = self.records[name][1][_PREEMPTS]
        return next((i, row[_DWELL]) for i, row in enumerate(rows) if row[0] == 0)

    def shown(self, name: str) -> str:
        """What the street of a junction shows, in a few words."""
        cabinet = self.cabinets[name]
        if not cabinet.street.relay_closed:
            return "flasher"
        green = cabinet.street.lit() >> GREEN_SHIFT
        phases = [str(i + 1) for i in range(_VEHICLES) if green >> i & 1]
        walks = (green >> _VEHICLES).bit_count()
        return f"green {'+'.join(phases) or '–'}" + (f", {walks} walk" if walks else "")


def make_junctions(bench: Bench, folder: Path, port: int, authority: Authority) -> Junctions:
    """Two junctions that speak to the gateway at `port`; `folder` takes the net and the routes."""
    cabinets = {name: Cabinet() for name in NAMES}
    try:
        from paifang_rig.demo.arterial import Arterial  # noqa: PLC0415 - only where SUMO can be loaded
    except ImportError:
        traffic: Traffic = _AtRandom(list(cabinets.values()))
        records = {str(name): example() for name in NAMES}
    else:
        street = Arterial(folder, cabinets, SHARE, _SEED, _MOST_S)
        traffic, records = street, street.records
    nodes = {
        name: make_signal(
            bench,
            name,
            records[name][0],
            [records[name][1]],
            port,
            authority=authority,
            hardware=_HARDWARE,
            sensors=[cabinets[name]],
        )
        for name in NAMES
    }
    return Junctions(nodes, cabinets, records, traffic)


class _AtRandom:
    """Vehicles and pedestrians that come and go by chance."""

    name = (
        "calls at random: SUMO cannot be loaded here (apt-get install libx11-6 libxext6 libxrender1 libgl1 libatomic1)"
    )

    def __init__(self, cabinets: list[Cabinet]) -> None:
        self._cabinets = cabinets
        self._chance = random.Random(_SEED)

    def step(self) -> None:
        for cabinet in self._cabinets:
            for detector in range(cabinet.detectors):
                if self._chance.random() < _CALL_CHANCE:
                    cabinet.covered ^= 1 << detector
            cabinet.buttons = 1 << self._chance.randrange(_VEHICLES) if self._chance.random() < _CALL_CHANCE else 0

    def close(self) -> None:
        """Nobody is left."""
