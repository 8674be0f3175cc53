"""Everything goes away once, under load: a cluster's leader, PostgreSQL, a worker. Then every reading is there."""

from __future__ import annotations

import asyncio

import asyncpg
import nats_side
import pytest
from city_side import City
from records import TEMPERATURE, UTC_MS, report, value

from paifang.city.database import schema
from paifang.config.city import CitySettings
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_rig.engines.postgres import Postgres
from paifang_rig.engines.server import until
from paifang_rig.errors import RigError

NODES = 23
LIVE, BACKLOG = 1_000_000, 1
"""Where the numbers of the two streams of a ward begin."""


@pytest.fixture
async def outages(tmp_path):
    """Three NATS servers, a PostgreSQL that syncs, three workers as processes."""
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


def ward(first, count):
    """Two readings a record, 23 nodes in turn, each with a time of its own."""
    return [
        report(
            number, (value(number % 5_000), value(-number % 7_000, TEMPERATURE)), f"aq-{number % NODES}", utc_ms=UTC_MS
        )
        for number in range(first, first + count)
    ]


async def test_every_reading_is_there_once_with_its_time(outages, tier_size):
    each = tier_size(1_500, 60_000)
    live, backlog = ward(LIVE, each), ward(BACKLOG, each)
    cluster, postgres = outages.cluster, outages.postgres
    async with nats_side.opened(cluster, create=True, replicas=3) as sink:
        await sink.deliver(live[:1])
    workers = [outages.process(f"w-{number}") for number in range(3)]
    second_half = asyncio.Event()

    async def gate(left):
        if left < each // 100:
            await second_half.wait()

    sending = [
        asyncio.ensure_future(
            nats_side.resend_until_confirmed(cluster, _batches(records), asyncio.sleep, gate, timeout_ms=1_500)
        )
        for records in (live[1:], backlog)
    ]
    await until(lambda: _stored(outages, each // 4), "a part is stored", 60)
    workers[0].end()
    leader = await cluster.leader("PAIFANG")
    await until(lambda: _stored(outages, each // 2), "more is stored", 60)
    second_half.set()
    await until(lambda: _kept(outages, each + 100), "the second half is on its way", 60)
    leader.process.end()
    postgres.stop()
    errors = await asyncio.gather(*sending)
    await postgres.start()
    leader.process.start()
    await until(lambda: _stored(outages, 2 * each), "all is stored", 120)
    await cluster.healthy()
    await _compare(outages, live, backlog)
    assert any(errors), "the leader was not killed under load"
    assert [worker.end(15) for worker in workers[1:]] == [0, 0]


def _batches(records):
    return [records[first : first + 50] for first in range(0, len(records), 50)]


async def _stored(city, count):
    try:
        return (await city.rows("SELECT count(*) >= $1 FROM paifang.records", count))[0][0]
    except (OSError, asyncpg.PostgresError):
        return False


async def _kept(city, count):
    async with await city.cluster.client() as client:
        return (await client.jetstream().stream_info("PAIFANG")).state.messages >= count


async def _compare(city, live, backlog):
    """What was sent against PostgreSQL, reading by reading; and the order in the stream, of live and of backlog."""
    expected = sorted(
        (record.id, one.point.name, record.utc_ms, one.exact) for record in live + backlog for one in record.values
    )
    found = await city.rows(
        "SELECT record, point, (extract(epoch FROM time) * 1000)::bigint, value FROM paifang.measured ORDER BY 1, 2"
    )
    assert sorted(found) == expected
    for first, records in ((LIVE, live), (BACKLOG, backlog)):
        rows = await city.rows(
            "SELECT number FROM paifang.records WHERE number BETWEEN $1 AND $2 ORDER BY sequence",
            first,
            first + len(records) - 1,
        )
        assert [row[0] for row in rows] == [record.number for record in records]
    await until(lambda: _settled(city), "all is acknowledged")
    balance = await city.balance()
    assert (balance.stored, balance.in_stream, balance.missing) == (len(expected) // 2, 0, 0)
    assert {line.name for line in balance.workers} <= {"w-0", "w-1", "w-2"}


async def _settled(city):
    return (await city.balance()).in_stream == 0


def test_the_defaults_are_what_the_docs_say():
    settings = CitySettings()
    assert (settings.stream.name, settings.stream.consumer, settings.postgres.database) == ("PAIFANG", "city", "city")
