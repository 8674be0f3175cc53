"""`paifang city`, as a person runs it: tables, workers as processes, the balance; and what it says when it cannot."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys

import asyncpg
import pytest

from paifang.errors import EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_rig.engines.postgres import PASSWORD, Postgres
from paifang_rig.engines.server import Server, until
from paifang_rig.errors import RigError


def paifang(*arguments):
    command = [sys.executable, "-m", "paifang", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
async def file(tmp_path):
    """city.toml of engines that run, the stream made and two messages in it, no tables yet."""
    try:
        cluster, postgres = NatsCluster(tmp_path / "nats", 1), Postgres(fsync="off")
    except RigError as error:
        pytest.skip(str(error))
    async with cluster, postgres:
        async with await cluster.client() as client:
            streams = client.jetstream()
            await streams.add_stream(name="PAIFANG", subjects=["paifang.>"])
            body = {
                "id": "ward-1/aq-1/3.1", "site": "ward-1", "node": "aq-1", "time": None, "uptime_ms": 1,
                "received": "2026-11-20T08:00:00.000Z", "values": {"pm25": {"value": 1.50}, "pm10": {"value": 2}},
            }  # fmt: skip
            await streams.publish("paifang.ward-1.aq-1.report", json.dumps(body).encode())
            await streams.publish("paifang.ward-1.aq-1.report", b"hello")
        (tmp_path / "postgres.txt").write_text(PASSWORD)
        path = tmp_path / "city.toml"
        path.write_text(
            f'[stream]\nservers = ["{cluster.urls[0]}"]\n\n'
            f'[postgres]\nport = {postgres.port}\npassword_file = "postgres.txt"\n'
        )
        path.with_suffix(".url").write_text(postgres.url)
        yield path


async def test_from_no_tables_to_a_balance(file, tmp_path):
    run = asyncio.to_thread
    early = await run(paifang, "city", "balance", "--config", file)
    assert early.returncode == EXIT_UNREACHABLE
    assert "paifang city schema --apply" in early.stderr
    made = await run(paifang, "city", "schema", "--apply", "--config", file, "--partition", "day")
    assert (made.returncode, made.stderr) == (0, "the tables are there, a partition a day\n")
    again = await run(paifang, "city", "schema", "--apply", "--config", file)
    assert (again.returncode, again.stderr) == (0, "the tables are there, a partition a day\n")

    worker = Server(
        [sys.executable, "-m", "paifang", "city", "run", "--config", str(file), "--name", "north-1"], tmp_path / "log"
    )
    worker.start()
    connection = await asyncpg.connect(file.with_suffix(".url").read_text())

    async def all_stored():
        return await connection.fetchval("SELECT sum(stored + refused) = 2 FROM paifang.tallies") or False

    await until(all_stored, "both messages are in PostgreSQL")
    told = json.loads((await run(paifang, "city", "balance", "--config", file, "--json", "--nodes")).stdout)
    assert told["workers"] == [{"name": "north-1", "stored": 1, "duplicate": 0, "refused": 1, "readings": 2}]
    assert {key: told[key] for key in ("accepted", "stored", "refused", "missing")} == {
        "accepted": 2,
        "stored": 1,
        "refused": 1,
        "missing": 0,
    }
    assert told["nodes"] == {"ward-1/aq-1": 1}
    assert await run(worker.end, signal.SIGTERM) == 0, worker.log_tail()

    await connection.execute("UPDATE paifang.tallies SET stored = 0")
    await connection.close()
    wrong = await run(paifang, "city", "balance", "--config", file)
    assert wrong.returncode == EXIT_REFUSED
    assert "accepted 2 = stored 0 + duplicate 0 + refused 1 + in stream 0 + missing 1" in wrong.stdout
    assert "1 messages are missing in PostgreSQL" in wrong.stderr


def test_the_tables_are_printed_without_an_engine():
    printed = paifang("city", "schema", "--partition", "month")
    assert printed.returncode == 0
    assert "'month'" in printed.stdout
    assert "{" not in printed.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[stream]\nserver = []\n", 'city.toml:2: stream.server: unknown name; did you mean "servers"?'),
        ('[stream]\nservers = ["nats:4222"]\n', "expected a server as"),
        ('[postgres]\nport = "5432"\n', "city.toml:2: postgres.port: expected a whole number"),
        ('[postgres]\nca_file = "ca.pem"\n', "tls = true, because there is ca_file"),
        ('[stream]\nsubjects = "a..b"\n', "expected a subject"),
        ("[worker\n", "not TOML"),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_its_line(tmp_path, text, words):
    (tmp_path / "city.toml").write_text(text)
    told = paifang("city", "run", "--config", tmp_path / "city.toml")
    assert told.returncode == EXIT_USAGE
    assert words in told.stderr
    assert "look again with: paifang city run --config" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["schema", "--partition", "hour"], "one of day, week, month"),
        (["schema", "--apply"], "--apply goes with --config FILE"),
        (["run", "--config", "/nowhere/city.toml"], "cannot be read"),
    ],
)
def test_wrong_usage_is_told(arguments, words):
    told = paifang("city", *arguments)
    assert told.returncode == EXIT_USAGE
    assert words in told.stderr
