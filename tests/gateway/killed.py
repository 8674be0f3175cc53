"""A gateway's store, a node and a sink in one process that kills itself at its n-th stage; run by test_killed.

Reads lines "FOLDER SEED STAGE" and forks a child for each: nothing is imported again. Writes "killed" or "done".
What the node was told and what reached the far side is appended to files: a kill takes nothing back.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reports import START_MS, TABLE, pack, table

from paifang.config.sink import SinkSettings
from paifang.north.kinds import Ward
from paifang.north.runner import Runner
from paifang.store import Store, cursors, packing, retention, rollups, upkeep, writer
from paifang_wire import messages

if TYPE_CHECKING:
    from paifang.store.boots import Boot

NODES = ("aq-1", "aq-2", "meter-1")
RECORDS = 40
"""Each node makes so many in a run."""
STAGES = (
    (writer.Writer, "_commit"),
    (cursors, "confirm"),
    (cursors, "begin"),
    (cursors, "defer"),
    (cursors, "skip"),
    (retention, "retire"),
    (packing, "abandon"),
    (packing, "write"),
    (packing, "finish"),
    (packing, "sweep"),
    (rollups, "write"),
)


class Killer:
    """Counts stages, and ends the process at the one it was given: before or after each of STAGES, and by name."""

    def __init__(self, stage: int) -> None:
        self.left = stage

    def at(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: object, name: str) -> None:
        wrapped = getattr(owner, name)

        def staged(*args: object, **kwargs: object) -> object:
            self.at()
            result = wrapped(*args, **kwargs)
            self.at()
            return result

        setattr(owner, name, staged)


class Far:
    """Keeps what arrives in a file, a batch in two halves: a kill may come between them, and before it says so."""

    batch_records = 5
    deliver_limit_s = 30.0

    def __init__(self, file: Path, killer: Killer) -> None:
        self._file = file
        self._killer = killer

    async def open(self) -> None:
        self._killer.at()

    async def deliver(self, records):
        half = len(records) // 2
        for part in (records[:half], records[half:]):
            await asyncio.sleep(0.002)  # a way to go, on which the store's thread gets its turn
            with self._file.open("a") as file:
                file.writelines(f"{record.id}\n" for record in part)
            self._killer.at()
        return {}

    async def close(self) -> None:
        pass


class Life:
    """One run: the nodes go on where the acks left them, and send again what was not acknowledged."""

    def __init__(self, folder: Path, seed: int, stage: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.killer = Killer(stage)
        for owner, name in STAGES:
            self.killer.around(owner, name)
        self.store = Store(folder / "paifang.db", settled=self.settled)
        self.now_ms = START_MS
        ward = Ward("ward-1", lambda: self.now_ms, self.chance.randbytes)
        sink = SinkSettings(name="city", from_start=True)
        self.runner = Runner(sink, self.store, ward, table, lambda: Far(folder / "far", self.killer), self.nap)

    async def nap(self, _pause_s: float) -> None:
        await asyncio.sleep(0)

    def settled(self, batch) -> None:
        self.killer.at()
        with (self.folder / "acks").open("a") as file:
            file.writelines(f"{node} {high}\n" for node, _, high, _ in batch.acks)
        self.killer.at()
        self.runner.notify()

    def add(self, boot: Boot, number: int) -> None:
        message = [messages.REPORT, 1, number, number, self.now_ms, {1: number % 9_000}, {}]
        row = (boot.node, 1, number, messages.REPORT, number, self.now_ms, self.now_ms, messages.encode(message))
        self.store.add(boot, row)

    async def run(self) -> None:
        await self.store.open()
        task = asyncio.create_task(self.runner.run())
        for node in NODES:
            boot = self.store.boot(node, 1)
            for number in range(max(boot.marks.high - 3, 1), boot.marks.high + RECORDS):
                self.add(boot, number)
                self.now_ms += 100
                await self.sometimes()
        await self.store.flush()
        async with asyncio.timeout(60):
            while any(low <= high for low, high in await self.pending()):  # noqa: ASYNC110 - others move
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self.store.close()

    async def pending(self):
        await self.store.flush()
        return await self.store.read(partial(cursors.pending, sink="city"))

    async def sometimes(self) -> None:
        """What else a gateway does: commits, rollups, what falls behind, packing, retention by age and by force."""
        what = self.chance.randrange(14)
        if what < 3:
            await self.store.flush()
        elif what == 3:
            self.now_ms += 7_000
        elif what == 4:
            folded = await self.store.read(lambda connection: rollups.fold(connection, lambda _: TABLE))
            if folded is not None:
                await self.store.written(partial(rollups.write, folded=folded))
        elif what == 5:
            budget = self.chance.choice((1 << 40, 1 << 40, 1 << 40, 0))
            limits = retention.Limits(keep_ms=3_000, budget_bytes=budget)
            await self.store.written(lambda connection: retention.retire(connection, self.now_ms, limits))
        elif what == 6:
            await pack(self.store, self.now_ms, pack_ms=1_000)


def main() -> None:
    upkeep.REST_S = packing.WAIT_MS = 0
    packing.BLOCK_RECORDS, packing.SWEEP_RECORDS = 8, 9
    for line in sys.stdin:
        folder, seed, stage = line.split()
        child = os.fork()
        if child == 0:
            asyncio.run(Life(Path(folder), int(seed), int(stage)).run())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else "done" if status == 0 else f"failed {status}", flush=True)


if __name__ == "__main__":
    main()
