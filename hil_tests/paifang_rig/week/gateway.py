"""A life of a gateway: the real front desk, store, sinks and upkeep, from a start to a stop, a kill or a power cut."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from paifang.config.sink import SinkSettings
from paifang.errors import PaifangError
from paifang.nodes.clocks import Clocks
from paifang.nodes.desk import FrontDesk
from paifang.north.kinds import Ward
from paifang.north.runner import Runner
from paifang.store import Store, cursors, registry
from paifang.store.balance import Balance, balance
from paifang.store.registry import Node as Enrolled
from paifang.store.retention import Limits, used_bytes
from paifang.store.upkeep import Upkeep
from paifang_rig.week.commits import SteppedWriter
from paifang_rig.week.disk import FaultyDisk
from paifang_rig.week.far import FarConnector, FarSide

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from pathlib import Path

    from paifang.store import Batch
    from paifang_rig.week.ledger import Ledger

COMMIT_MS = 2_000
KEEP_MS = 2 * 24 * 3_600_000
PACK_MS = 20 * 60_000
BUDGET_BYTES = 1 << 40
STORE_FILE = "paifang.db"
RECORDS_LIMIT = 20_000
_NEW_RECORDS = "SELECT seq, node, boot, number, body FROM records WHERE seq > ? ORDER BY seq"
_NEW_GAPS = "SELECT seq, node, boot, first, last, reason, lost FROM gaps WHERE seq > ? ORDER BY seq"
_NEWEST_GAP = "SELECT coalesce(max(seq), 0) FROM gaps"


class GatewayLife:
    """`fars`: the far sides by sink, with the nodes that each takes. `utc_ms`: what this machine believes.

    `problems` are what it has found wrong with its own counts; `budget_bytes` may be changed at any time.
    """

    def __init__(
        self,
        site: str,
        folder: Path,
        fars: Mapping[str, tuple[FarSide, tuple[str, ...]]],
        ledger: Ledger,
        utc_ms: Any,
        chance: random.Random,
    ) -> None:
        self.disk = FaultyDisk()
        self.budget_bytes = BUDGET_BYTES
        self.problems: list[str] = []
        self._ledger = ledger
        self._is_over = self._is_stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.store = Store(
            folder / STORE_FILE,
            settled=self._settled,
            commit_ms=COMMIT_MS,
            vfs=self.disk.name,
            records_limit=RECORDS_LIMIT,
            writer=SteppedWriter,
        )
        clock = asyncio.get_running_loop()
        clocks = Clocks(utc_ms, clock.time, chance.randbytes)
        self.desk = FrontDesk(self.store, clocks)
        ward = Ward(site, utc_ms, chance.randbytes)
        self.runners = {
            name: Runner(
                SinkSettings(name=name, nodes=nodes, from_start=True),
                self.store,
                ward,
                self.desk.table,
                partial(FarConnector, far),
            )
            for name, (far, nodes) in fars.items()
        }
        limits = lambda: Limits(KEEP_MS, self.budget_bytes, PACK_MS)  # noqa: E731
        self.upkeep = Upkeep(self.store, self.desk.table, limits, utc_ms, self.problems.extend)

    async def start(self) -> None:
        """Raises PaifangError when the disk does not let it."""
        await self.store.open()
        await self.learn()
        self.store.write(partial(cursors.keep_only, names=list(self.runners)))
        self._tasks = [asyncio.create_task(runner.run()) for runner in self.runners.values()]
        self.upkeep.start()

    async def enrol(self, keys: Mapping[str, bytes]) -> None:
        nodes = [Enrolled(name, key, 1, 0) for name, key in keys.items()]

        def insert(connection: Any) -> None:
            for node in nodes:
                registry.insert(connection, node)

        await self.store.written(insert)
        self.store.registry.nodes.update({node.id: node for node in nodes})

    async def stop(self) -> None:
        """As a service is stopped: all that is here is committed and acknowledged; the next life sees what that was."""
        self._is_stopping = True
        await self._end_tasks()
        with contextlib.suppress(PaifangError):
            await self.store.close()
        self._is_over = True

    async def kill(self) -> None:
        """From now on nothing reaches the disk, and nobody is told anything."""
        self._is_over = self.disk.is_dead = True
        await self._end_tasks()
        with contextlib.suppress(PaifangError):
            await self.store.close()

    async def balance(self) -> Balance:
        return await self.store.look(balance)

    async def used_bytes(self) -> int:
        return await self.store.look(used_bytes)

    async def waiting(self) -> int:
        """Ranges of records that some sink has not confirmed."""
        await self.store.flush()
        found = 0
        for name in self.runners:
            ranges = await self.store.read(partial(cursors.pending, sink=name))
            found += sum(low <= high for low, high in ranges)
        return found

    async def learn(self) -> None:
        """Have the ledger see what is new in the file."""
        self._ledger.take_records(
            await self.store.read(lambda found: found.execute(_NEW_RECORDS, (self._ledger.seen_seq,)).fetchall())
        )
        newest = await self.store.read(lambda found: found.execute(_NEWEST_GAP).get)
        if newest < self._ledger.seen_gap:  # all of them were too old and are gone: their numbers begin again
            self._ledger.seen_gap = 0
        self._ledger.take_gaps(
            await self.store.read(lambda found: found.execute(_NEW_GAPS, (self._ledger.seen_gap,)).fetchall())
        )

    def _settled(self, batch: Batch) -> None:
        if self._is_over:
            return
        if not self._is_stopping and (batch.records or batch.gaps):
            self._tasks.append(asyncio.create_task(self.learn()))
            self._tasks = [task for task in self._tasks if not task.done()]
        self.desk.settled(batch)
        if batch.records:
            for runner in self.runners.values():
                runner.notify()

    async def _end_tasks(self) -> None:
        await self.upkeep.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
