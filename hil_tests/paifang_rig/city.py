"""Bench suite `city`: a thousand real firmware nodes against one gateway on this machine."""

from __future__ import annotations

import asyncio
import collections
import resource
import sys
import tempfile
import time
from pathlib import Path

from paifang_rig.balance import Balance, balance
from paifang_rig.bench import Bench
from paifang_rig.gateway import GatewayProcess
from paifang_rig.nodes import Node, make_node
from paifang_tools.bench.rows import AT_LEAST, AT_MOST, Row, emit, row

NODES = 1_000
PERIOD_MS = 10_000
RUN_S = 300
CONNECT_S = 60
_GIVE_UP_S = 300
_SETTLE_S = 60
_POLL_S = 0.25
_ROLES = ("air_quality", "smart_meter")


def main() -> None:
    """Print the suite's rows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = Path("build").resolve()
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="paifang-city-", dir=folder) as place:
        emit(asyncio.run(_measure(Path(place))))


async def _measure(folder: Path) -> list[Row]:
    gateway = GatewayProcess(folder / "gateway", toml='[log]\nlevel = "warning"')
    async with Bench(folder / "bench") as bench, gateway:
        nodes = [
            make_node(bench, f"n-{index:04d}", _ROLES[index % 2], gateway.port, period_ms=PERIOD_MS)
            for index in range(NODES)
        ]
        await gateway.enrol(*(node.identity for node in nodes))
        connected_s, together = await _connect(gateway, nodes)
        await asyncio.sleep(RUN_S)
        restarts = sum(node.board.boot - 1 for node in nodes)
        result = await _count(bench, gateway, nodes)
        holes = _holes(gateway)
    return _rows(connected_s, together, result, holes, restarts)


def _rows(connected_s: float, together: int, result: Balance, holes: int, restarts: int) -> list[Row]:
    how = (
        f"{NODES} MicroPython processes, a report every {PERIOD_MS // 1000} s, {RUN_S} s, bench and gateway beside them"
    )
    return [
        row("firmware nodes connected", together, "", how, (AT_LEAST, NODES)),
        row("time until all were connected", connected_s, "s", "from the first power-on", (AT_MOST, CONNECT_S)),
        row("readings emitted by the bench", result.emitted, "", how),
        row("records lost", holes + result.dropped, "", "numbered by a node, not in the store", (AT_MOST, 0)),
        row("answers not taken", result.unexplained, "", "too late for the driver, which flags its sensor mute"),
        row("readings stored twice", result.duplicated, "", "the bench's list against the store", (AT_MOST, 0)),
        row("nodes that restarted", restarts, "", "watchdog or failure", (AT_MOST, 0)),
    ]


async def _connect(gateway: GatewayProcess, nodes: list[Node]) -> tuple[float, int]:
    """(seconds until all were connected, how many were connected then)."""
    start = time.monotonic()
    for node in nodes:
        node.board.power_on()
        await asyncio.sleep(0)
    while True:
        sessions = (await gateway.request("metrics"))["sessions"]
        elapsed_s = time.monotonic() - start
        if sessions == len(nodes) or elapsed_s > _GIVE_UP_S:
            return elapsed_s, sessions
        await asyncio.sleep(_POLL_S)


async def _count(bench: Bench, gateway: GatewayProcess, nodes: list[Node]) -> Balance:
    emitted = len(bench.emitted)
    ended = {node.name: node.board.ended for node in nodes}
    deadline = time.monotonic() + _SETTLE_S
    while True:
        result = balance(bench.emitted[:emitted], gateway.stored(), dropped=gateway.lost(), ended=ended)
        if not result.unexplained or time.monotonic() > deadline:
            return result
        await asyncio.sleep(1)


def _holes(gateway: GatewayProcess) -> int:
    """Record numbers below the highest one of their node that the store does not hold: a node leaves none out."""
    numbers = collections.defaultdict[tuple[str, int], list[int]](list)
    for record in gateway.stored():
        numbers[record["node"], record["boot"]].append(record["number"])
    return sum(max(group) - len(group) for group in numbers.values())


if __name__ == "__main__":
    sys.exit(main())
