"""Bench suite `city-store`: readings from the stream into PostgreSQL by 1, 2 and 4 workers, and how fast they are read.

    python -m paifang_rig.city_bench

Workers are processes, halted while the stream is filled. The bare cost is COPY of the same rows into the same table and
index, in transactions of the same size: no stream, no JSON, no records known by their ids.
"""

from __future__ import annotations

import asyncio
import io
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import uvloop

from paifang.city.database import schema
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_rig.engines.postgres import PASSWORD, Postgres
from paifang_rig.engines.server import Server, until
from paifang_tools.bench.rows import AT_LEAST, Row, emit, middle, row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WORKERS = (1, 2, 4)
MESSAGES, POINTS, NODES, BATCH, ROUNDS = 40_000, 4, 1_000, 2_000, 3
AHEAD = 2_000
SERIES, MINUTES = 6, 525_600
"""Of the table that is read: so many points, a year of a reading a minute each."""
LOOKS = 7
Answer = TypeVar("Answer")
_STREAM = "PAIFANG"
_DAY = "2026-11-20"
_COLUMNS = ("time", "number", "series", "boot", "quality", "undated", "value")
_YEAR = f"""
INSERT INTO paifang.readings(time, number, series, boot, quality, undated, value)
SELECT '2025-12-01T00:00Z'::timestamptz + minute * interval '1 minute', minute, series, 1, 0, false,
    (minute * 7 + series * 13) % 5000 / 10.0
FROM generate_series(0, {MINUTES - 1}) AS minute, generate_series(1, {SERIES}) AS series
"""  # noqa: S608 - numbers of our own
_OF_A_DAY = """
SELECT time, value FROM paifang.readings WHERE series = 3 AND time >= '2026-05-01' AND time < '2026-05-02' ORDER BY time
"""
_OF_A_YEAR = """
SELECT date_bin('1 day', time, '2000-01-01') AS day, avg(value), min(value), max(value) FROM paifang.readings
WHERE series = 3 AND time >= '2025-12-01' AND time < '2026-12-01' GROUP BY day ORDER BY day
"""


@dataclass(frozen=True, slots=True)
class _Run:
    rate: float
    ratio: float
    cpu_s: float


def main() -> None:
    """Print the suite's rows."""
    emit(uvloop.run(_measured()))


async def _measured() -> list[Row]:
    bare, runs = list[float](), {count: list[_Run]() for count in WORKERS}
    with tempfile.TemporaryDirectory() as place:
        async with Postgres(shared_buffers="512MB", max_wal_size="8GB") as postgres:
            for number in range(ROUNDS):
                for count in WORKERS:
                    bare.append(await _bare(postgres))
                    rate, cpu_s = await _through(Path(place) / f"{number}-{count}", postgres, count)
                    runs[count].append(_Run(rate, rate / bare[-1], cpu_s))
            size = await _asked(postgres, _size_of_a_reading)
            looks = await _asked(postgres, _looked)
    return _rows(bare, runs, size, looks)


def _rows(bare: list[float], runs: dict[int, list[_Run]], size: float, looks: tuple[float, float]) -> list[Row]:
    how = (
        f"median of {ROUNDS} rounds of {MESSAGES:,} messages of {POINTS} readings, {NODES:,} nodes, one nats-server, "
        "PostgreSQL 15 with fsync, workers and engines on this one machine"
    )
    bare_how = f"the same rows, {BATCH * POINTS:,} a transaction, one connection, same table and index; before each run"
    year = (
        f"{SERIES} points, a reading a minute for a year, partitions of a week, vacuumed, in memory; median of {LOOKS}"
    )
    rates = {count: middle([run.rate for run in each]) for count, each in runs.items()}
    ratios = {count: middle([run.ratio for run in each]) for count, each in runs.items()}
    cpu_us = middle([run.cpu_s for run in runs[1]]) / MESSAGES * 1e6
    return [
        *[row(f"readings stored by {count} city workers", rate, "1/s", how) for count, rate in rates.items()],
        row("processor time of a city worker, a message", cpu_us, "us", how),
        row("bare COPY of the same readings", middle(bare), "1/s", bare_how),
        *[row(f"{count} city workers, ratio to bare COPY", ratio, "x", bare_how) for count, ratio in ratios.items()],
        row("city workers at their best, ratio to bare COPY", max(ratios.values()), "x", bare_how, (AT_LEAST, 0.5)),
        row("PostgreSQL, bytes a reading with its indexes", size, "B", how),
        row("a day of one point, 1,440 values", looks[0], "ms", year),
        row("a year of one point, daily means of 525,600 values", looks[1], "ms", year),
    ]


async def _through(folder: Path, postgres: Postgres, count: int) -> tuple[float, float]:
    """(readings a second from the moment on when all workers are let go, seconds of processors of the workers)."""
    await _made_anew(postgres)
    async with NatsCluster(folder, 1) as cluster, await cluster.client() as client:
        streams = client.jetstream(publish_async_max_pending=2 * AHEAD)
        await streams.add_stream(name=_STREAM, subjects=["paifang.>"])  # pyright: ignore[reportUnknownMemberType]
        workers = [_worker(folder, cluster, postgres, number) for number in range(count)]
        try:
            await _all_wait(streams, count)
            for worker in workers:
                worker.halt()
            for first in range(0, MESSAGES, AHEAD):
                sent = [
                    await streams.publish_async(f"paifang.ward-1.{_node(place)}.report", _document(place))
                    for place in range(first, first + AHEAD)
                ]
                await asyncio.gather(*sent)
            before_s = sum(worker.cpu_s for worker in workers)
            rate = await _timed(postgres, workers)
            return rate, sum(worker.cpu_s for worker in workers) - before_s
        finally:
            for worker in workers:
                worker.end(signal.SIGKILL)


