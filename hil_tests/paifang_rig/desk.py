"""A gateway in the bench's hand: it knows the nodes' keys, as a stolen one does, and says what it is told to say.

What the real gateway refuses to send, forgets or repeats is tried on a node from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

from paifang_rig.errors import RigError
from paifang_wire import framing, messages
from paifang_wire.errors import WireError
from paifang_wire.link import GatewayLink
from paifang_wire.marks import RecordMarks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paifang_tools.provision import Identity

DEADLINE_S = 20.0
WITHIN_MS = 60_000
_READ_BYTES = 65536
VOLTAGE = 1
"""The point of a smart meter that its relay's interlock looks at."""
_Stored = dict[tuple[int, int], RecordMarks]
_Found = TypeVar("_Found")


class LineLost(RigError):
    """The session ended before the answer: the node's power, or its reset."""


@dataclass(slots=True, eq=False)
class Line:
    """One connection. `heard` are the node's messages in order, without the records that it was acknowledged."""

    link: GatewayLink
    writer: asyncio.StreamWriter
    hello: list[Any] = field(default_factory=list[Any])
    heard: list[list[Any]] = field(default_factory=list[list[Any]])
    records: list[list[Any]] = field(default_factory=list[list[Any]])
    uptime_ms: int = 0
    is_open: bool = True

    @property
    def boot(self) -> int:
        return self.link.boot

    @property
    def description(self) -> bytes:
        """The hash by which the node names its point table."""
        return self.hello[7]

    @property
    def keyset(self) -> int:
        """The version of the key set that the node said it holds."""
        return self.hello[10]

    def value(self, point: int) -> int | None:
        """What the node reported last of a point since it came."""
        for message in reversed(self.records):
            if message[0] == messages.REPORT and point in message[5]:
                return message[5][point]
        return None

    def say(self, message: Sequence[Any]) -> None:
        self.writer.write(framing.stream_frame(self.link.send(message)))

    def find(self, kind: int, identifier: bytes | None = None, start: int = 0) -> list[Any] | None:
        """The newest message of a kind (and of that id), from place `start` of `heard` on."""
        for message in reversed(self.heard[start:]):
            if message[0] == kind and (identifier is None or message[1] == identifier):
                return message
        return None


