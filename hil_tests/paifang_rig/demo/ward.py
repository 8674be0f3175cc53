"""The demo's ward: a gateway process with embedded defaults, and six nodes on the bench, one on a serial line."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from paifang.config.places import Place
from paifang.control.async_client import AsyncControlClient
from paifang_rig.balance import Balance, balance
from paifang_rig.bench import Bench
from paifang_rig.gateway import GatewayProcess
from paifang_rig.nodes import SERIAL_LINK, Node, make_node
from paifang_rig.tap import Tap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SERIAL_NODE = "sm-3"
TAPPED_NODE = "aq-1"
ROLES = {
    "aq-1": "air_quality",
    "aq-2": "air_quality",
    "aq-3": "air_quality",
    "sm-1": "smart_meter",
    "sm-2": "smart_meter",
    "sm-3": "smart_meter",
}
PERIOD_MS = 1_000


@dataclass(frozen=True, slots=True)
class Ward:
    """`tap` stands on the line of TAPPED_NODE, as an attacker would."""

    bench: Bench
    gateway: GatewayProcess
    control: AsyncControlClient
    tap: Tap
    nodes: dict[str, Node]

    async def rows(self) -> list[dict[str, Any]]:
        """The gateway's list of nodes."""
        return cast("list[dict[str, Any]]", await self.control.request("nodes.list"))

    def balance(self) -> Balance:
        """What became of every reading on the bench's list; the store is read first, so it holds nothing later."""
        stored, lost = self.gateway.stored(), self.gateway.lost()
        ended = {name: node.board.ended for name, node in self.nodes.items()}
        return balance(self.bench.emitted, stored, dropped=lost, ended=ended)


@contextlib.asynccontextmanager
async def open_ward(folder: Path) -> AsyncIterator[Ward]:
    """Everything enrolled and wired, no node with power yet."""
    async with contextlib.AsyncExitStack() as stack:
        bench = await stack.enter_async_context(Bench(folder / "bench"))
        serial = make_node(bench, SERIAL_NODE, ROLES[SERIAL_NODE], SERIAL_LINK, period_ms=PERIOD_MS)
        gateway = GatewayProcess(folder / "gateway", serial=[serial.board.serial.path])
        await stack.enter_async_context(gateway)
        tap = await stack.enter_async_context(Tap(gateway.port))
        nodes = {
            name: serial if name == SERIAL_NODE else _tcp_node(bench, name, tap if name == TAPPED_NODE else gateway)
            for name in ROLES
        }
        await gateway.enrol(*(node.identity for node in nodes.values()))
        control = await stack.enter_async_context(AsyncControlClient(Place(data=gateway.folder).socket()))
        yield Ward(bench, gateway, control, tap, nodes)


def _tcp_node(bench: Bench, name: str, far: Tap | GatewayProcess) -> Node:
    return make_node(bench, name, ROLES[name], far.port, period_ms=PERIOD_MS)
