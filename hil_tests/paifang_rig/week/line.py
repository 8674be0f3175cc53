"""The way between a node and the gateway: a connection that breaks, or a line that loses, doubles and swaps frames.

A connection (TCP) keeps frames whole and in order until it is gone, and then brings none. A line (serial, radio) has
no connection to lose: what is sent while it is down, or noisy, may not arrive.
"""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paifang.nodes.links import Link

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from paifang.nodes.desk import FrontDesk

WAY_S = (0.005, 0.060)
"""A frame takes so long, least and most."""
CONNECT_S = 0.2
REFUSED_S = 1.5
"""How long it takes to find out that nobody listens."""
HANDSHAKE_MS = 10_000
LOSS, DOUBLING, SWAPPING = 0.2, 0.05, 0.1
"""Chances of a frame on a line that is noisy; one that is swapped comes up to SWAP_S late."""
SWAP_S = 0.5


@dataclass(slots=True)
class Station:
    """Where lines lead: the gateway of now, if there is one."""

    site: str
    random: Callable[[int], bytes]
    desk: FrontDesk | None = None
    life: int = 0


@dataclass(slots=True)
class LineFigures:
    sent: int = 0
    lost: int = 0
    doubled: int = 0
    swapped: int = 0
    broken: int = 0


@dataclass(slots=True, eq=False)
class _Connection:
    """One connection, or a line's link for one life of the gateway; the carrier of the gateway's link."""

    line: Line
    peer: str
    is_open: bool = True
    is_silent: bool = False
    """It has lost a frame: nothing comes any more, for nothing may come behind a hole."""
    link: Link | None = None
    arrives_s: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def write(self, data: bytes) -> None:
        self.line.carry(self, data, is_up=False)

    def close(self, why: str) -> None:  # noqa: ARG002 - the links' carrier
        if self.line.is_connected:
            self.line.hang_up(self)


class Line:
    """One node's. It is the `transport` of the node's link; `is_connected`: of the connection's kind.

    `down`: how many reasons there are that nothing passes; `is_noisy`: a line loses, doubles and swaps.
    """

    def __init__(self, name: str, station: Station, chance: random.Random, *, is_connected: bool) -> None:
        self.name = name
        self.is_connected = is_connected
        self.down = 0
        self.is_noisy = False
        self.figures = LineFigures()
        self.refused = 0
        self.handshake_ms = HANDSHAKE_MS
        self._station = station
        self._chance = chance
        self._clock = asyncio.get_running_loop()
        self._frames: list[bytes] = []
        self._arrived = asyncio.Event()
        self._now: _Connection | None = None
        self._life = 0
        self._is_on = False

    # What the node's link asks

    async def open(self) -> None:
        """Raises OSError when nobody is there; a line cannot know."""
        self._frames.clear()
        self._is_on = True
        if not self.is_connected:
            return
        if self.down or self._station.desk is None:
            await asyncio.sleep(REFUSED_S)
            raise OSError(errno.ECONNREFUSED, self.name)
        await asyncio.sleep(CONNECT_S)
        if self._station.desk is None:
            raise OSError(errno.ECONNRESET, self.name)
        self._now = self._connection()

    async def receive(self) -> list[bytes]:
        """The frames that came. Raises OSError when the connection is gone."""
        while not self._frames:
            if self.is_connected and (self._now is None or not self._now.is_open):
                raise OSError(errno.ECONNRESET, self.name)
            self._arrived.clear()
            await self._arrived.wait()
        frames, self._frames = self._frames, []
        return frames

    async def send(self, frame: bytes) -> None:
        """Raises OSError when the connection is gone."""
        if not self.is_connected and (self._now is None or self._life != self._station.life):
            self._now = None if self._station.desk is None else self._connection()
        if self._now is not None:
            if not self._now.is_open:
                raise OSError(errno.ECONNRESET, self.name)
            self.carry(self._now, frame, is_up=True)

    async def close(self) -> None:
        if self.is_connected and self._now is not None:
            self.hang_up(self._now)

    # What happens to it

    def power_off(self) -> None:
        """The node is gone: what is on its way to it is, too, and a connection is not closed, just silent."""
        self._is_on = False
        self._frames.clear()
        if self.is_connected:
            self._now = None

    def reset(self) -> bool:
        """A connection breaks, at both ends; whether there was one."""
        if not self.is_connected or self._now is None or not self._now.is_open:
            return False
        self.figures.broken += 1
        self.hang_up(self._now)
        return True

    def carry(self, connection: _Connection, frame: bytes, *, is_up: bool) -> None:
        """Have a frame arrive, or not."""
        self.figures.sent += 1
        connection.is_silent = connection.is_silent or (self.down > 0 and self.is_connected)
        if self.down or connection.is_silent:
            self.figures.lost += 1
            return
        for delay_s in self._delays():
            at_s = self._clock.time() + delay_s
            if self.is_connected:
                at_s = connection.arrives_s[is_up] = max(at_s, connection.arrives_s[is_up])
            self._clock.call_at(at_s, self._reach, connection, frame, is_up)

    def hang_up(self, connection: _Connection) -> None:
        if connection.is_open:
            connection.is_open = False
            self._clock.call_later(WAY_S[0], self._gone, connection)

    def _connection(self) -> _Connection:
        assert self._station.desk is not None
        connection = _Connection(self, f"{self.name}:1")
        desk, self._life = self._station.desk, self._station.life
        now_s = desk.clocks.monotonic()
        connection.link = Link(desk, connection, bytes, self._station.site, self._station.random, now_s)
        return connection

    def _delays(self) -> list[float]:
        """When copies of a frame arrive; none when it is lost."""
        chance = self._chance.random
        delays = [WAY_S[0] + chance() * (WAY_S[1] - WAY_S[0])]
        if self.is_connected or not self.is_noisy:
            return delays
        if chance() < LOSS:
            self.figures.lost += 1
            return []
        if chance() < DOUBLING:
            self.figures.doubled += 1
            delays.append(delays[0] + chance() * SWAP_S)
        if chance() < SWAPPING:
            self.figures.swapped += 1
            delays[0] += chance() * SWAP_S
        return delays

    def _reach(self, connection: _Connection, frame: bytes, is_up: bool) -> None:
        connection.is_silent = connection.is_silent or (self.down > 0 and self.is_connected)
        if self.down or connection.is_silent or connection.link is None:
            return
        if is_up:
            # What was written before a connection was closed still arrives; a gateway that is gone takes nothing.
            if connection.link.desk is self._station.desk:
                connection.link.receive([frame])
        elif connection.is_open and connection is self._now and self._is_on:
            self._frames.append(frame)
            self._arrived.set()

    def _gone(self, connection: _Connection) -> None:
        desk = self._station.desk
        if desk is not None and connection.link is not None and connection.link.desk is desk:
            desk.lost(connection.link)
        connection.link = None
        self._arrived.set()
