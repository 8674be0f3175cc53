"""Operations on sinks: how each stands, who has it wait, what is delivered once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.arguments import Arguments
from paifang.operations.callers import actor

if TYPE_CHECKING:
    from paifang.commands.journal import Journal
    from paifang.control.authority import Caller
    from paifang.control.connection import Handler
    from paifang.north.service import SinkService


_LATEST_MS = 1 << 52


class SinkOperations:
    def __init__(self, sinks: SinkService, journal: Journal) -> None:
        self._sinks = sinks
        self._journal = journal

    def handlers(self) -> dict[str, Handler]:
        return {"sinks.list": self._list, "sinks.pause": self._pause, "sinks.replay": self._replay}

    async def _list(self, args: dict[str, Any], _caller: Caller) -> Any:
        Arguments("sinks.list", args).done()
        return await self._sinks.rows()

    async def _pause(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("sinks.pause", args)
        name, paused = given.text("sink"), given.flag("paused")
        given.done()
        changed = await self._sinks.pause(name, paused=paused)
        if changed:
            self._journal.note("sink", name, actor(caller), paused=paused)
        return {"sink": name, "paused": paused, "changed": changed}

    async def _replay(self, args: dict[str, Any], caller: Caller) -> Any:
        """`since_ms` and `until_ms`: of when it was stored, UTC."""
        given = Arguments("sinks.replay", args)
        name = given.text("sink")
        span = (given.whole("since_ms", 0, 0, _LATEST_MS), given.whole("until_ms", _LATEST_MS, 0, _LATEST_MS))
        given.done()
        records = await self._sinks.replay(name, span)
        self._journal.note("sink", name, actor(caller), replayed=records)
        return {"sink": name, "records": records}
