"""All links to nodes together: started, reloaded without dropping anybody, swept of the idle ones, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.errors import PaifangError
from paifang.nodes.clocks import Clocks
from paifang.nodes.desk import BYE_REMOVED, BYE_STOPPING, FrontDesk
from paifang.nodes.links import Carrier, Link
from paifang.nodes.serial_lines import SerialLine
from paifang.nodes.tcp import TcpCarrier, TcpListener
from paifang_wire.framing import stream_frame
from paifang_wire.serial import serial_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paifang.store import Store

SWEEP_S = 2.0
IDLE_S = 100.0
"""A node sends its clock every 30 s: three of them lost, and some."""
CLOSE_S = 1.0
"""What is written when the gateway stops has this long to get out."""
HANDSHAKE_S = 15.0
"""A connection that has no session by then is closed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listen:
    host: str
    port: int
    backlog: int


@dataclass(frozen=True, slots=True)
class Line:
    device: str
    baud: int


class NodeService:
    """The links of one site to its nodes. `desk` handles what they bring."""

    def __init__(self, site: str, store: Store, clocks: Clocks | None = None) -> None:
        self.site = site
        self.clocks = clocks or Clocks()
        self.desk = FrontDesk(store, self.clocks)
        self.listener: TcpListener | None = None
        self.lines: dict[Line, SerialLine] = {}
        self._listen: Listen | None = None
        self._carriers: set[TcpCarrier] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, listen: Listen, lines: Sequence[Line]) -> None:
        """Listen and open the lines. Raises PaifangError (exit code 4) when the port cannot be had."""
        await self.reload(listen, lines)
        self._sweep()

    async def reload(self, listen: Listen, lines: Sequence[Line]) -> None:
        """Change where nodes may come in; those that are in stay. Raises PaifangError and changes nothing."""
        if listen != self._listen:
            self.listener = await self._moved(listen)
            self._listen = listen
        for line in [line for line in self.lines if line not in lines]:
            self.lines.pop(line).stop()
        for line in lines:
            if line not in self.lines:
                self.lines[line] = SerialLine(line.device, line.baud, self._serial_link)
                self.lines[line].start()

    def quiesce(self) -> None:
        """Take in nothing more; acks can still go out."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self.listener is not None:
            self.listener.stop()
        for carrier in self._carriers:
            carrier.pause()
        for line in self.lines.values():
            line.pause()

    async def stop(self) -> None:
        """Say goodbye and close all links."""
        for link in list(self.desk.sessions.values()):
            link.close("the gateway stops", BYE_STOPPING)
        for carrier in list(self._carriers):
            carrier.close("the gateway stops")
        for line in self.lines.values():
            line.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._empty.wait()
        for carrier in list(self._carriers):
            carrier.abort()

    def drop(self, node: str) -> None:
        """End the session of a node that is no longer enrolled as it was."""
        link = self.desk.sessions.get(node)
        if link is not None:
            self.desk.lost(link)
            link.close("removed", BYE_REMOVED)

    @property
    def connections(self) -> int:
        return len(self._carriers) + sum(not line.problem for line in self.lines.values())

    async def _moved(self, listen: Listen) -> TcpListener:
        """A listener at the new place. The old one stops first if its own port is in the way, and else last."""
        before, listener = self.listener, TcpListener(listen.host, listen.port, listen.backlog)
        is_in_the_way = before is not None and before.port == listen.port
        if before is not None and is_in_the_way:
            before.stop()
        try:
            await listener.start(self._carrier)
        except PaifangError:
            if before is not None and is_in_the_way:
                await before.start(self._carrier)
            raise
        if before is not None:
            before.stop()
        return listener

    def _carrier(self) -> TcpCarrier:
        return TcpCarrier(self._tcp_link, self._closed)

    def _tcp_link(self, carrier: TcpCarrier) -> Link:
        self._carriers.add(carrier)
        self._empty.clear()
        self.desk.counters.connections += 1
        return Link(self.desk, carrier, stream_frame, self.site, self.clocks.random, self.clocks.monotonic())

    def _closed(self, carrier: TcpCarrier) -> None:
        self._carriers.discard(carrier)
        if not self._carriers:
            self._empty.set()

    def _serial_link(self, line: SerialLine) -> Link:
        return Link(self.desk, line, serial_frame, self.site, self.clocks.random, self.clocks.monotonic())

    def _sweep(self) -> None:
        now_s = self.clocks.monotonic()
        for carrier in list(self._carriers):
            if carrier.is_closing:  # for a whole round: the other end does not take the rest
                carrier.abort()
            elif carrier.link is not None:
                _close_if_idle(carrier, carrier.link, now_s)
        for line in self.lines.values():
            link = line.link
            if link is not None and link.node:
                _close_if_idle(line, link, now_s)
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)


def _close_if_idle(carrier: Carrier, link: Link, now_s: float) -> None:
    if link.node and now_s - link.heard_s > IDLE_S:
        carrier.close("idle")
    elif not link.node and now_s - link.opened_s > HANDSHAKE_S:
        carrier.close("no session")
