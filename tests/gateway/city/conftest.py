"""What the tests of the city share: engines of their own, and wards that write into the stream."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest

from paifang.city.database import schema
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_rig.engines.postgres import Postgres
from paifang_rig.errors import RigError

# For what several tests share, of the city and of sinks.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "north")]


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL for all tests; each begins with empty tables."""
    try:
        server = Postgres(fsync="off")  # processes are killed here, not the machine
    except RigError as error:
        pytest.skip(str(error))
    try:
        asyncio.run(server.start())
        yield server
    finally:
        server.end()


@pytest.fixture
async def tables(postgres):
    """The same, with empty tables."""
    connection = await asyncpg.connect(postgres.url)
    await connection.execute("DROP SCHEMA IF EXISTS paifang CASCADE")
    await connection.execute(schema("week"))
    await connection.close()
    return postgres


@pytest.fixture
async def city(tables, tmp_path):
    """One NATS server and empty tables."""
    from city_side import City

    try:
        cluster = NatsCluster(tmp_path / "nats", 1)
    except RigError as error:
        pytest.skip(str(error))
    async with cluster, City(cluster, tables, tmp_path) as side:
        yield side
