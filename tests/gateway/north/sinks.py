"""A sink at work in a test: a real store, the real runner, some far side."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from functools import partial

from reports import Reports, table

from paifang.north import kinds
from paifang.north.runner import Runner
from paifang.store import Store
from paifang.store.balance import balance
from paifang_rig.engines.server import until


class Sink:
    """`async with Sink(folder, kind, settings, clock) as sink`: runs until left. `sink.reports` is the store's input.

    The ward's time is that of the reports; that of the connector may be another. Waits between two tries are short.
    """

    def __init__(self, folder, kind, settings, utc_ms=None):
        self.settings = settings
        self.pauses = []
        self.store = Store(folder / "paifang.db", settled=lambda _: self.runner.notify())
        self.reports = Reports(self.store)
        ward = kinds.Ward("ward-1", lambda: self.reports.clock_ms, os.urandom)
        connect = partial(kinds.build, kind, settings, dataclasses.replace(ward, utc_ms=utc_ms or ward.utc_ms))
        self.runner = Runner(settings, self.store, ward, table, connect, self._sleep)

    async def _sleep(self, pause_s):
        self.pauses.append(pause_s)
        await asyncio.sleep(0.05)

    @property
    def figures(self):
        return self.runner.figures

    @property
    def ids(self):
        """Of all records that were made, in their order."""
        return [f"ward-1/{node}/{boot}.{number}" for node, boot, number in self.reports.made]

    async def fails(self, words):
        """Wait until it says that; the whole of it."""
        await self.until(lambda: self.figures.problem is not None and words in self.figures.problem.message)
        return str(self.figures.problem)

    async def until(self, condition, deadline_s=30.0):
        await until(condition, f"{condition} of {self.figures}", deadline_s)

    async def settled(self, deadline_s=30.0):
        """Wait until every record is delivered or dropped, and hold the balance."""
        made = len(self.reports.made)
        await self.until(lambda: self.figures.delivered + sum(self.figures.dropped.values()) >= made, deadline_s)
        await self.store.flush()
        found = await self.store.read(balance)
        assert found.problems == []
        assert sum(each.delivered + sum(each.dropped.values()) for each in found.sinks) == made
        assert sum(each.buffered for each in found.sinks) == 0

    async def __aenter__(self):
        await self.store.open()
        self._task = asyncio.create_task(self.runner.run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self.store.close()