async def _timed(postgres: Postgres, workers: list[Server]) -> float:
    connection = await asyncpg.connect(postgres.url)
    began_s = time.perf_counter()
    for worker in workers:
        worker.go_on()

    async def all_stored() -> bool:
        return await connection.fetchval("SELECT coalesce(sum(stored), 0) >= $1 FROM paifang.tallies", MESSAGES)

    await until(all_stored, "all messages stored", 300)
    took_s = time.perf_counter() - began_s
    await connection.close()
    return MESSAGES * POINTS / took_s


async def _all_wait(streams: object, count: int) -> None:
    async def ready() -> bool:
        try:
            info = await streams.consumer_info(_STREAM, "city")  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001 - the first worker has not made it yet
            return False
        return (info.num_waiting or 0) >= count

    await until(ready, f"{count} workers wait for messages", 60)


def _worker(folder: Path, cluster: NatsCluster, postgres: Postgres, number: int) -> Server:
    (folder / "password").write_text(PASSWORD)
    (folder / "city.toml").write_text(
        f'[stream]\nservers = ["{cluster.urls[0]}"]\n[postgres]\nport = {postgres.port}\n'
        f'password_file = "password"\n[worker]\nbatch = {BATCH}\n'
    )
    command = [sys.executable, "-m", "paifang", "city", "run", "--config", str(folder / "city.toml")]
    server = Server([*command, "--name", f"w-{number}"], folder / f"w-{number}.log")
    server.start()
    return server


def _node(place: int) -> str:
    return f"aq-{place % NODES}"


def _document(place: int) -> bytes:
    values = ",".join(
        f'"point_{point}":{{"value":{place * point % 5_000 / 10},"unit":"ug/m3"}}' for point in range(POINTS)
    )
    number, second = place // NODES + 1, place // NODES % 60
    time_ = f"{_DAY}T08:{place // NODES // 60:02}:{second:02}.000Z"
    return (
        f'{{"id":"ward-1/{_node(place)}/1.{number}","site":"ward-1","node":"{_node(place)}","time":"{time_}",'
        f'"uptime_ms":{number * 1000},"received":"{time_}","values":{{{values}}}}}'
    ).encode()


async def _made_anew(postgres: Postgres) -> None:
    async def make(connection: asyncpg.Connection) -> None:
        await connection.execute("DROP SCHEMA IF EXISTS paifang CASCADE")
        await connection.execute(schema("week"))

    await _asked(postgres, make)


async def _bare(postgres: Postgres) -> float:
    """Rows a second by COPY, of lines that were made beforehand."""
    await _made_anew(postgres)
    batches = [
        "".join(
            f"{_DAY}T08:{place // NODES // 60:02}:{place // NODES % 60:02}.000Z\t{place // NODES + 1}\t"
            f"{place % NODES * POINTS + point}\t1\t0\tf\t{place * point % 5_000 / 10}\n"
            for place in range(first, first + BATCH)
            for point in range(POINTS)
        ).encode()
        for first in range(0, MESSAGES, BATCH)
    ]

    async def copy(connection: asyncpg.Connection) -> float:
        await connection.execute("SELECT paifang.add_partition($1::text::timestamptz)", f"{_DAY} 00:00Z")
        began_s = time.perf_counter()
        for lines in batches:
            await connection.copy_to_table(
                "readings", source=io.BytesIO(lines), columns=_COLUMNS, schema_name="paifang"
            )
        return MESSAGES * POINTS / (time.perf_counter() - began_s)

    return await _asked(postgres, copy)


async def _size_of_a_reading(connection: asyncpg.Connection) -> float:
    """All of the schema, by readings: records, series and indexes included."""
    total = await connection.fetchval(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
        "WHERE relnamespace = 'paifang'::regnamespace AND relkind = 'r'"
    )
    return float(total) / (MESSAGES * POINTS)


async def _looked(connection: asyncpg.Connection) -> tuple[float, float]:
    """Milliseconds: (a day, a year) of one point."""
    await connection.execute("DROP SCHEMA paifang CASCADE")
    await connection.execute(schema("week"))
    for week in range(54):
        await connection.execute(
            "SELECT paifang.add_partition('2025-12-01T00:00Z'::timestamptz + $1 * interval '7d')", week
        )
    await connection.execute(_YEAR)
    await connection.execute("VACUUM ANALYZE paifang.readings")
    return await _look(connection, _OF_A_DAY), await _look(connection, _OF_A_YEAR)


async def _look(connection: asyncpg.Connection, query: str) -> float:
    took_ms: list[float] = []
    for _ in range(LOOKS):
        began_s = time.perf_counter()
        await connection.fetch(query)
        took_ms.append((time.perf_counter() - began_s) * 1000)
    return middle(took_ms)


async def _asked(postgres: Postgres, job: Callable[[asyncpg.Connection], Awaitable[Answer]]) -> Answer:
    connection = await asyncpg.connect(postgres.url)
    try:
        return await job(connection)
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
