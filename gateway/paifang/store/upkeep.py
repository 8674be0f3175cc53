"""What the store does by itself, at its own pace: rollups follow, old records are packed and make room, counts are
compared.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from paifang.config.units import MS_OF_UNIT
from paifang.errors import PaifangError
from paifang.store import packing, retention, rollups
from paifang.store.balance import balance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paifang.store.packing import Window
    from paifang.store.points import PointTable
    from paifang.store.retention import Limits
    from paifang.store.store import Store

ROLL_S = 2.0
RETIRE_S = 60.0
PACK_S = 600.0
BALANCE_S = 3_600.0
PRUNE_S = 86_400.0
CLOCK_LEAP_MS = 7 * MS_OF_UNIT["d"]
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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problems: list[str] | None = None
        self.checked_ms: int | None = None
        self._store = store
        self._table = table
        self._limits = limits
        self._utc_ms = utc_ms
        self._on_imbalance = on_imbalance
        self._monotonic = monotonic
        self._aging_from_s = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        jobs = (
            (self.roll, ROLL_S),
            (self.retire, RETIRE_S),
            (self.pack, PACK_S),
            (self.check, BALANCE_S),
            (self.prune, PRUNE_S),
        )
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
        is_clock_trusted = await self._is_clock_trusted()
        while True:
            limits = self._limits()
            if not is_clock_trusted:
                limits = dataclasses.replace(limits, keep_ms=retention.FOREVER_MS)
            job = partial(retention.retire, now_ms=self._utc_ms(), limits=limits)
            if not await self._store.written(job):
                return
            await asyncio.sleep(REST_S)

    def distrust_clock(self) -> None:
        """The date was set, or is far from that of the newest record: nothing is old for a day, should it be wrong."""
        self._aging_from_s = self._monotonic() + PRUNE_S

    async def _is_clock_trusted(self) -> bool:
        newest_ms = await self._store.read(retention.newest_ms)
        if newest_ms is not None and self._utc_ms() - newest_ms > CLOCK_LEAP_MS:
            self.distrust_clock()
        return self._monotonic() >= self._aging_from_s

    async def pack(self) -> None:
        """Move what is old enough into blocks. Raises PaifangError."""
        await self._sweep()
        while (pack_ms := self._limits().pack_ms) > 0:
            plan = partial(packing.plan, now_ms=self._utc_ms(), pack_ms=pack_ms)
            window = await self._store.look(plan)
            if window is None or not await self._fill(window):
                return
            await self._sweep()

    async def _fill(self, window: Window) -> bool:
        """Whether the window is packed now. It is not, and is begun anew another time, when its records changed."""
        await self._store.written(packing.abandon)
        for node, boot in window.boots:
            if not await self._fill_boot(window, node, boot):
                return False
        return bool(await self._store.written(partial(packing.finish, window=window)))

    async def _fill_boot(self, window: Window, node: str, boot: int) -> bool:
        number = 0
        while True:
            fill = partial(packing.fill, window=window, node=node, boot=boot, after=number)
            filled = await self._store.look(fill)
            if filled is None:
                return True
            if not await self._store.written(partial(packing.write, window=window, filled=filled)):
                return False
            number = filled.last
            await asyncio.sleep(REST_S)

    async def _sweep(self) -> None:
        while True:
            if not await self._store.written(packing.sweep):
                return
            await asyncio.sleep(REST_S)

    async def prune(self) -> None:
        """Delete what is old of all else that is kept. Raises PaifangError."""
        if not await self._is_clock_trusted():
            return
        limits = self._limits()
        squeezed = await self._store.look(partial(rollups.squeeze, budget_bytes=limits.budget_bytes))
        await self._store.written(partial(retention.prune, now_ms=self._utc_ms(), limits=limits, squeezed=squeezed))

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
    told = ""
    while True:
        try:
            await job()
            told = ""
        except PaifangError as error:
            if told != error.message:
                _log.warning("%s: put off: %s", job.__name__, error)
            told = error.message
        await asyncio.sleep(period_s)
