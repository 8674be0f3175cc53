"""From a ward's store to PostgreSQL, with everything away once on the way, under load. Then all readings are there."""

from __future__ import annotations

import asyncpg
import nats_side
import pytest
from city_side import City
from reports import START_MS, WIDE
from sinks import Sink

from paifang.city.database import schema
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_rig.engines.postgres import Postgres
from paifang_rig.engines.server import until
from paifang_rig.errors import RigError

NODES, STEP_MS = 23, 1_000


@pytest.fixture
async def outages(tmp_path):
    """Three NATS servers, a PostgreSQL that syncs, three workers to be started as processes."""
    try:
        cluster, postgres = NatsCluster(tmp_path / "nats"), Postgres()
    except RigError as error:
        pytest.skip(str(error))
    async with cluster, postgres:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute(schema("day"))
        await connection.close()
        async with City(cluster, postgres, tmp_path, batch=200) as city:
            yield city


async def test_every_reading_is_there_once_with_its_time(outages, tmp_path, tier_size):
    """A worker is killed, then the stream's leader and PostgreSQL at once; the ward goes on measuring."""
    part = tier_size(1_400, 10_000)
    cluster, postgres = outages.cluster, outages.postgres
    chosen = nats_side.settings(cluster, timeout_ms=1_500, create=True, replicas=3, from_start=True)
    async with Sink(tmp_path, "nats", chosen) as ward:
        await ward.reports.fill(part, NODES, STEP_MS, wide=True)
        await ward.until(lambda: ward.figures.delivered > 0)
        workers = [outages.process(f"w-{number}") for number in range(3)]
        await until(lambda: _stored(outages, part // 4), "a part is stored", 60)
        workers[0].end()
        await ward.until(lambda: ward.figures.delivered == part, 60)
        leader = await cluster.leader("PAIFANG")
        await ward.reports.fill(part, NODES, STEP_MS, wide=True)
        await ward.until(lambda: ward.figures.delivered > part)
        leader.process.end()
        postgres.stop()
        await ward.reports.fill(part, NODES, STEP_MS, wide=True)
        await ward.until(lambda: ward.figures.sessions > 1, 60)
        await postgres.start()
        leader.process.start()
        await ward.settled(deadline_s=300)
        await until(lambda: _stored(outages, 3 * part), "all is stored", 120)
        await cluster.healthy()
        await _compare(outages, ward, part)
    assert [worker.end(15) for worker in workers[1:]] == [0, 0]


async def _stored(city, count):
    try:
        return (await city.rows("SELECT count(*) >= $1 FROM paifang.records", count))[0][0]
    except (OSError, asyncpg.PostgresError):
        return False


async def _compare(city, ward, part):
    """What the ward measured against PostgreSQL, reading by reading; the order in the stream; and the balance."""
    made = [
        (name, f"meter_{point}", START_MS + place * STEP_MS, place % part + point)
        for place, name in enumerate(ward.ids)
        for point in WIDE
    ]
    found = await city.rows(
        "SELECT record, point, (extract(epoch FROM time) * 1000)::bigint, value::bigint FROM paifang.measured"
    )
    assert len(found) > 100_000
    assert sorted(found) == sorted(made)
    places = {name: place for place, name in enumerate(ward.ids)}
    arrived = await city.rows(
        "SELECT site || '/' || nodes.node || '/' || boot || '.' || number FROM paifang.records "
        "JOIN paifang.nodes ON nodes.id = records.node ORDER BY sequence"
    )
    assert nats_side.streams([places[row[0]] for row in arrived]) <= 2
    await until(lambda: _settled(city), "all is acknowledged")
    balance = await city.balance()
    assert (balance.stored, balance.in_stream, balance.missing) == (len(ward.ids), 0, 0)
    assert {line.name for line in balance.workers} <= {"w-0", "w-1", "w-2"}


async def _settled(city):
    return (await city.balance()).in_stream == 0
