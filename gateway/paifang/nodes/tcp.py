"""Nodes on the network: a listener, and a link for each connection."""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import TYPE_CHECKING, cast

from paifang.errors import PaifangError, resource_error
from paifang_wire.errors import WireError
from paifang_wire.framing import StreamDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.nodes.links import Link

WRITE_LIMIT_BYTES = 128 * 1024
"""What may wait for a node that does not read; beyond it the connection is given up."""
WRITE_PAUSE_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


class TcpCarrier(asyncio.Protocol):
    """One connection. `make_link(carrier)` gives its link; `closed(carrier)` tells that it is gone."""

    __slots__ = ("_closed", "_decoder", "_make_link", "_transport", "_why", "link", "peer")

    def __init__(self, make_link: Callable[[TcpCarrier], Link], closed: Callable[[TcpCarrier], None]) -> None:
        self._make_link = make_link
        self._closed = closed
        self._decoder = StreamDecoder()
        self._transport: asyncio.Transport | None = None
        self._why = "connection lost"
        self.link: Link | None = None
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(high=WRITE_PAUSE_BYTES)
        address = transport.get_extra_info("peername")
        self.peer = f"{address[0]}:{address[1]}" if address else "?:0"
        self.link = self._make_link(self)

    def data_received(self, data: bytes) -> None:
        link = self.link
        if link is None:
            return
        counters = link.desk.counters
        counters.bytes_in += len(data)
        try:
            frames = self._decoder.feed(data)
        except WireError as error:
            counters.refused[error.reason] += 1
            self.close(error.reason)
        else:
            link.receive(frames)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name; why is in `_why`
        link, self.link = self.link, None
        if link is not None:
            link.desk.counters.closed[self._why] += 1
            link.desk.lost(link)
        self._closed(self)

    def write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > WRITE_LIMIT_BYTES:
            self._why = "the node does not read"
            transport.abort()

    def close(self, why: str) -> None:
        """Hang up after what has been written; `why` is counted."""
        if self._transport is not None and not self._transport.is_closing():
            self._why = why
            self._transport.close()

    @property
    def is_closing(self) -> bool:
        return self._transport is not None and self._transport.is_closing()

    def pause(self) -> None:
        """Read nothing more."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def abort(self) -> None:
        """Hang up without waiting for the node to take what was written."""
        if self._transport is not None:
            self._transport.abort()


class TcpListener:
    """Listens at `host`:`port` (0: any free one); connections outlive it."""

    def __init__(self, host: str, port: int, backlog: int) -> None:
        self.host = host
        self.port = port
        self._backlog = backlog
        self._server: asyncio.Server | None = None

    async def start(self, make: Callable[[], TcpCarrier]) -> None:
        """Listen; `port` is the real one afterwards. Raises PaifangError (exit code 4)."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(make, self.host, self.port, backlog=self._backlog)
        except OSError as error:
            raise _explain(error, self.host, self.port) from error
        self.port = self._server.sockets[0].getsockname()[1]
        _log.info("nodes: listening on %s:%d", self.host, self.port)

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def _explain(error: OSError, host: str, port: int) -> PaifangError:
    where = f"nodes cannot connect at {host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return resource_error(
            f"{where}: the port is in use", "end the other program, or set another listen in [nodes.tcp]"
        )
    if error.errno == errno.EACCES:
        return resource_error(
            f"{where}: not allowed", "ports below 1024 are for root: set a greater one in [nodes.tcp]"
        )
    return resource_error(f"{where}: {error.strerror or error}", "set an address of this machine in [nodes.tcp]")
