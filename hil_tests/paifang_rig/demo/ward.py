"""The demo's ward: a gateway process, eight nodes on the bench, four devices that are not ours, keys in RAM."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from paifang.config.places import Place
from paifang.control.async_client import AsyncControlClient
from paifang_rig.authority import Authority
from paifang_rig.balance import Balance, balance
from paifang_rig.bench import Bench
from paifang_rig.demo.junctions import Junctions, make_junctions
from paifang_rig.demo.plant import open_plant
from paifang_rig.gateway import GatewayProcess
from paifang_rig.nodes import SERIAL_LINK, Node, make_node
from paifang_rig.operators import Operators
from paifang_rig.tap import Tap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SERIAL_NODE = "sm-3"
TAPPED_NODE = "aq-1"
STOLEN_LINE_NODE = "sm-2"
"""Its relay is of class 3, and its line can be led to somebody else."""
ROLES = {
    "aq-1": "air_quality",
    "aq-2": "air_quality",
    "aq-3": "air_quality",
    "sm-1": "smart_meter",
    "sm-2": "smart_meter",
    "sm-3": "smart_meter",
}
PERIOD_MS = 1_000
PEOPLE = {"alice": "alice", "alice-2": "alice", "bob": "bob", "carol": "carol"}
"""Key → person: alice has two."""


class Fork:
    """A line whose far end can be changed."""

    def __init__(self, port_of_far_side: int) -> None:
        self.port_of_far_side = port_of_far_side
        self.tap = Tap(lambda: self.port_of_far_side)


@dataclass(frozen=True, slots=True)
class Ward:
    """`nodes` read sensors, those of `junctions` drive lamps.

    `tap` stands on the line of TAPPED_NODE, as an attacker would, `fork` on that of STOLEN_LINE_NODE.
    """

    bench: Bench
    gateway: GatewayProcess
    control: AsyncControlClient
    tap: Tap
    fork: Fork
    nodes: dict[str, Node]
    junctions: Junctions
    authority: Authority

    def receipt_keys(self) -> str:
        """What an auditor has from provisioning, and no gateway: a line for each node."""
        return "".join(node.identity.auditor_line() + "\n" for node in self.every_node())

    def every_node(self) -> list[Node]:
        return [*self.nodes.values(), *self.junctions.nodes.values()]

    @property
    def operators(self) -> Operators:
        return Operators(self.control.request, self.authority)

    def lead_to(self, port: int) -> None:
        """The line of STOLEN_LINE_NODE breaks, and goes on to there."""
        self.fork.port_of_far_side = port
        self.fork.tap.cut()

    async def rows(self) -> list[dict[str, Any]]:
        """The gateway's list of nodes."""
        return cast("list[dict[str, Any]]", await self.control.request("nodes.list"))

    async def online(self, name: str) -> None:
        """Wait until a node has a session with the gateway."""
        await self.gateway.until(lambda shown: shown["connected"], "nodes.show", node=name)

    def balance(self) -> Balance:
        """What became of every reading on the bench's list; the store is read first, so it holds nothing later."""
        stored, lost = (record for record in self.gateway.stored() if record["node"] in self.nodes), self.gateway.lost()
        ended = {name: node.board.ended for name, node in self.nodes.items()}
        return balance(self.bench.emitted, stored, dropped=lost, ended=ended)


@contextlib.asynccontextmanager
async def open_ward(folder: Path) -> AsyncIterator[Ward]:
    """Everything enrolled and wired, no node with power yet."""
    async with contextlib.AsyncExitStack() as stack:
        bench = await stack.enter_async_context(Bench(folder / "bench"))
        authority = Authority(people=PEOPLE)
        serial = make_node(bench, SERIAL_NODE, ROLES[SERIAL_NODE], SERIAL_LINK, period_ms=PERIOD_MS)
        bridges = await stack.enter_async_context(open_plant(folder))
        lines = [serial.board.serial.path]
        gateway = GatewayProcess(folder / "gateway", lines, bridges, authority.files, module="paifang_rig.on_air")
        await stack.enter_async_context(gateway)
        tap = await stack.enter_async_context(Tap(gateway.port))
        fork = Fork(gateway.port)
        await stack.enter_async_context(fork.tap)
        ports = {TAPPED_NODE: tap.port, STOLEN_LINE_NODE: fork.tap.port}
        nodes = {
            name: serial if name == SERIAL_NODE else _tcp_node(bench, name, ports.get(name, gateway.port), authority)
            for name in ROLES
        }
        junctions = make_junctions(bench, folder / "traffic", gateway.port, authority)
        stack.callback(junctions.traffic.close)
        await gateway.enrol(*(node.identity for node in [*nodes.values(), *junctions.nodes.values()]))
        control = await stack.enter_async_context(AsyncControlClient(Place(data=gateway.folder).socket()))
        ward = Ward(bench, gateway, control, tap, fork, nodes, junctions, authority)
        await ward.operators.load()
        yield ward


def _tcp_node(bench: Bench, name: str, port: int, authority: Authority) -> Node:
    config = {"hardware": {"relay": {"class": 3}}} if name == STOLEN_LINE_NODE else {}
    identity = authority.identity(name)
    return make_node(bench, name, ROLES[name], port, period_ms=PERIOD_MS, identity=identity, config=config)
