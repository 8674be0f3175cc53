"""The ward: its nodes, the gateway of now, its sinks' far sides, and the gateway's clock."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from typing import TYPE_CHECKING

from paifang.config.sink import takes
from paifang.errors import PaifangError
from paifang_rig.week.far import FarSide
from paifang_rig.week.gateway import BUDGET_BYTES, GatewayLife
from paifang_rig.week.ledger import Ledger
from paifang_rig.week.life import Kind
from paifang_rig.week.line import Line, Station
from paifang_rig.week.node import Node

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

SITE = "ward-1"
START_MS = 1_790_000_000_000
LOST_MS = 1_000_000_000
"""What a machine says of the time that has lost its clock: 1970."""
SINKS: dict[str, tuple[str, ...]] = {"city": ("*",), "bureau": ("aq-*",), "billing": ("meter-*",), "archive": ("*",)}
RESTART_S = 5.0
"""A gateway that cannot start is tried again after it, as systemd does."""


def _kinds(period_s: float) -> tuple[Kind, ...]:
    """What nodes of a ward are like, in turn. In a day without a link the third one's journal is full, the last one's
    queue.
    """
    return (
        Kind("aq", period_s, 6_144, 65_536),
        Kind("meter", 2 * period_s, 6_144, 65_536, bills=True),
        Kind("aq", period_s / 2, 2_048, 16_384, flush_s=30),
        Kind("meter", 4 * period_s, 2_048, 32_768, bills=True),
        Kind("aq", period_s, 1_024, 0),
    )


class Ward:
    """On a VirtualLoop, with the store in `folder`. `gateway` is None while there is none."""

    def __init__(self, seed: int, nodes: int, folder: Path, period_s: float) -> None:
        self.seed = seed
        self.offset_ms = 0
        self.is_clock_lost = False
        self.budget_bytes = BUDGET_BYTES
        self.disk_fault: type[apsw.Error] | None = None
        self.gateway: GatewayLife | None = None
        self.lives = 0
        self.problems: list[str] = []
        self._folder = folder
        self._clock = asyncio.get_running_loop()
        self._station = Station(SITE, self.chance("gateway").randbytes)
        in_turn = enumerate(itertools.islice(itertools.cycle(_kinds(period_s)), nodes))
        named = [(f"{kind.prefix}-{place:03d}", kind) for place, kind in in_turn]
        self.ledger = Ledger(name for name, _ in named)
        self.fars = {name: FarSide(name, self.chance(f"far {name}")) for name in SINKS}
        self.nodes = [self._node(place, name, kind) for place, (name, kind) in enumerate(named)]

    def chance(self, what: str) -> random.Random:
        """Randomness that is `what`'s own: what others draw does not change it."""
        return random.Random(f"{self.seed} {what}")

    def utc_ms(self) -> int:
        """What the gateway's machine believes."""
        passed_ms = round(self._clock.time() * 1_000)
        return passed_ms + (LOST_MS if self.is_clock_lost else START_MS + self.offset_ms)

    async def begin(self) -> None:
        """The gateway first, then the nodes, over a minute."""
        await self.start_gateway()
        assert self.gateway is not None
        await self.gateway.enrol({node.name: node.key for node in self.nodes})
        chance = self.chance("begin")
        for node in self.nodes:
            self._clock.call_later(60 * chance.random(), node.power_on)

    async def start_gateway(self) -> None:
        """Until it has started; a disk that does not let it is tried again."""
        while self.gateway is None:
            fars = {name: (far, SINKS[name]) for name, far in self.fars.items()}
            chance = self.chance(f"gateway {self.lives}")
            life = GatewayLife(SITE, self._folder, fars, self.ledger, self.utc_ms, chance)
            life.disk.fault, life.budget_bytes = self.disk_fault, self.budget_bytes
            try:
                await life.start()
            except PaifangError:
                await life.kill()
                await asyncio.sleep(RESTART_S)
                continue
            self.lives += 1
            self.gateway = life
            for far in self.fars.values():
                far.new_life()
            self._station.desk, self._station.life = life.desk, self.lives

    def take_gateway(self) -> GatewayLife | None:
        """The gateway, which from now on nobody reaches; connections break."""
        gateway, self.gateway = self.gateway, None
        self._station.desk = None
        for node in self.nodes:
            node.line.reset()
        if gateway is not None:
            self.problems += gateway.problems
        return gateway

    async def running(self) -> GatewayLife:
        """The gateway, once there is one."""
        while self.gateway is None:  # noqa: ASYNC110 - the schedule brings it back
            await asyncio.sleep(1)
        return self.gateway

    def stored_by_wanted(self, sink: str) -> int:
        """Records that are stored, and for this sink."""
        return sum(account.stored for node, account in self.ledger.accounts.items() if takes(SINKS[sink], node))

    def missing(self, sink: str) -> int:
        """Of what is stored and for this sink, what the far side does not have."""
        return self.ledger.stored.missing(self.fars[sink].has, lambda node: takes(SINKS[sink], node))

    def figures(self) -> dict[str, object]:
        """What has become of the records, and what the parts have been through."""
        ledger = self.ledger
        nodes: Counter[str] = sum((node.counts() for node in self.nodes), Counter[str]())
        return {
            "records made": ledger.total("made"),
            "stored": ledger.total("stored"),
            "declared lost": dict(sorted(ledger.declared().items())),
            "still open": dict(sorted(ledger.fates().items())),
            "nodes": dict(sorted(nodes.items())),
            "gateway lives": self.lives,
            "sinks": {name: vars(far.figures) for name, far in self.fars.items()},
        }

    def _node(self, place: int, name: str, kind: Kind) -> Node:
        chance = self.chance(f"node {name}")
        line = Line(name, self._station, self.chance(f"line {name}"), is_connected=place % 3 != 0)
        return Node(name, kind, chance.randbytes(32), line, self.ledger, chance, SITE)
