"""`paifang city`, as a person runs it: tables, workers as processes, the balance; and what it says when it cannot."""

from __future__ import annotations

import json
import signal

import asyncpg
import pytest

from paifang.errors import EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_rig.engines.postgres import PASSWORD, Postgres
from paifang_rig.engines.server import Server, until
from paifang_rig.errors import RigError


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


async def test_from_no_tables_to_a_balance(paifang, ask, file, tmp_path):
    early = await ask("city", "balance", "--config", file)
    assert early.code == EXIT_UNREACHABLE
    assert "paifang city schema --apply" in early.err
    made = await ask("city", "schema", "--apply", "--config", file, "--partition", "day")
    assert (made.code, made.err) == (0, "the tables are there, a partition a day\n")
    again = await ask("city", "schema", "--apply", "--config", file)
    assert (again.code, again.err) == (0, "the tables are there, a partition a day\n")

    worker = Server(paifang.command("city", "run", "--config", file, "--name", "north-1"), tmp_path / "log")
    worker.start()
    connection = await asyncpg.connect(file.with_suffix(".url").read_text())

    async def all_stored():
        return await connection.fetchval("SELECT sum(stored + refused) = 2 FROM paifang.tallies") or False

    await until(all_stored, "both messages are in PostgreSQL")
    told = (await ask("city", "balance", "--config", file, "--json", "--nodes")).json
    assert told["workers"] == [{"name": "north-1", "stored": 1, "duplicate": 0, "refused": 1, "readings": 2}]
    assert {key: told[key] for key in ("accepted", "stored", "refused", "missing")} == {
        "accepted": 2,
        "stored": 1,
        "refused": 1,
        "missing": 0,
    }
    assert told["nodes"] == {"ward-1/aq-1": 1}
    assert worker.end(signal.SIGTERM) == 0, worker.log_tail()

    await connection.execute("UPDATE paifang.tallies SET stored = 0")
    await connection.close()
    wrong = await ask("city", "balance", "--config", file)
    assert wrong.code == EXIT_REFUSED
    assert "accepted 2 = stored 0 + duplicate 0 + refused 1 + in stream 0 + missing 1" in wrong.out
    assert "1 messages are missing in PostgreSQL" in wrong.err


def test_the_tables_are_printed_without_an_engine(inside):
    printed = inside("city", "schema", "--partition", "month")
    assert printed.code == 0
    assert "'month'" in printed.out
    assert "{" not in printed.out


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
def test_a_mistake_in_the_settings_is_told_with_its_line(inside, tmp_path, text, words):
    (tmp_path / "city.toml").write_text(text)
    done = inside("city", "run", "--config", tmp_path / "city.toml")
    assert done.code == EXIT_USAGE
    assert words in done.err
    assert "look again with: paifang city run --config" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["schema", "--partition", "hour"], "one of day, week, month"),
        (["schema", "--apply"], "--apply goes with --config FILE"),
        (["run", "--config", "/nowhere/city.toml"], "cannot be read"),
    ],
)
def test_wrong_usage_is_told(inside, arguments, words):
    done = inside("city", *arguments)
    assert done.code == EXIT_USAGE
    assert words in done.err
