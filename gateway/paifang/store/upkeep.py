"""What the store does by itself, at its own pace: rollups follow, old records make room, counts are compared."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from paifang.errors import PaifangError
from paifang.store import retention, rollups
from paifang.store.balance import balance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paifang.store.points import PointTable
    from paifang.store.retention import Limits
    from paifang.store.store import Store

ROLL_S = 2.0
RETIRE_S = 60.0
BALANCE_S = 3_600.0
PRUNE_S = 86_400.0
REST_S = 0.05
"""Between two chunks of a long job, so that acknowledgements and reads of others come in between."""

_log = logging.getLogger(__name__)


class Upkeep:
    """Runs from `start` to `stop`. `limits()` are those of now; `on_imbalance(problems)` hears what does not add up.

    `problems` are those of the last look, None before the first.
    """

    def __init__(
        self,
        store: Store,
        table: Callable[[bytes | None], PointTable | None],
        limits: Callable[[], Limits],
        utc_ms: Callable[[], int],
        on_imbalance: Callable[[list[str]], object],
    ) -> None:
        self.problems: list[str] | None = None
        self.checked_ms: int | None = None
        self._store = store
        self._table = table
        self._limits = limits
        self._utc_ms = utc_ms
        self._on_imbalance = on_imbalance
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        jobs = ((self.roll, ROLL_S), (self.retire, RETIRE_S), (self.check, BALANCE_S), (self.prune, PRUNE_S))
        self._tasks = [asyncio.create_task(_every(job, period_s)) for job, period_s in jobs]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def roll(self) -> None:
        """Sum up what has been stored since the last time. Raises PaifangError."""
        fold = partial(rollups.fold, table=self._table)
        while (folded := await self._store.read(fold)) is not None:
            await self._store.written(partial(rollups.write, folded=folded))
            if folded.is_last:
                return
            await asyncio.sleep(REST_S)

    async def retire(self) -> None:
        """Delete what is due. Raises PaifangError."""
        while True:
            job = partial(retention.retire, now_ms=self._utc_ms(), limits=self._limits())
            if not await self._store.written(job):
                return
            await asyncio.sleep(REST_S)

    async def prune(self) -> None:
        """Raises PaifangError."""
        await self._store.written(partial(retention.prune, now_ms=self._utc_ms(), limits=self._limits()))

    async def check(self) -> None:
        """Hold all counts against one another. Raises PaifangError when the store cannot be read."""
        found = (await self._store.look(balance)).problems
        self.checked_ms = self._utc_ms()
        known, self.problems = self.problems, found
        for problem in found:
            _log.error("the balance does not hold: %s", problem)
        if found and found != known:
            self._on_imbalance(found)


async def _every(job: Callable[[], Awaitable[None]], period_s: float) -> None:
    while True:
        try:
            await job()
        except PaifangError as error:
            _log.warning("%s: put off: %s", job.__name__, error)
        await asyncio.sleep(period_s)
