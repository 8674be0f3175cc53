"""Puts a node together from its parts and runs it. Everything of the board comes in from `main`."""

import asyncio
import hashlib

from paifang_wire import __version__, cbor
from paifang_wire.messages import EV_STARTED

from . import health
from .commands import Commands
from .link import Link
from .records import Records
from .supervisor import Supervisor
from .wall import WallClock

# machine.reset_cause() of an ESP32.
_RESET_CAUSES = {1: "power on", 2: "hard reset", 3: "watchdog", 4: "deep sleep", 5: "soft reset"}


class Node:
    """A role, its link and their keeper.

    `name`: (site, node); `identity` as of `identity.open_identity`; `uptime` an Uptime; `outbox` an Outbox;
    `role` has POINTS, `attach(records)`, `run(alive)`, `write(point, value)` and `to_safe_state()`; `transport` as in
    `tcp` and `serial`; `board`: (reset cause, random(n), wdt, gc).
    """

    def __init__(self, name: tuple, identity: tuple, role, transport, outbox, uptime, board: tuple) -> None:
        reset_cause, random, wdt, self._gc = board
        boot, node_key, receipt_key = identity
        self._role = role
        self._outbox = outbox
        wall = WallClock()
        commands = Commands(role.POINTS, role.write, uptime.now_ms, receipt_key)
        self._link = Link(
            name + (boot, node_key),
            (__version__, reset_cause),
            self._description,
            hashlib.sha256(cbor.encode(self._description())).digest()[:8],
            transport,
            outbox,
            commands,
            uptime,
            wall,
            random,
        )
        self._records = Records(boot, outbox, uptime, wall, self._link.notify)
        self._records.event(EV_STARTED, None, _RESET_CAUSES.get(reset_cause, "reset cause %d" % reset_cause))
        role.attach(self._records)
        self._supervisor = Supervisor(uptime, wdt, self._records, role.to_safe_state)

    def run(self) -> None:
        """Does not return."""
        asyncio.run(
            self._supervisor.run((("link", self._link.run), ("role", self._role.run), ("health", self._health)))
        )

    async def _health(self, alive) -> None:
        await health.run(alive, self._records, self._outbox, self._link, self._gc)

    def _description(self) -> tuple:
        return self._role.POINTS + health.POINTS
