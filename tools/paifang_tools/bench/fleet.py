"""Generated nodes: real sessions with sealed reports over TCP, many to a process, for load and not for truth.

A generated node speaks the wire exactly but has no firmware behind it: `paifang_rig.city` runs the firmware.
"""

import asyncio
import hashlib
import os
import time
from collections import deque
from typing import Any, cast

from paifang_wire import cbor, framing, keys, messages
from paifang_wire.session import NodeSession

WINDOW = 32
_TICK_S = 0.002
BOOT = 1
POINTS = [
    [1, "pm1", "µg/m3", messages.INT, 0, 0, 1000, 0, None],
    [2, "pm25", "µg/m3", messages.INT, 0, 0, 1000, 0, None],
    [3, "pm10", "µg/m3", messages.INT, 0, 0, 1000, 0, None],
    [7, "particles_03um", "1/(0.1 L)", messages.INT, 0, 0, 65535, 0, None],
]
DESCRIPTION = hashlib.sha256(cbor.encode(POINTS)).digest()[:8]


def node_name(index: int) -> str:
    """Return the name of generated node `index`."""
    return f"gen-{index:05d}"


def node_secret(site: str, index: int) -> bytes:
    """Return the 32-byte node key of generated node `index`."""
    return keys.node_key(index.to_bytes(32, "big"), site, 1)


class GeneratedNode(asyncio.Protocol):
    """One node: shakes hands, then sends the reports it is given, at most WINDOW of them without an ack.

    `latencies_s` collects the time from send to ack of every report.
    """

    def __init__(self, site: str, index: int, latencies_s: list[float]) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.idle = asyncio.Event()
        self.idle.set()
        self.acknowledged = 0
        self._session = NodeSession(site, node_name(index), BOOT, node_secret(site, index), os.urandom)
        self._decoder = framing.StreamDecoder()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[bytes] = deque()
        self._sent_at: deque[float] = deque()
        self._made = 0
        self._sent = 0
        self._latencies_s = latencies_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        hello = self._session.hello("generated", DESCRIPTION, uptime_ms(), 1, 0, 0)
        self._transport.write(framing.stream_frame(hello))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for the handshake that it will not come."""
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionResetError("closed before the welcome"))

    def data_received(self, data: bytes) -> None:
        """Take the welcome, then acks."""
        for frame in self._decoder.feed(data):
            message = self._session.receive(frame)
            if message[0] == messages.WELCOME:
                self._say([messages.CLOCK, uptime_ms()])
                if message[6]:
                    self._say([messages.DESCRIBE, DESCRIPTION, POINTS])
                self.ready.set_result(None)
            elif message[0] == messages.ACK:
                self._acknowledge(message[2])

    def prepare(self, count: int) -> None:
        """Seal `count` more reports of four readings, to be sent by `release`."""
        for _ in range(count):
            self._made += 1
            values = {1: 12, 2: 18, 3: 25, 7: self._made & 0xFFFF}
            report = [messages.REPORT, BOOT, self._made, uptime_ms(), utc_ms(), values, {}]
            self._waiting.append(framing.stream_frame(self._session.send(report)))

    def release(self) -> None:
        """Send what is prepared, as far as the window lets; `idle` is set when all of it is acknowledged."""
        self.idle.clear()
        self._fill()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def _acknowledge(self, high: int) -> None:
        now = time.perf_counter()
        while self.acknowledged < high:
            self.acknowledged += 1
            self._latencies_s.append(now - self._sent_at.popleft())
        if self.acknowledged == self._made:
            self.idle.set()
        else:
            self._fill()

    def _fill(self) -> None:
        room = min(WINDOW - (self._sent - self.acknowledged), len(self._waiting))
        now = time.perf_counter()
        frames = [self._waiting.popleft() for _ in range(room)]
        self._sent_at.extend([now] * room)
        self._sent += room
        assert self._transport is not None
        self._transport.write(b"".join(frames))

    def _say(self, message: list[Any]) -> None:
        assert self._transport is not None
        self._transport.write(framing.stream_frame(self._session.send(message)))


async def connect(host: str, port: int, site: str, count: int, latencies_s: list[float]) -> list[GeneratedNode]:
    """Return `count` nodes whose sessions are established; 200 shake hands at a time."""
    gate = asyncio.Semaphore(200)

    async def one(index: int) -> GeneratedNode:
        async with gate:
            loop = asyncio.get_running_loop()
            _, node = await loop.create_connection(lambda: GeneratedNode(site, index, latencies_s), host, port)
            await asyncio.wait_for(node.ready, 60)
            return node

    return list(await asyncio.gather(*(one(index) for index in range(count))))


async def pace(nodes: list[GeneratedNode], period_s: float, rounds: int) -> None:
    """Let every node send one report a `period_s`, spread evenly over it, for `rounds` periods; then wait for acks."""
    start = time.perf_counter()
    sent, total = 0, rounds * len(nodes)
    while sent < total:
        due = min(total, int((time.perf_counter() - start) / period_s * len(nodes)) + 1)
        for number in range(sent, due):
            node = nodes[number % len(nodes)]
            node.prepare(1)
            node.release()
        sent = due
        await asyncio.sleep(_TICK_S)
    await asyncio.gather(*(node.idle.wait() for node in nodes))


def uptime_ms() -> int:
    """Return a generated node's uptime."""
    return int(time.monotonic() * 1000)


def utc_ms() -> int:
    """Return the wall clock."""
    return int(time.time() * 1000)
