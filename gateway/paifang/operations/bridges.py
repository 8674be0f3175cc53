"""Operations on bridges: which devices there are and how they stand, who leaves them alone, what goes over a bus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from paifang.arguments import Arguments
from paifang.bridges.trace import told
from paifang.operations.callers import actor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from paifang.bridges.service import BridgeService
    from paifang.commands.journal import Journal
    from paifang.control.authority import Caller
    from paifang.control.connection import Handler

TRACE_LIMIT = 1_000
"""Pieces that wait for a caller; more are counted, and it is told how many it missed."""


class BridgeOperations:
    def __init__(self, bridges: BridgeService, journal: Journal) -> None:
        self._bridges = bridges
        self._journal = journal

    def handlers(self) -> dict[str, Handler]:
        return {
            "bridges.list": self._list,
            "bridges.lock": self._lock,
            "bridges.trace": self._trace,
        }

    async def _list(self, args: dict[str, Any], _caller: Caller) -> Any:
        Arguments("bridges.list", args).done()
        return self._bridges.rows()

    async def _lock(self, args: dict[str, Any], caller: Caller) -> Any:
        """Logged first; a log that is broken keeps nobody from leaving a device alone."""
        given = Arguments("bridges.lock", args)
        name, locked = given.text("device"), given.flag("locked")
        given.done()
        self._bridges.find(name)
        self._journal.note("bridge", name, actor(caller), locked=locked)
        return {"device": name, "locked": locked, "changed": self._bridges.lock(name, locked)}

    def _trace(self, args: dict[str, Any], _caller: Caller) -> AsyncIterator[Any]:
        given = Arguments("bridges.trace", args)
        name = given.text("device")
        given.done()
        return self._traced(name)

    async def _traced(self, name: str) -> AsyncIterator[dict[str, Any]]:
        """{kind: "bytes", way, data, told} of all that goes over the device's bus, {kind: "missed", count}."""
        planned, bus = self._bridges.bus_of(name)
        waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(TRACE_LIMIT)
        missed = 0

        def tap(way: str, data: bytes) -> None:
            nonlocal missed
            if waiting.full():
                missed += 1
            else:
                waiting.put_nowait((way, data))

        bus.taps.add(tap)
        heard = b""
        try:
            while True:
                way, data = await waiting.get()
                whole = heard + data if way == "heard" else data
                words = told(planned.protocol, way, whole, is_serial_line=planned.is_serial_line)
                heard = b"" if words or way == "sent" else whole
                yield {"kind": "bytes", "way": way, "data": data.hex(" "), "told": words}
                if missed:
                    count, missed = missed, 0
                    yield {"kind": "missed", "count": count}
        finally:
            bus.taps.discard(tap)
