"""Bench suite `drain`: an outage has left ten million readings behind, and what is new does not wait for them.

    python -m paifang_rig.drain_bench

A real store, the real runner, the NATS sink, and nats-server with its stream on disk. The bare cost is nats-py sending
the same messages with the same ids, as many ahead of their confirmations, without a store.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from paifang.config.sink_nats import NatsSinkSettings
from paifang.north import kinds
from paifang.north.document import document
from paifang.north.nats import subjects
from paifang.north.record import decoded
from paifang.north.runner import Runner
from paifang.store import Batch, Store, cursors
from paifang.store.points import Point, PointTable
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_rig.engines.server import until
from paifang_tools.bench.rows import AT_LEAST, AT_MOST, Row, emit, middle, percentile, row
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nats.js import JetStreamContext

    from paifang.north.connector import Connector
    from paifang.north.record import Record
    from paifang.store.sql import Row as StoreRow

SITE, NODES, POINTS = "ward-1", 200, 4
READINGS = 10_000_000
LIVE_A_SECOND, ROUNDS, ROUND_S = 200, 5, 6.0
AHEAD = 512
_CHUNK = 20_000
_TABLE = PointTable(
    [
        Point(number, f"point_{number}", "ug/m3", messages.INT, -1, 0, 1 << 30, 0, None)
        for number in range(1, POINTS + 1)
    ]
)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class _Source:
    """Reports of NODES nodes in turn."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._chance = random.Random(1)
        self._place = 0

    def add(self, received_ms: int) -> None:
        self._place += 1
        boot = self._store.boot(f"aq-{self._place % NODES}", 1)
        number = boot.marks.high + 1
        values = {point: self._chance.randrange(5_000) for point in range(1, POINTS + 1)}
        message = (messages.REPORT, 1, number, number, received_ms, values, {})
        body = messages.encode(message)
        self._store.add(boot, (boot.node, 1, number, messages.REPORT, number, received_ms, received_ms, body))


@dataclass
class _Watched:
    """A connector that notes when what was confirmed, `live` from `since_ms` on."""

    inner: Connector
    since_ms: int
    backlog: int = 0
    delays_ms: list[int] = field(default_factory=list[int])

    @property
    def batch_records(self) -> int:
        return self.inner.batch_records

    @property
    def deliver_limit_s(self) -> float:
        return self.inner.deliver_limit_s

    async def open(self) -> None:
        await self.inner.open()

    async def close(self) -> None:
        await self.inner.close()

    async def deliver(self, records: Sequence[Record]) -> Mapping[int, str]:
        refused = await self.inner.deliver(records)
        now_ms = _now_ms()
        if records[0].received_ms >= self.since_ms:
            self.delays_ms += [now_ms - record.received_ms for record in records]
        else:
            self.backlog += len(records)
        return refused


async def _fill(store: Store, sink: str, records: int) -> None:
    source, hour_ago_ms = _Source(store), _now_ms() - 3_600_000
    await store.written(partial(cursors.begin, sink=sink, now_ms=0, from_start=False))
    for start in range(0, records, _CHUNK):
        for _ in range(min(_CHUNK, records - start)):
            source.add(hour_ago_ms)
        await store.flush()


async def _live(store: Store) -> None:
    source = _Source(store)
    source_nodes = LIVE_A_SECOND // 20
    while True:
        for _ in range(source_nodes):
            source.add(_now_ms())
        await asyncio.sleep(0.05)


async def _bare(streams: JetStreamContext, messages_made: Sequence[tuple[str, str, bytes]]) -> float:
    """Messages a second: AHEAD at a time, then their confirmations."""
    began_s, sent = time.monotonic(), 0
    while time.monotonic() - began_s < ROUND_S:
        part = messages_made[sent % len(messages_made) :][:AHEAD]
        run = f"-{began_s}-{sent}"
        futures = [
            await streams.publish_async(subject, body, headers={"Nats-Msg-Id": name + run})
            for subject, name, body in part
        ]
        await asyncio.gather(*futures)
        sent += len(part)
    return sent / (time.monotonic() - began_s)


def _made(rows: Sequence[StoreRow]) -> list[tuple[str, str, bytes]]:
    records = [decoded(SITE, each, lambda _: _TABLE) for each in rows]
    return [
        (subjects.subject("bare", SITE, record.node, subjects.REPORT), record.id, document(record))
        for record in records
    ]


async def _measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        async with NatsCluster(Path(folder) / "nats", 1) as cluster:
            return await _measured(Path(folder), cluster)


async def _measured(folder: Path, cluster: NatsCluster) -> list[Row]:
    settings = NatsSinkSettings(name="city", servers=tuple(cluster.urls), create=True, in_flight=AHEAD)
    runners: list[Runner] = []

    def settled(_: Batch) -> None:
        for each in runners:
            each.notify()

    store = Store(folder / "paifang.db", settled=settled, commit_ms=10)
    await store.open()
    await _fill(store, "city", READINGS // POINTS)
    client = await cluster.client()
    streams = client.jetstream(publish_async_max_pending=2 * AHEAD)
    await streams.add_stream(name="BARE", subjects=["bare.>"])  # pyright: ignore[reportUnknownMemberType]
    made = _made(await store.read(lambda connection: cursors.page(connection, 0, 1 << 60, 8 * AHEAD)))
    ward = kinds.Ward(SITE, _now_ms, os.urandom)
    watched = _Watched(kinds.build("nats", settings, ward), _now_ms())
    runner = Runner(settings, store, ward, lambda _: _TABLE, lambda: watched)
    runners.append(runner)
    rates: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        bare = await _bare(streams, made)
        rates.append((await _drained(runner, store, watched), bare))
    await client.close()
    await store.close()
    return _rows(rates, watched)


async def _drained(runner: Runner, store: Store, watched: _Watched) -> float:
    """Messages of the backlog a second, while live ones come."""
    watched.since_ms = _now_ms()
    tasks = [asyncio.create_task(runner.run()), asyncio.create_task(_live(store))]
    await until(lambda: runner.figures.is_connected, "the sink connected")
    await asyncio.sleep(1.0)
    before, began_s = watched.backlog, time.monotonic()
    await asyncio.sleep(ROUND_S)
    rate = (watched.backlog - before) / (time.monotonic() - began_s)
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return rate


def _rows(rates: Sequence[tuple[float, float]], watched: _Watched) -> list[Row]:
    how = (
        f"{READINGS:,} readings in {READINGS // POINTS:,} reports left behind; NATS sink, one nats-server, its stream "
        f"on disk; median of {ROUNDS} rounds of {ROUND_S:.0f} s each, bare and drained in turn; {LIVE_A_SECOND} live "
        "reports a second"
    )
    delay_s = percentile(watched.delays_ms, 0.99) / 1000
    return [
        row("backlog drained through the NATS sink", middle([rate for rate, _ in rates]) * POINTS, "readings/s", how),
        row("the same messages by nats-py alone", middle([bare for _, bare in rates]) * POINTS, "readings/s", how),
        row("backlog drained, ratio to bare", middle([rate / bare for rate, bare in rates]), "x", how, (AT_LEAST, 0.5)),
        row("live report confirmed meanwhile, p99", delay_s, "s", how, (AT_MOST, 2.0)),
    ]


def main() -> None:
    emit(uvloop.run(_measure()))


if __name__ == "__main__":
    main()
