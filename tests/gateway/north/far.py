"""A far side in memory whose temper a test chooses, and a sink of it on a real store."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from reports import table

from paifang.config.sink import SinkSettings
from paifang.north.kinds import Ward
from paifang.north.runner import Runner
from paifang.store import Store, cursors
from paifang.store.balance import balance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from paifang.north.record import Record


@dataclass
class FarSide:
    """What arrived, batch by batch. `temper(records)` may raise, wait, or return what is refused.

    As many as `takes(records)` have arrived by then: a far side may have all and never say so.
    """

    arrived: list[str] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    temper: Callable[[Sequence[Record]], object] = lambda _records: {}
    takes: Callable[[Sequence[Record]], int] = len
    opens: Callable[[], object] = lambda: None


class FarConnector:
    batch_records = 7
    deliver_limit_s = 5.0

    def __init__(self, far: FarSide) -> None:
        self.far = far

    async def open(self) -> None:
        self.far.opened += 1
        self.far.opens()

    async def deliver(self, records):
        for record in records[: self.far.takes(records)]:
            self.far.arrived.append(record.id)
            self.far.seqs.append(record.seq)
        await asyncio.sleep(0)
        found = self.far.temper(records)
        return await found if asyncio.iscoroutine(found) else found

    async def close(self) -> None:
        self.far.closed += 1


class Sink:
    """A sink "city" with a FarSide, on a store of its own; nothing pauses between attempts."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.now_ms = 0
        self.pauses: list[float] = []
        self.stored = Store(folder / "paifang.db", settled=lambda _: self.runner.notify())
        self.far = FarSide()
        ward = Ward("ward-1", lambda: self.now_ms, random.Random(1).randbytes)
        chosen = SinkSettings(name="city", **settings)
        self.runner = Runner(chosen, self.stored, ward, table, lambda: FarConnector(self.far), self._sleep)

    async def __aenter__(self):
        await self.stored.open()
        self.task = asyncio.create_task(self.runner.run())
        await self.until(lambda: self.runner.figures.is_connected)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.stored.close()

    async def _sleep(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        await asyncio.sleep(0)

    async def until(self, holds: Callable[[], object]) -> None:
        """Let everything run until that holds."""
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110 - it is what others do that is waited for
                await asyncio.sleep(0.001)

    async def done(self) -> None:
        """Until nothing waits for the sink."""
        async with asyncio.timeout(60):
            while any(low <= high for low, high in await self.pending()):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.001)

    async def pending(self):
        await self.stored.flush()
        return await self.stored.read(partial(cursors.pending, sink="city"))

    async def counts(self):
        """(due, delivered, dropped, buffered) of the sink; the balance holds."""
        found = await self.stored.read(balance)
        assert found.problems == []
        rows = [each for each in found.sinks if each.sink == "city"]
        return tuple(
            sum(figures)
            for figures in zip(
                *((each.due, each.delivered, sum(each.dropped.values()), each.buffered) for each in rows), strict=True
            )
        )
