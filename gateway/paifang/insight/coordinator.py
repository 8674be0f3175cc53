"""The coordination service: once a second at most, each junction of the settings is looked at and advised.

Whatever goes wrong with a junction silences that junction, and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from paifang.errors import PaifangError, not_found
from paifang.insight import points
from paifang.insight.advisers import adviser
from paifang.insight.service_key import open_key
from paifang.insight.station import Station

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from paifang.insight.station import Outside
    from paifang.keys.signing import SigningKey
    from paifang.settings import SignalSettings

EVERY_S = 1.0
"""Between two looks at a junction."""
_TICK_S = 0.25

_log = logging.getLogger(__name__)


class Coordinator:
    """Of the junctions of `signals`."""

    def __init__(self, signals: Sequence[SignalSettings], outside: Outside) -> None:
        self._outside = outside
        self._stations: dict[str, Station] = {}
        self._signals = signals
        self._looked_s: dict[str, float] = {}
        self._steps: dict[str, asyncio.Task[None]] = {}
        self._runner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the keys, and begin. What is wrong with a key is told by its junction."""
        await self.reload(self._signals)
        self._runner = asyncio.create_task(self._run(), name="coordination of signals")

    async def stop(self) -> None:
        tasks = [*self._steps.values(), *([self._runner] if self._runner else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def reload(self, signals: Sequence[SignalSettings]) -> None:
        """Go on with other settings; a junction whose settings are the same keeps what is known of it."""
        before = self._stations
        kept = {node: station for node, station in before.items() if station.settings in signals}
        stations = {signal.node: kept.get(signal.node) or self._station(signal) for signal in signals}
        opened: dict[tuple[Path, Path], SigningKey | PaifangError] = {}
        for station in stations.values():
            key, passphrase_file = station.settings.key, station.settings.passphrase_file
            if key is None or passphrase_file is None:
                continue
            if (key, passphrase_file) not in opened:
                opened[key, passphrase_file] = await _opened(key, passphrase_file)
            station.unlock(opened[key, passphrase_file])
        self._stations = stations

    async def round(self) -> None:
        """Look at every junction whose turn it is, and wait until all that is under way is done."""
        self._begin()
        if self._steps:
            await asyncio.wait(list(self._steps.values()))

    def note(self, node: str, boot: int, uptime_ms: int, values: Mapping[str, float]) -> None:
        """Take what a node has reported, by the names of its points."""
        station = self._stations.get(node)
        report = points.report_of(boot, uptime_ms, values)
        if station is not None and report is not None:
            station.congestion.note(report)

    @property
    def nodes(self) -> frozenset[str]:
        """Those whose reports are to be noted."""
        return frozenset(self._stations)

    def congestion(self, node: str) -> list[dict[str, Any]]:
        """Figures of each phase of a junction. Raises PaifangError for a node that is not in the settings."""
        station = self._stations.get(node)
        if station is None:
            known = ", ".join(self._stations) or "none"
            raise not_found(f"{node} is not among the [[signals]] of gateway.toml", f"there are: {known}")
        return [figures._asdict() for figures in station.congestion.figures(self._outside.uptime_ms(node))]

    def status(self) -> dict[str, Any]:
        """By node."""
        return {node: station.status() for node, station in self._stations.items()}

    def silent(self) -> dict[str, PaifangError]:
        """Nodes that should be advised and are not, and why."""
        found = {node: station.silence for node, station in self._stations.items()}
        return {node: silence for node, silence in found.items() if silence is not None}

    def _station(self, signal: SignalSettings) -> Station:
        return Station(signal, adviser(signal), self._outside)

    async def _run(self) -> None:
        while True:
            self._begin()
            await asyncio.sleep(_TICK_S)

    def _begin(self) -> None:
        now_s = self._outside.monotonic()
        for node, station in self._stations.items():
            if node not in self._steps and now_s - self._looked_s.get(node, -EVERY_S) >= EVERY_S:
                self._looked_s[node] = now_s
                step = self._steps[node] = asyncio.create_task(self._step(station), name=f"coordination of {node}")
                step.add_done_callback(lambda _, node=node: self._steps.pop(node, None))

    async def _step(self, station: Station) -> None:
        try:
            await station.step()
        except Exception as error:  # noqa: BLE001 - whatever fails here, the gateway and the other junctions go on
            _log.exception("the coordination of %s has failed", station.settings.node)
            station.fall_silent(PaifangError(f"{type(error).__name__}: {error}", code="fault"))
            station.rest()


async def _opened(key: Path, passphrase_file: Path) -> SigningKey | PaifangError:
    """The key, or why there is none. It takes a while, on purpose, and its own thread."""
    try:
        return await asyncio.to_thread(open_key, key, passphrase_file)
    except PaifangError as error:
        return PaifangError(error.message, error.hint, code="key")
