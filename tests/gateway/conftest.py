"""A whole gateway in this process, and nodes that talk to it over real sockets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for what the tests of several folders share

from far_side import FarNode, key_of
from near_side import CALLER, settings_in

from paifang.app import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from paifang.settings import Settings


class House:
    """A running gateway and the nodes that have come to it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.nodes: list[FarNode] = []

    async def ask(self, op: str, **args: Any) -> Any:
        """What the operation `op` answers."""
        return await self.gateway.operations.handlers()[op](args, CALLER)

    def far(self, node: str = "meter-1", boot: int = 1, **kind: Any) -> FarNode:
        """A node that is not connected yet."""
        far = FarNode(self.gateway.tcp_address, node, boot, **kind)
        self.nodes.append(far)
        return far

    async def enrolled(self, node: str = "meter-1", boot: int = 1) -> FarNode:
        """An enrolled node with a live session."""
        await self.ask("nodes.add", node=node, key=key_of(node).hex(), epoch=1)
        far = self.far(node, boot)
        await far.connect()
        return far

    @property
    def refused(self) -> dict[str, int]:
        return dict(self.gateway.nodes.desk.counters.refused)

    def records(self) -> list[tuple[Any, ...]]:
        """(node, boot, number) of all that is stored, in their order."""
        return self.gateway.store._connection.execute("SELECT node, boot, number FROM records ORDER BY seq").fetchall()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[House]]]:
    """`await start(**arguments of Gateway)`; `settings` too. Stopped at the end."""
    houses: list[House] = []

    async def start_one(settings: Settings | None = None, **arguments: Any) -> House:
        gateway = Gateway(settings or settings_in(tmp_path / "data"), **arguments)
        await gateway.start()
        houses.append(House(gateway))
        return houses[-1]

    yield start_one
    for house in houses:
        for node in house.nodes:
            await node.hang_up()
        await house.gateway.stop()


@pytest.fixture
async def house(start: Callable[..., Awaitable[House]]) -> House:
    return await start()
