"""Bench suite `hold`: how long a node that verifies signatures keeps everything else waiting.

A real node is asked for a receipt that it does not have, again and again: what else it does shows in the answer's time.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from paifang_rig.authority import Authority, operate, relay_of_class
from paifang_rig.bench import Bench
from paifang_rig.desk import Desk
from paifang_rig.nodes import make_node
from paifang_rig.wifi import Wifi
from paifang_tools.bench.rows import AT_MOST, Row, emit, middle, percentile, row
from paifang_wire import messages, sign1

if TYPE_CHECKING:
    from paifang_rig.desk import Line

NODE = "sm-1"
RELAY = 16
ROUNDS = 10
CALM = 400
_PAIRS = (("alice", "bob"), ("carol", "dave"))
"""A node takes a key once in five seconds of its clock."""
_REST_S = 2.6


def main() -> None:
    """Print the suite's rows."""
    with tempfile.TemporaryDirectory(prefix="paifang-hold-") as place:
        emit(asyncio.run(_measure(Path(place))))


async def _measure(folder: Path) -> list[Row]:
    authority = Authority()
    identity = authority.identity(NODE)
    async with Bench(folder) as bench, Desk(identity) as desk:
        wifi = Wifi(connect_ms=5)
        node = make_node(bench, NODE, "smart_meter", desk.port, identity=identity, config=relay_of_class(3), wifi=wifi)
        node.board.power_on()
        line = await desk.ready(NODE)
        keyset = authority.keyset().rooted
        await desk.rooted(NODE, messages.ROOTED_KEYSET, keyset.payload, keyset.detached)
        calm = [await _asked(desk, line) for _ in range(CALM)]
        whole: list[float] = []
        busy: list[float] = []
        for number in range(2 * ROUNDS):
            await asyncio.sleep(_REST_S)
            is_asking = number >= ROUNDS
            took, meanwhile = await _verified(desk, line, authority, *_PAIRS[number % 2], is_asking=is_asking)
            if is_asking:
                busy.append(max(meanwhile))
            else:
                whole.append(took)
    return _rows(calm, whole, busy)


def _rows(calm: list[float], whole: list[float], busy: list[float]) -> list[Row]:
    how = f"a real node's answer to a recall, over TCP, bench beside it on two cores; {CALM} calm"
    verified = f"{ROUNDS} commands of class 3 with two signatures, the second one forged: nothing is switched"
    hold = middle(busy) - middle(calm)
    return [
        row("node answers, calm, p50", middle(calm) * 1000, "ms", how),
        row("node answers, calm, p99", percentile(calm, 0.99) * 1000, "ms", how),
        row("command with two signatures until its receipt", middle(whole) * 1000, "ms", verified),
        row("longest answer meanwhile, median of rounds", middle(busy) * 1000, "ms", verified),
        row("longest hold beside a calm answer", hold * 1000, "ms", "the one less the other"),
        row(
            "longest hold / the whole verification", hold / middle(whole), "", "the one over the other", (AT_MOST, 0.25)
        ),
    ]


async def _verified(
    desk: Desk, line: Line, authority: Authority, by: str, second: str, *, is_asking: bool
) -> tuple[float, list[float]]:
    """(seconds from the operate to its receipt, those of each answer meanwhile)."""
    selected = await desk.command(NODE, RELAY, messages.OP_SELECT, 1)
    fields = operate(NODE, RELAY, line.description, 1, selected[7])
    order = authority.order(by, fields)
    kid, payload, signature = sign1.split(authority.approval(second, order))
    approval = sign1.pack(kid, payload, signature[:32] + bytes(16) + secrets.token_bytes(16))
    begun = time.perf_counter()
    command = asyncio.create_task(
        desk.command(NODE, RELAY, messages.OP_OPERATE, 1, identifier=fields[0], order=order, approval=approval)
    )
    await asyncio.sleep(0)
    meanwhile: list[float] = []
    while is_asking and not command.done():
        took = await _asked(desk, line)
        if not command.done():  # after the receipt, an answer waits for TCP's delayed acknowledgement, not for the node
            meanwhile.append(took)
    receipt = await command
    assert receipt[4] == messages.BAD_SIGNATURE, receipt
    return time.perf_counter() - begun, meanwhile


async def _asked(desk: Desk, line: Line) -> float:
    begun = time.perf_counter()
    identifier = secrets.token_bytes(8)
    start = len(line.heard)
    line.say([messages.RECALL, identifier])
    await desk.receipt(line, identifier, start)
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
