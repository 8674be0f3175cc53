"""The metrics joined to the gateway: gathered from its parts whenever Prometheus asks."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Protocol

from paifang.config.metrics import MetricsSettings
from paifang.errors import PaifangError
from paifang.metrics.figures import Figures
from paifang.metrics.newest import Newest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from paifang.metrics.page import MetricsPage
    from paifang.store import Batch, Store
    from paifang.store.points import PointTable

_JOURNALS = ("", "-wal")
"""What the name of the store's file ends in."""


class Reporting(Protocol):
    async def status(self) -> dict[str, Any]: ...
    async def metrics(self) -> dict[str, Any]: ...
    async def nodes(self) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """`sinks()` are the rows of all sinks, `imbalances()` how many counts do not add up, None before the first look."""

    site: str
    store: Store
    report: Reporting
    sinks: Callable[[], Awaitable[Sequence[dict[str, Any]]]]
    imbalances: Callable[[], int | None]
    table: Callable[[bytes | None], PointTable | None]
    utc_ms: Callable[[], int]


class Metrics:
    """The page's libraries take their time: they are loaded only where it is wanted."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._settings = MetricsSettings()
        self._page: MetricsPage | None = None
        self._newest = Newest(sources.store.boot, sources.table)

    @property
    def port(self) -> int | None:
        """None: nobody can ask."""
        return self._page.port if self._page else None

    async def start(self, settings: MetricsSettings) -> None:
        """Raises PaifangError when the port cannot be had."""
        if settings.listen is not None:
            page: MetricsPage = importlib.import_module("paifang.metrics.page").MetricsPage(self._figures)
            await page.start(settings.listen)
            self._page = page
        self._settings = settings

    async def stop(self) -> None:
        page, self._page = self._page, None
        self._newest.forget()
        if page is not None:
            await page.stop()

    async def reload(self, settings: MetricsSettings) -> None:
        """Raises PaifangError and goes on as before."""
        before = self._settings
        if settings == before:
            return
        await self.stop()
        try:
            await self.start(settings)
        except PaifangError:
            await self.start(before)
            raise

    def settled(self, batch: Batch) -> None:
        """Have what was stored noted."""
        if self._page is not None and self._settings.values:
            self._newest.settled(batch.records)

    async def _figures(self) -> Figures:
        settings, sources = self._settings, self._sources
        now_ms = sources.utc_ms()
        status = await sources.report.status()
        return Figures(
            site=sources.site,
            version=_version(),
            now_ms=now_ms,
            uptime_s=status["uptime_s"],
            is_degraded=status["state"] != "ok",
            store_bytes=_size(sources.store),
            gateway=await sources.report.metrics(),
            sinks=await sources.sinks(),
            imbalances=sources.imbalances(),
            nodes=await sources.report.nodes() if settings.nodes else (),
            values=self._newest.values(now_ms, settings.fresh_ms) if settings.values else (),
        )


def _size(store: Store) -> int:
    files = [store.path.with_name(store.path.name + journal) for journal in _JOURNALS]
    return sum(file.stat().st_size for file in files if file.exists())


def _version() -> str:
    try:
        return version("paifang")
    except PackageNotFoundError:
        return ""