class Desk:
    """`async with Desk(identity, …) as desk`: nodes connect to `desk.port`.

    `utc_ms` is what it tells of the time; None: it knows none. Without `acknowledges`, nodes keep their records.
    """

    def __init__(
        self, *identities: Identity, utc_ms: Callable[[], int | None] | None = None, acknowledges: bool = True
    ) -> None:
        self.site = identities[0].site
        self.identities = {identity.node: identity for identity in identities}
        self.port = 0
        self.lines: dict[str, Line] = {}
        self.receipts: list[list[Any]] = []
        self._utc_ms = utc_ms or (lambda: int(time.time() * 1000))
        self._acknowledges = acknowledges
        self._stored: dict[str, _Stored] = {name: {} for name in self.identities}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def session(self, node: str, boot: int = 0, after: Line | None = None) -> Line:
        """The live session of a node; of that boot or a later one, and another one than `after`."""

        def live() -> Line | None:
            line = self.lines.get(node)
            return line if line and line.is_open and line.boot >= boot and line is not after else None

        return await self.until(live, f"a session of {node}")

    async def ready(self, node: str, boot: int = 0, point: int = VOLTAGE) -> Line:
        """As `session`, once the node has reported a value of `point` in it."""
        line = await self.session(node, boot)
        await self._answer(line, lambda: line.value(point) is not None, f"{node} reports point {point}")
        return line

    def forget(self, node: str) -> None:
        """What was stored of a node: its flash is laid down anew, and its boots count from there again."""
        self._stored[node] = {}
        self.lines.pop(node, None)

    async def command(
        self,
        node: str,
        point: int,
        op: int,
        value: int | None,
        *,
        expect: int | None = None,
        identifier: bytes | None = None,
        order: bytes | None = None,
        approval: bytes | None = None,
        within_ms: int = WITHIN_MS,
    ) -> list[Any]:
        """Send it in the live session and wait for its receipt."""
        line = await self.session(node)
        identifier = identifier or secrets.token_bytes(8)
        start = len(line.heard)
        deadline_ms = line.uptime_ms + within_ms
        line.say([messages.COMMAND, identifier, point, op, value, expect, deadline_ms, order, approval])
        return await self.receipt(line, identifier, start)

    async def recall(self, node: str, identifier: bytes) -> list[Any]:
        """The receipt of an id that the node gives now."""
        line = await self.session(node)
        start = len(line.heard)
        line.say([messages.RECALL, identifier])
        return await self.receipt(line, identifier, start)

    async def receipt(self, line: Line, identifier: bytes, start: int = 0) -> list[Any]:
        return await self._answer(
            line, lambda: line.find(messages.RECEIPT, identifier, start), f"receipt {identifier.hex()}"
        )

    async def rooted(self, node: str, what: int, payload: bytes, signatures: Sequence[bytes]) -> list[Any]:
        """Hand on what two roots have signed; the node's `held`."""
        line = await self.session(node)
        start = len(line.heard)
        line.say([messages.ROOTED, what, payload, *signatures])
        return await self._answer(line, lambda: line.find(messages.HELD, None, start), f"{node} says what it holds")

    async def until(self, condition: Callable[[], _Found | None], what: str, deadline_s: float = DEADLINE_S) -> _Found:
        """The first result of `condition` that is true, looked at after each message."""
        end = time.monotonic() + deadline_s
        while not (found := condition()):
            self._changed.clear()
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise RigError(f"{what}: nothing of it within {deadline_s:.0f} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left_s)
        return found

    async def _answer(self, line: Line, found: Callable[[], _Found | None], what: str) -> _Found:
        """As `until`; LineLost when the session ends without it."""
        await self.until(lambda: found() or not line.is_open, what)
        answer = found()
        if not answer:
            raise LineLost(f"{what}: the session ended first")
        return answer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        line = Line(GatewayLink(self.site, self._lookup, os.urandom), writer)
        decoder = framing.StreamDecoder()
        try:
            while data := await reader.read(_READ_BYTES):
                for frame in decoder.feed(data):
                    with contextlib.suppress(WireError):
                        self._take(line, line.link.receive(frame))
                self._changed.set()
        except (OSError, WireError, asyncio.CancelledError):
            pass  # the board's power, or the end of the bench
        finally:
            self._tasks.discard(task)
            line.is_open = False
            self._changed.set()
            writer.transport.abort()

    def _lookup(self, node: str) -> tuple[bytes, int] | None:
        identity = self.identities.get(node)
        return (identity.node_key, 0) if identity else None

    def _take(self, line: Line, message: list[Any]) -> None:
        kind = message[0]
        if kind == messages.HELLO:
            self._welcome(line, message)
            return
        if line.link.promoted:
            self.lines[line.link.node] = line
        if kind == messages.CLOCK:
            line.uptime_ms = message[1]
            utc_ms = self._utc_ms()
            if utc_ms is not None:
                line.say([messages.TIME, message[1], utc_ms, messages.TIME_GATEWAY])
        elif messages.REPORT <= kind <= messages.GAP:
            self._record(line, message)
        else:
            line.heard.append(message)
            if kind == messages.RECEIPT:
                self.receipts.append(message)

    def _welcome(self, line: Line, hello: list[Any]) -> None:
        line.hello = hello
        line.uptime_ms = hello[8]
        stored = [[boot, marks.high] for (boot, _), marks in sorted(self._stored[hello[2]].items())]
        utc_ms = self._utc_ms()
        quality = messages.TIME_NONE if utc_ms is None else messages.TIME_GATEWAY
        frame = line.link.welcome(utc_ms, quality, stored[-messages.WELCOME_BOOTS :], want_description=True)
        line.writer.write(framing.stream_frame(frame))

    def _record(self, line: Line, message: list[Any]) -> None:
        kind, boot, number = message[:3]
        lane = messages.BACKLOG if number >= messages.BACKLOG else 0
        marks = self._stored[line.link.node].setdefault((boot, lane), RecordMarks(lane))
        if kind == messages.GAP:
            marks.settle(number, message[3])
        else:
            line.uptime_ms = max(line.uptime_ms, message[3])
            if marks.add(number):
                line.records.append(message)
        if self._acknowledges:
            line.say([messages.ACK, boot, marks.high, marks.bitmap])

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
