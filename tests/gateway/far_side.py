"""A node as the gateway meets it: the wire's own node side on a real socket, told by the test what to say."""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import Any

from paifang_wire import cbor, messages
from paifang_wire.errors import WireError
from paifang_wire.framing import StreamDecoder, stream_frame
from paifang_wire.session import NodeSession

SITE = "ward-1"
PATIENCE_S = 20.0
VOLTAGE, CURRENT, LIMIT, RELAY, SIGNAL = 1, 2, 8, 16, 20
POINTS = (
    (VOLTAGE, "voltage", "V", messages.INT, -1, 0, 3000, 0, None),
    (CURRENT, "current", "A", messages.INT, -3, None, None, 0, None),
    (LIMIT, "power_limit", "W", messages.INT, 0, 0, 23000, 1, None),
    (RELAY, "relay", "", messages.BOOL, 0, None, None, 1, None),
    (SIGNAL, "signal", "", messages.INT, 0, 0, 9, 3, None),
)


def key_of(node: str) -> bytes:
    return hashlib.sha256(node.encode()).digest()


class FarNode:
    """`node` of `site`, in its `boot`. Each `connect` is a new session; what the gateway says waits in `heard`."""

    def __init__(self, address: tuple[str, int], node: str = "meter-1", boot: int = 1, site: str = SITE) -> None:
        self.address = address
        self.node = node
        self.boot = boot
        self.site = site
        self.key = key_of(node)
        self.points = POINTS
        self.uptime_ms = 1_000
        self.handshakes = 0
        self.heard: asyncio.Queue[list[Any]] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.acked: dict[int, tuple[int, int]] = {}
        self.welcome: list[Any] = []
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and say nothing."""
        reader, self._writer = await asyncio.open_connection(*self.address)
        self.closed = asyncio.Event()
        self.heard = asyncio.Queue()
        self.session = NodeSession(self.site, self.node, self.boot, self.key, os.urandom, self.handshakes)
        self.handshakes += 1
        self._task = asyncio.create_task(self._listen(reader))

    def hello(self) -> bytes:
        return self.session.hello("9.9", self.description_hash, self.uptime_ms, 1, 0, 0)

    @property
    def description_hash(self) -> bytes:
        return hashlib.sha256(cbor.encode(self.points)).digest()[:8]

    async def connect(self) -> list[Any]:
        """Connect, shake hands, describe if asked to; returns the welcome."""
        await self.open()
        self.send_raw(self.hello())
        self.welcome = await self.hear(messages.WELCOME)
        self.say([messages.CLOCK, self.uptime_ms])
        if self.welcome[6]:
            self.say([messages.DESCRIBE, self.description_hash, self.points])
        await self.hear(messages.TIME)
        return self.welcome

    def say(self, message: list[Any]) -> bytes:
        """Send a message of the session; returns its frame."""
        frame = self.session.send(message)
        self.send_raw(frame)
        return frame

    def report(self, number: int, values: dict[int, Any] | None = None, quality: dict[int, int] | None = None) -> bytes:
        self.uptime_ms += 10
        values = {VOLTAGE: 2300 + number % 7} if values is None else values
        return self.say([messages.REPORT, self.boot, number, self.uptime_ms, None, values, quality or {}])

    def send_raw(self, frame: bytes) -> None:
        self.send_bytes(stream_frame(frame))

    def send_bytes(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    async def hear(self, kind: int) -> list[Any]:
        """The next message of `kind`; others that come before it are dropped."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.heard.get()
                if message[0] == kind:
                    return message

    async def acked_up_to(self, number: int, boot: int | None = None) -> None:
        """Wait until the gateway has acknowledged all up to `number`."""
        async with asyncio.timeout(PATIENCE_S):
            while self.acked.get(boot or self.boot, (0, 0))[0] < number:
                await self.heard.get()

    async def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        decoder = StreamDecoder()
        try:
            while data := await reader.read(65536):
                for frame in decoder.feed(data):
                    self._take(frame)
        except ConnectionError:
            pass
        finally:
            self.closed.set()

    def _take(self, frame: bytes) -> None:
        try:
            message = self.session.receive(frame)
        except WireError as error:
            message = [-1, error.reason]
        if message[0] == messages.ACK:
            self.acked[message[1]] = (message[2], message[3])
        self.heard.put_nowait(message)


async def until(condition: Any) -> None:
    """Wait until `condition()` is true, with a generous deadline."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of tests
            await asyncio.sleep(0.002)
