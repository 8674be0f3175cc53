"""All sinks of the gateway: as the settings say, each in a task of its own."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from paifang.errors import not_found
from paifang.north import kinds
from paifang.north.runner import Runner
from paifang.store import cursors

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.config.sink import SinkSettings
    from paifang.config.sinks import SinksSettings
    from paifang.store import Store
    from paifang.store.points import PointTable
    from paifang.store.sql import Connection

_DROPPED = "SELECT sink, reason, sum(dropped) FROM sink_drops GROUP BY sink, reason"
_DELIVERED = "SELECT sink, sum(delivered) FROM sink_nodes GROUP BY sink"


_NOTHING = {"waiting": 0, "oldest_ms": None}


@dataclass(slots=True)
class _Running:
    kind: str
    runner: Runner
    task: asyncio.Task[None]


class SinkService:
    """Sinks on `store`; `table` finds a point table by its hash."""

    def __init__(self, store: Store, ward: kinds.Ward, table: Callable[[bytes | None], PointTable | None]) -> None:
        self._store = store
        self._ward = ward
        self._table = table
        self._running: dict[str, _Running] = {}

    async def start(self, settings: SinksSettings) -> None:
        """As `reload`, from none at all."""
        await self.reload(settings)

    async def stop(self) -> None:
        for name in list(self._running):
            await self._end(name)

    def check(self, settings: SinksSettings) -> None:
        """Raise PaifangError when a sink cannot be built, say for a file that is missing. Changes nothing."""
        for kind, sink in settings.by_name.values():
            kinds.build(kind, sink, self._ward)

    async def reload(self, settings: SinksSettings) -> None:
        """End what is not in the settings any more, or is otherwise there, and begin what is new.

        One that cannot be built is down, and is tried again: for the want of a file nobody's ward stands still.
        """
        wanted = settings.by_name
        for name, running in list(self._running.items()):
            if wanted.get(name) != (running.kind, running.runner.settings):
                await self._end(name)
        self._store.write(partial(cursors.keep_only, names=list(wanted)))
        for name, (kind, sink) in wanted.items():
            if name not in self._running:
                self._begin(kind, sink)

    def settled(self) -> None:
        """Records were stored."""
        for running in self._running.values():
            running.runner.notify()

    async def pause(self, name: str, *, paused: bool) -> bool:
        """Whether that changed anything. Raises PaifangError."""
        return bool(await self._find(name).runner.adopt(partial(cursors.pause, sink=name, paused=paused)))

    async def replay(self, name: str, span: tuple[int, int]) -> int:
        """Deliver what was stored in that time (UTC in ms) once more; returns how many records. Raises PaifangError."""
        runner = self._find(name).runner
        found = await self._store.look(lambda connection: cursors.span(connection, *span))
        if found is None:
            return 0
        return int(str(await runner.adopt(partial(cursors.replay, sink=name, first=found[0], last=found[1]))))

    async def rows(self) -> list[dict[str, Any]]:
        """One a sink: {sink, kind, state, why, delivered, dropped: {reason: records}, waiting, oldest_ms, confirmed_ms}

        `waiting` counts places, of which some may be empty; `oldest_ms` is when the oldest of them was stored.
        """
        found = await self._store.read(partial(_states, names=list(self._running)))
        return [self._row(running, found[name]) for name, running in self._running.items()]

    def status(self) -> dict[str, str]:
        """By sink: up, down or paused."""
        return {name: running.runner.state for name, running in self._running.items()}

    def findings(self) -> list[dict[str, str]]:
        """A warning for each sink whose far side confirms nothing now."""
        return [
            {
                "level": "warning",
                "subject": "sinks",
                "message": f"{name} waits: {problem.message}",
                "hint": problem.hint,
            }
            for name, running in self._running.items()
            if (problem := running.runner.figures.problem) is not None
        ]

    def _row(self, running: _Running, figures: dict[str, Any]) -> dict[str, Any]:
        told = running.runner.figures
        problem = told.problem
        return {
            "sink": running.runner.name,
            "kind": running.kind,
            "state": running.runner.state,
            "why": str(problem) if problem else "",
            "confirmed_ms": told.confirmed_ms,
            **figures,
        }

    def _begin(self, kind: str, sink: SinkSettings) -> None:
        connect = partial(kinds.build, kind, sink, self._ward)
        runner = Runner(sink, self._store, self._ward, self._table, connect)
        task = asyncio.create_task(runner.run(), name=f"sink {sink.name}")
        self._running[sink.name] = _Running(kind, runner, task)

    async def _end(self, name: str) -> None:
        task = self._running.pop(name).task
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def _find(self, name: str) -> _Running:
        if name not in self._running:
            raise not_found(f"there is no sink {name}", "it has to be in the settings; `paifang sink list`")
        return self._running[name]


def _states(connection: Connection, names: list[str]) -> dict[str, dict[str, Any]]:
    delivered = dict(connection.execute(_DELIVERED).fetchall())
    dropped: dict[str, dict[str, int]] = {}
    for sink, reason, count in connection.execute(_DROPPED):
        dropped.setdefault(sink, {})[reason] = count
    begun = {name for (name,) in connection.execute("SELECT name FROM sinks")}
    waiting = {name: _waiting(connection, name) if name in begun else _NOTHING for name in names}
    return {
        name: {"delivered": delivered.get(name, 0), "dropped": dropped.get(name, {}), **waiting[name]} for name in names
    }


def _waiting(connection: Connection, sink: str) -> dict[str, Any]:
    ranges = [(low, high) for low, high in cursors.pending(connection, sink) if low <= high]
    oldest = min((low for low, _ in ranges), default=None)
    rows = [] if oldest is None else cursors.page(connection, oldest - 1, (1 << 63) - 1, 1)
    return {"waiting": sum(high - low + 1 for low, high in ranges), "oldest_ms": rows[0][7] if rows else None}
