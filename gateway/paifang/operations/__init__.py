"""The operations of the control socket: what a person or a program on this machine may ask of a running gateway."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from paifang.arguments import Arguments
from paifang.errors import PaifangError
from paifang.store import history
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from paifang.control.authority import Caller
    from paifang.control.connection import Handler
    from paifang.feed import Feed
    from paifang.nodes.service import NodeService
    from paifang.report import Reporter
    from paifang.store import Store

LIMIT_MOST = 100_000


class Operations:
    """The handlers, by the name of their operation; `more` are those of other parts.

    `on_stop()` and `on_reload()` are what the process does about those two; without them they are refused.
    """

    def __init__(
        self, store: Store, service: NodeService, feed: Feed, report: Reporter, more: Mapping[str, Handler]
    ) -> None:
        self.on_stop: Callable[[], object] | None = None
        self.on_reload: Callable[[], Awaitable[object]] | None = None
        self._store = store
        self._service = service
        self._feed = feed
        self._report = report
        self._more = more

    def handlers(self) -> dict[str, Handler]:
        return {
            "status": self._plain("status", self._report.status),
            "metrics": self._plain("metrics", self._report.metrics),
            "check": self._plain("check", self._report.check),
            "read": self._read,
            "events": self._events,
            "watch": self._watch,
            "reload": self._plain("reload", self._reload),
            "stop": self._plain("stop", self._stop),
            **self._more,
        }

    def _plain(self, op: str, answer: Callable[[], Awaitable[Any]]) -> Handler:
        async def handler(args: dict[str, Any], _caller: Caller) -> Any:
            Arguments(op, args).done()
            return await answer()

        return handler

    async def _read(self, args: dict[str, Any], _caller: Caller) -> Any:
        wanted = self._wanted("read", args, with_point=True)
        expand = functools.partial(history.readings, table=self._service.desk.table)
        return await self._store.read(lambda connection: history.records(connection, messages.REPORT, wanted, expand))

    async def _events(self, args: dict[str, Any], _caller: Caller) -> Any:
        wanted = self._wanted("events", args, with_point=False)
        table = self._service.desk.table
        return await self._store.read(
            lambda connection: history.records(
                connection, messages.EVENT, wanted, lambda row: [history.event(row, table)]
            )
        )

    def _wanted(self, op: str, args: dict[str, Any], *, with_point: bool) -> history.Wanted:
        given = Arguments(op, args)
        node = given.optional_text("node")
        point = given.optional_text("point") if with_point else None
        limit = given.whole("limit", 20, 1, LIMIT_MOST)
        given.done()
        return history.Wanted(node, point, limit)

    def _watch(self, args: dict[str, Any], _caller: Caller) -> AsyncIterator[Any]:
        given = Arguments("watch", args)
        node = given.optional_text("node")
        given.done()
        return self._feed.watch(node)

    async def _reload(self) -> None:
        if self.on_reload is None:
            raise PaifangError("this gateway has no settings file to read again", code="unsupported")
        await self.on_reload()

    async def _stop(self) -> None:
        if self.on_stop is None:
            raise PaifangError("this gateway is stopped by the program that it runs in", code="unsupported")
        self.on_stop()
