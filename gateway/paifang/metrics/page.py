"""The page at /metrics: a listener that answers one question."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from paifang.config.names import split_listen
from paifang.errors import PaifangError, resource_error
from paifang.metrics.families import families

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from prometheus_client.core import Metric

    from paifang.metrics.figures import Figures

PATH = "/metrics"
SHUTDOWN_S = 1.0
_ELSEWHERE = f"the metrics are at {PATH}\n"


class MetricsPage:
    """`figures()` are those of now; asked for by one reader after the other."""

    def __init__(self, figures: Callable[[], Awaitable[Figures]]) -> None:
        self._figures = figures
        self._runner: web.AppRunner | None = None
        self._turn = asyncio.Lock()

    @property
    def port(self) -> int | None:
        """None: it does not listen."""
        return self._runner.addresses[0][1] if self._runner else None

    async def start(self, listen: str) -> None:
        """Raises PaifangError when the port cannot be had."""
        application = web.Application()
        application.router.add_get(PATH, self._answer)
        application.router.add_route("*", "/{rest:.*}", _elsewhere)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, *split_listen(listen)).start()
        except OSError as error:
            await runner.cleanup()
            message = f"metrics cannot be shown at {listen}: {os.strerror(error.errno or 0)}"
            raise resource_error(message, "set another address or port in [metrics], listen") from error
        self._runner = runner

    async def stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        async with self._turn:
            try:
                figures = await self._figures()
            except PaifangError as error:
                return web.Response(status=503, text=f"{error}\n")
        return web.Response(body=encode(_Fixed(families(figures))), headers={"Content-Type": content_type})


class _Fixed(Collector):
    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


async def _elsewhere(_: web.Request) -> web.Response:
    return web.Response(status=404, text=_ELSEWHERE)
