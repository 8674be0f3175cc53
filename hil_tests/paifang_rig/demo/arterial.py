"""The demo's traffic where SUMO can be loaded: an arterial with two signals, in steps of the street's own time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libsumo  # one simulation a process

from paifang_rig.demo.junctions import NAMES, STEP_S
from paifang_rig.signals import demand, junction, loop, nets, scenario
from paifang_rig.signals import records as of_junctions
from paifang_rig.signals.colours import Colours
from paifang_rig.signals.detecting import Eyes
from paifang_rig.signals.shipped import aspects
from paifang_rig.signals.street import AMBER_SHIFT, GREEN_SHIFT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from paifang_rig.simulated.models.cabinet import Cabinet


class Arterial:
    """`records[name]`: site record and plan of a junction. Traffic is there from the beginning on."""

    name = "an arterial in SUMO"

    def __init__(self, folder: Path, cabinets: Mapping[str, Cabinet], share: float, seed: int, duration_s: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        net = nets.arterial(folder, len(NAMES))
        found = [junction.read(net.path, signal) for signal in net.signals]
        routes = demand.arterial(folder / "routes.xml", net, share, seed, duration_s)
        step_ms = round(STEP_S * 1_000)
        run = loop.Run(net.path, routes, folder, tuple(found), seed, step_ms, duration_s * 1_000)
        libsumo.start(loop.command(run, folder / "trips.xml"))
        self._sides = [_Side(at, cabinets[name]) for name, at in zip(NAMES, found, strict=True)]
        plans = zip(NAMES, found, strict=True)
        self.records = {name: (of_junctions.site_record(at), scenario.plan_record(at)) for name, at in plans}

    def step(self) -> None:
        for side in self._sides:
            side.look()
        libsumo.simulationStep()

    def close(self) -> None:
        libsumo.close()


class _Side:
    """One junction: its detectors are the cabinet's, its lights are the lamps of the street."""

    def __init__(self, at: junction.Junction, cabinet: Cabinet) -> None:
        self._cabinet = cabinet
        self._eyes = Eyes(libsumo, at)
        self._colours = Colours(at)
        self._kinds = [0] * len(at.phases) + [1] * len(at.ped_phases)
        self._shown = b""

    def look(self) -> None:
        self._cabinet.covered, self._cabinet.buttons = self._eyes.detectors(), self._eyes.buttons()
        shown = bytes(self._aspect(i, kind) for i, kind in enumerate(self._kinds))
        if shown != self._shown:
            self._shown = shown
            for signal, state in self._colours.of(shown):
                sumo: Any = libsumo
                sumo.trafficlight.setRedYellowGreenState(signal, state)

    def _aspect(self, i: int, kind: int) -> int:
        """What a driver or a pedestrian takes the lamps of a group for."""
        street = self._cabinet.street
        if not street.relay_closed:
            return aspects.DARK if kind else aspects.FLASH_RED
        lit = street.lit()
        red, amber, green = lit >> i & 1, lit >> AMBER_SHIFT + i & 1, lit >> GREEN_SHIFT + i & 1
        if kind:
            return aspects.WALK if green else aspects.DONT_WALK
        if green or amber:
            return aspects.GREEN if green else aspects.AMBER
        return aspects.RED if red else aspects.DARK
