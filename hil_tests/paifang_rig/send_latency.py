"""Bench suite `send`: from an operator's `paifang send` to the node's receipt, with 500 firmware nodes connected.

The time is taken at the control socket by a client like the CLI's, in a process of its own as a CLI is; what Python
needs to start is told beside it.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from paifang.control.client import ControlClient
from paifang.policy.ask import Ask
from paifang.policy.engine import Policy
from paifang_rig.bench import Bench
from paifang_rig.errors import RigError
from paifang_rig.gateway import GatewayProcess
from paifang_rig.nodes import Node, make_node
from paifang_tools.bench.rows import AT_MOST, Row, emit, middle, percentile, row

if TYPE_CHECKING:
    from collections.abc import Sequence

NODES = 500
PERIOD_MS = 10_000
SENDS = 1_000
PAUSE_S = 0.03
WHOLE_RUNS = 20
DECISIONS = 2_000
POINT = "power_limit"
"""Of class 1, and nothing in it moves: a relay's contact takes 50 ms of its own."""
_ROLES = ("air_quality", "smart_meter")
_GIVE_UP_S = 300
_SETTLE_S = 15
_POLL_S = 0.25
_TOML = '[log]\nlevel = "warning"\n[authority.rates]\nper_point = 6000\nper_person = 6000\n'


def main() -> None:
    """Print the suite's rows; `--client SOCKET NODE …` is the other process."""
    if sys.argv[1:2] == ["--client"]:
        print(json.dumps(_send_all(Path(sys.argv[2]), sys.argv[3:])))
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = Path("build").resolve()
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="paifang-send-", dir=folder) as place:
        emit(asyncio.run(_measure(Path(place))))


async def _measure(folder: Path) -> list[Row]:
    gateway = GatewayProcess(folder / "gateway", toml=_TOML)
    async with Bench(folder / "bench") as bench, gateway:
        nodes = [
            make_node(bench, f"n-{index:03d}", _ROLES[index % 2], gateway.port, period_ms=PERIOD_MS)
            for index in range(NODES)
        ]
        await gateway.enrol(*(node.identity for node in nodes))
        connected = await _connect(gateway, nodes)
        meters = [node.name for node in nodes[1::2]]
        client = [sys.executable, "-m", "paifang_rig.send_latency", "--client", str(gateway.control), *meters]
        sent = json.loads(await _run(client))
        whole = await _whole(gateway, meters)
        start = [await _timed([sys.executable, "-m", "paifang", "--version"]) for _ in range(WHOLE_RUNS)]
    return _rows(connected, sent, whole, start, _policy_us())


def _rows(
    connected: int, sent: Sequence[float], whole: Sequence[float], start: Sequence[float], policy_us: float
) -> list[Row]:
    how = (
        f"class 1, {SENDS} sends to {NODES // 2} meters in turn, {connected} firmware nodes connected with a report "
        f"every {PERIOD_MS // 1000} s, bench and gateway on the same two cores"
    )
    process = f"{WHOLE_RUNS} runs of the command, with the interpreter's start"
    p50_ms = percentile(sent, 0.5) * 1000
    share = policy_us / 1000 / p50_ms
    return [
        row("send to receipt, p50", p50_ms, "ms", how),
        row("send to receipt, p99", percentile(sent, 0.99) * 1000, "ms", how, (AT_MOST, 50)),
        row("`paifang send`, whole process, p50", percentile(whole, 0.5) * 1000, "ms", process),
        row("of it, starting Python and paifang, p50", percentile(start, 0.5) * 1000, "ms", "`paifang --version`"),
        row("a policy decision", policy_us, "µs", f"median of {DECISIONS} with the embedded rules"),
        row("a policy decision's share of a send", share * 100, "%", "of the p50"),
    ]


def _send_all(control: Path, meters: Sequence[str]) -> list[float]:
    """Seconds from request to answer, a connection each, as the CLI does it."""
    took: list[float] = []
    chance = random.Random(5)
    for number in range(SENDS):
        begun = time.perf_counter()
        with ControlClient(control) as client:
            answer = client.request("send", node=chance.choice(meters), point=POINT, value=number % 20_000)
        took.append(time.perf_counter() - begun)
        if answer["verdict"] != "executed":
            raise RigError(f"not executed: {answer}")
        time.sleep(PAUSE_S)
    return took


async def _whole(gateway: GatewayProcess, meters: Sequence[str]) -> list[float]:
    command = [sys.executable, "-m", "paifang", "send"]
    place = ["--data", str(gateway.folder)]
    return [await _timed([*command, meters[n], POINT, str(5_000 + n), *place]) for n in range(WHOLE_RUNS)]


async def _timed(command: Sequence[str]) -> float:
    begun = time.perf_counter()
    await _run(command)
    return time.perf_counter() - begun


async def _run(command: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        raise RigError(f"{' '.join(command[:6])} … ended with {process.returncode}: {said.decode()}")
    return said.decode()


async def _connect(gateway: GatewayProcess, nodes: Sequence[Node]) -> int:
    """How many are connected, once all are or it takes too long."""
    for node in nodes:
        node.board.power_on()
        await asyncio.sleep(0)
    deadline = time.monotonic() + _GIVE_UP_S
    while True:
        sessions = (await gateway.request("metrics"))["sessions"]
        if sessions == len(nodes) or time.monotonic() > deadline:
            break
        await asyncio.sleep(_POLL_S)
    await asyncio.sleep(_SETTLE_S)
    return sessions


def _policy_us() -> float:
    """What one decision about such a command takes, beside nothing else."""
    policy = Policy.load()
    ask = Ask("operator", frozenset({"operator"}), "direct", "n-001", POINT, 1, 5_000, int(time.time() * 1000))
    took: list[float] = []
    for _ in range(DECISIONS):
        begun = time.perf_counter()
        allowed = policy.decide(ask).allowed
        took.append(time.perf_counter() - begun)
        assert allowed
    return middle(took) * 1e6


if __name__ == "__main__":
    sys.exit(main())
