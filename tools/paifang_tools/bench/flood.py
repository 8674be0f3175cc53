"""Suite `flood`: what honest nodes feel while 5,000 bad frames a second arrive beside them."""

import asyncio
import os
import time

import uvloop

from paifang_tools.bench import fleet
from paifang_tools.bench.rows import AT_MOST, Row, emit, middle, percentile, row
from paifang_tools.bench.ward import SITE, Ward, ward
from paifang_wire import framing

_NODES = 50
_PERIOD_S = 0.1
_PERIODS = 40
_ROUNDS = 5
_BAD_RATE = 5_000
_ATTACKERS = 10
_TICK_S = 0.01
_BAD_KINDS = 4


def main() -> None:
    """Print the suite's rows."""
    with ward() as gateway:
        gateway.enrol(_NODES)
        emit(uvloop.run(_measure(gateway)))


async def _measure(gateway: Ward) -> list[Row]:
    latencies_s: list[float] = []
    nodes = await fleet.connect(gateway.host, gateway.port, SITE, _NODES, latencies_s)
    calm: list[float] = []
    flooded: list[float] = []
    for _ in range(_ROUNDS):
        calm.append(await _p99(nodes, latencies_s))
        attack = asyncio.create_task(_attack(gateway))
        flooded.append(await _p99(nodes, latencies_s))
        attack.cancel()
        await asyncio.gather(attack, return_exceptions=True)
    refused = sum(gateway.request("metrics")["refused"].values())
    ratio = middle([b / a for a, b in zip(calm, flooded, strict=True)])
    how = f"{_NODES} nodes at {1 / _PERIOD_S:.0f} reports/s each, {_ROUNDS} rounds with and without in turn"
    return [
        row("p99 from report to ack, calm", middle(calm) * 1000, "ms", how),
        row("p99 from report to ack, flooded", middle(flooded) * 1000, "ms", how),
        row("p99 flooded / calm", ratio, "", f"{_BAD_RATE} bad frames/s, {refused} refused in all", (AT_MOST, 1.5)),
    ]


async def _p99(nodes: list[fleet.GeneratedNode], latencies_s: list[float]) -> float:
    latencies_s.clear()
    await fleet.pace(nodes, _PERIOD_S, _PERIODS)
    return percentile(latencies_s, 0.99)


async def _attack(gateway: Ward) -> None:
    """Send bad frames at the rate, spread over connections that come back when the gateway closes them."""
    writers = [await _connect(gateway) for _ in range(_ATTACKERS)]
    sent = 0
    start = time.perf_counter()
    while True:
        due = int((time.perf_counter() - start) * _BAD_RATE)
        while sent < due:
            slot = sent % _ATTACKERS
            if writers[slot].is_closing():
                writers[slot] = await _connect(gateway)
            writers[slot].write(_bad_frame(sent))
            sent += 1
        await asyncio.sleep(_TICK_S)


async def _connect(gateway: Ward) -> asyncio.StreamWriter:
    return (await asyncio.open_connection(gateway.host, gateway.port))[1]


def _bad_frame(number: int) -> bytes:
    """Return garbage, a forged report, a hello of nobody, or a broken one, in turn."""
    noise = os.urandom(40)
    kind = number % _BAD_KINDS
    if kind == 0:
        return framing.stream_frame(noise)
    head = b"\x84\x46\xa2\x01\x04\x06\x41" + noise[:1] + b"\xa0\x58\x20"
    tail = b"\x48" + noise[:8]
    if kind == 1:
        return framing.stream_frame(head + noise[:32] + tail)
    hello = b"\x8c\x00" + noise[:30] if kind == 2 else b"\x87\x03" + noise[:30]
    return framing.stream_frame(head + hello + tail)


if __name__ == "__main__":
    main()
