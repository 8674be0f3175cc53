"""The connections of a Modbus TCP server: who is let in, how many, for how long, and one request after the other."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.bridges.errors import FrameError
from paifang.bridges.modbus.server import Adu, Adus, Write
from paifang.errors import resource_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from paifang.bridges.modbus.server import Server

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

READ_BYTES = 4096
WRITE_S = 5.0
"""A client that does not take its answer for so long is gone."""

TOLD_MOST = 100
"""Addresses that are remembered as told of."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """`allow`: networks that are let in, none: everybody. A connection that is idle for `idle_s` is closed; when there
    are `connections`, a new one takes the place of the one that has been idle longest.
    """

    host: str
    port: int
    allow: Sequence[Network] = ()
    connections: int = 16
    idle_s: float = 60.0


@dataclass(eq=False, slots=True)
class _Client:
    writer: asyncio.StreamWriter
    peer: str
    heard_s: float


class ModbusServer:
    """Listens at `door` (port 0: any free one). `on_write(write, peer)` decides: DONE, or the exception to answer.

    `counts`: connections, requests, writes, refused (not let in), crowded (had to make room), idle, garbled.
    """

    def __init__(self, door: Door, server: Server, on_write: Callable[[Write, str], Awaitable[int]]) -> None:
        self.counts: Counter[str] = Counter()
        self.port = door.port
        self._door = door
        self._server = server
        self._on_write = on_write
        self._clients: set[_Client] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: set[str] = set()
        self._listener: asyncio.Server | None = None

    @property
    def connected(self) -> int:
        return len(self._clients)

    async def start(self) -> None:
        """Raises PaifangError (exit code 4) when the address cannot be had."""
        host, port = self._door.host, self._door.port
        try:
            self._listener = await asyncio.start_server(self._accept, host, port, limit=READ_BYTES)
        except OSError as error:
            hint = "set another listen in [modbus_server]; ports below 1024 are for root, or for CAP_NET_BIND_SERVICE"
            raise resource_error(f"Modbus clients cannot connect at {host}:{port}: {error.strerror}", hint) from error
        self.port = self._listener.sockets[0].getsockname()[1]
        _log.info("modbus server: listening on %s:%d", host, self.port)

    async def stop(self) -> None:
        """Listen no more and hang up; a write that is being decided ends with its connection."""
        if self._listener is not None:
            self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            await self._listener.wait_closed()
            self._listener = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = (writer.get_extra_info("peername") or ("?",))[0]
        if not self._is_let_in(peer):
            self.counts["refused"] += 1
            self._tell(peer, "is not let in")
            writer.transport.abort()
            return
        self._make_room()
        client = _Client(writer, peer, asyncio.get_running_loop().time())
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(client)
        self._tasks.add(task)
        self.counts["connections"] += 1
        try:
            await self._serve(reader, client)
        finally:
            self._clients.discard(client)
            self._tasks.discard(task)
            writer.close()

    def _tell(self, peer: str, what: str) -> None:
        """Of each address once: there may be many tries."""
        if peer not in self._told:
            self._told = {*self._told, peer} if len(self._told) < TOLD_MOST else {peer}
            _log.warning("modbus server: %s %s", peer, what)

    def _is_let_in(self, peer: str) -> bool:
        if not self._door.allow:
            return True
        address = ipaddress.ip_address(peer.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self._door.allow)

    def _make_room(self) -> None:
        while len(self._clients) >= self._door.connections:
            longest = min(self._clients, key=lambda client: client.heard_s)
            self._clients.discard(longest)
            self.counts["crowded"] += 1
            longest.writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, client: _Client) -> None:
        adus = Adus()
        with contextlib.suppress(ConnectionError):
            while data := await self._read(reader):
                client.heard_s = asyncio.get_running_loop().time()
                try:
                    requests = adus.feed(data)
                except FrameError as error:
                    self.counts["garbled"] += 1
                    self._tell(client.peer, f"was hung up on: {error}")
                    return
                for request in requests:
                    await self._answer(request, client)

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        """b"" when there is nothing more to come, or nothing came for too long."""
        try:
            async with asyncio.timeout(self._door.idle_s):
                return await reader.read(READ_BYTES)
        except TimeoutError:
            self.counts["idle"] += 1
            return b""

    async def _answer(self, request: Adu, client: _Client) -> None:
        """Raises ConnectionError when the client does not take it."""
        self.counts["requests"] += 1
        answer = self._server.answer(request.unit, request.pdu)
        if isinstance(answer, Write):
            self.counts["writes"] += 1
            answer = self._server.decided(answer, await self._on_write(answer, client.peer))
        client.writer.write(Adu(request.transaction, request.unit, answer).data)
        try:
            async with asyncio.timeout(WRITE_S):
                await client.writer.drain()
        except TimeoutError as error:
            client.writer.transport.abort()
            raise ConnectionAbortedError from error
