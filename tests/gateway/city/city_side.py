"""Both ends of the city: wards that deliver into the stream, workers, and what PostgreSQL then has."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import UTC, datetime

import asyncpg
import nats_side
from records import UTC_MS

from paifang.city.balance import balance
from paifang.city.worker import Worker
from paifang.config.city import CitySettings, PostgresSettings, StreamSettings, WorkerSettings
from paifang.north.document import document
from paifang_rig.engines.postgres import DATABASE, PASSWORD, USER
from paifang_rig.engines.server import Server, until

NOW = datetime.fromtimestamp(UTC_MS / 1000, UTC)


async def _short_pause(seconds):
    await asyncio.sleep(min(seconds, 0.1))


class City:
    def __init__(self, cluster, postgres, folder, **worker):
        self.cluster = cluster
        self.postgres = postgres
        self._folder = folder
        (folder / "password").write_text(PASSWORD)
        self.settings = CitySettings(
            stream=StreamSettings(servers=tuple(cluster.urls), timeout_ms=2_000, ack_wait_ms=2_000),
            postgres=PostgresSettings(port=postgres.port, password_file=folder / "password"),
            worker=WorkerSettings(**worker),
        )
        self._processes = []

    async def send(self, records, **more):
        """Deliver `records` as a ward's sink does."""
        async with nats_side.opened(self.cluster, create=True, **more) as sink:
            for first in range(0, len(records), sink.batch_records):
                assert await sink.deliver(records[first : first + sink.batch_records]) == {}

    async def publish(self, *bodies):
        """Put messages into the stream that no sink has made."""
        async with await self.cluster.client() as client:
            streams = client.jetstream()
            with contextlib.suppress(Exception):
                await streams.add_stream(name="PAIFANG", subjects=["paifang.>"])
            for body in bodies:
                await streams.publish("paifang.ward-1.aq-1.report", body)

    async def publish_again(self, records):
        """The same records once more, after the stream has forgotten them."""
        await self.publish(*map(document, records))

    @contextlib.asynccontextmanager
    async def working(self, name="w-1", **more):
        """A worker in this process; it has ended behind this."""
        worker = Worker(self.settings.model_copy(update=more), name, now=lambda: NOW, sleep=_short_pause)
        running = asyncio.ensure_future(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running

    async def work_off(self, count, **more):
        """One worker until `count` messages are acknowledged; what it did."""
        async with self.working(**more) as worker:
            await until(lambda: self._acknowledged(count), f"{count} messages acknowledged")
        return worker.figures.done

    async def _acknowledged(self, count):
        async with await self.cluster.client() as client:
            with contextlib.suppress(Exception):
                return (await client.jetstream().consumer_info("PAIFANG", "city")).ack_floor.stream_seq >= count
        return False

    async def balance(self, **more):
        return await balance(self.settings, **more)

    async def rows(self, query, *arguments):
        """[tuple] of a query."""
        connection = await asyncpg.connect(self.postgres.url)
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    def file(self):
        """city.toml, as workers of their own process read it."""
        file = self._folder / "city.toml"
        servers = ", ".join(f'"{url}"' for url in self.cluster.urls)
        file.write_text(
            f'[stream]\nservers = [{servers}]\nack_wait = "2s"\ntimeout = "2s"\n\n'
            f'[postgres]\nport = {self.postgres.port}\ndatabase = "{DATABASE}"\nuser = "{USER}"\n'
            f'password_file = "password"\n\n[worker]\nbatch = {self.settings.worker.batch}\n'
        )
        return file

    def process(self, name):
        """A worker as a process of its own, started."""
        command = [sys.executable, "-m", "paifang", "city", "run", "--config", str(self.file()), "--name", name]
        process = Server(command, self._folder / f"{name}.log")
        process.start()
        self._processes.append(process)
        return process

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for process in self._processes:
            process.end()
