"""Bench suite `sinks-nats`: readings through the NATS sink to the stream's confirmation, on one server and on three.

    python -m paifang_rig.nats_bench

A real store, the real runner. The bare cost is nats-py sending the same bytes with the same ids, as many ahead of their
confirmations, without a store and without making them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
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
from paifang.store import Store, cursors
from paifang.store.points import Point, PointTable
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_tools.bench.rows import AT_LEAST, Row, emit, middle, row
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.aio.client import Client

    from paifang.north.record import Record

SITE, NODES, POINTS = "ward-1", 200, 4
REPORTS, ROUNDS, AHEAD = 20_000, 3, 512
_STARTED_MS = 1_790_000_000_000
_TABLE = PointTable(
    [Point(number, f"point_{number}", "ug/m3", messages.INT, -1, 0, 1 << 30, 0, None) for number in range(POINTS)]
)
_Made = tuple[str, str, bytes]
"""Subject, id, body."""


def main() -> None:
    """Print the suite's rows."""
    emit([each for replicas in (1, 3) for each in uvloop.run(_measured(replicas))])


async def _measured(replicas: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        async with NatsCluster(folder / "nats", replicas) as cluster:
            rates = [await _round(folder / f"{number}.db", cluster, replicas, number) for number in range(ROUNDS)]
    servers = "one nats-server" if replicas == 1 else "three nats-servers, each message on all three"
    how = f"median of {ROUNDS} rounds of {REPORTS:,} reports of {POINTS} readings, {servers}, streams on disk, loopback"
    bare_how = f"{how}; bare: nats-py's publish_async, {AHEAD} ahead, bodies made beforehand"
    sink, bare = [through for through, _ in rates], [alone for _, alone in rates]
    ratio = middle([through / alone for through, alone in rates])
    return [
        row(f"readings confirmed through the NATS sink, R{replicas}", middle(sink) * POINTS, "1/s", how),
        row(f"the same by nats-py alone, R{replicas}", middle(bare) * POINTS, "1/s", bare_how),
        row(f"NATS sink, ratio to bare, R{replicas}", ratio, "x", bare_how, (AT_LEAST, 0.5)),
    ]


async def _round(file: Path, cluster: NatsCluster, replicas: int, number: int) -> tuple[float, float]:
    """(reports a second through the sink, the same bare), each into a stream of its own."""
    settings = NatsSinkSettings(
        name="city",
        servers=tuple(cluster.urls),
        stream=f"SINK{number}",
        prefix=f"sink{number}",
        create=True,
        replicas=replicas,
        in_flight=AHEAD,
        from_start=True,
    )
    store = Store(file, settled=lambda _: None)
    await store.open()
    await _fill(store)
    rows = await store.read(lambda connection: cursors.page(connection, 0, 1 << 60, REPORTS))
    made = [_made(decoded(SITE, each, lambda _: _TABLE), number) for each in rows]
    through = await _through_sink(store, settings)
    await store.close()
    async with await cluster.client() as client:
        await client.jetstream(timeout=20).add_stream(  # pyright: ignore[reportUnknownMemberType]
            name=f"BARE{number}", subjects=[f"bare{number}.>"], num_replicas=replicas, duplicate_window=600
        )
        return through, await _bare(client, made)


async def _fill(store: Store) -> None:
    for place in range(REPORTS):
        boot = store.boot(f"aq-{place % NODES}", 1)
        number = boot.marks.high + 1
        made_ms = _STARTED_MS + number * 1_000
        body = messages.encode((messages.REPORT, 1, number, number, made_ms, _values(place), {}))
        store.add(boot, (boot.node, 1, number, messages.REPORT, number, made_ms, made_ms, body))
    await store.flush()


def _values(place: int) -> dict[int, int]:
    return {point: place * point * 7 % 5_000 for point in _TABLE.by_number}


def _made(record: Record, number: int) -> _Made:
    return subjects.subject(f"bare{number}", SITE, record.node, subjects.REPORT), record.id, document(record)


async def _through_sink(store: Store, settings: NatsSinkSettings) -> float:
    ward = kinds.Ward(SITE, lambda: _STARTED_MS, os.urandom)
    runner = Runner(settings, store, ward, lambda _: _TABLE, partial(kinds.build, "nats", settings, ward))
    task = asyncio.create_task(runner.run())
    while not (runner.figures.delivered or task.done()):  # noqa: ASYNC110 - how far it is, nobody tells
        await asyncio.sleep(0.001)
    began_s, before = time.perf_counter(), runner.figures.delivered
    while runner.figures.delivered < REPORTS and not task.done():  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.001)
    rate = (REPORTS - before) / (time.perf_counter() - began_s)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return rate


async def _bare(client: Client, made: Sequence[_Made]) -> float:
    streams = client.jetstream(publish_async_max_pending=2 * AHEAD)
    began_s = time.perf_counter()
    for first in range(0, len(made), AHEAD):
        futures = [
            await streams.publish_async(subject, body, headers={"Nats-Msg-Id": name})
            for subject, name, body in made[first : first + AHEAD]
        ]
        await asyncio.gather(*futures)
    return len(made) / (time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
