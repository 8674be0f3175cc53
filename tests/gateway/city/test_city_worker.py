"""Workers against a real NATS server and a real PostgreSQL: each record once, with its time, however often it came."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from city_side import NOW, City
from records import DOOR, ENERGY, TEMPERATURE, UTC_MS, event, report, value

from paifang.city.batch import Batch, Message, Refusal, Stored
from paifang.city.database import Database, DataRefusedError
from paifang.city.document import decoded
from paifang.city.writing import Writer
from paifang.config.city import PostgresSettings, WorkerSettings
from paifang.errors import PaifangError
from paifang.north.document import document
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_rig.engines.server import until
from paifang_wire import messages

DAY_MS = 86_400_000


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_all_of_a_record_is_stored_as_it_was_measured(city):
    values = (value(352), value(-150, TEMPERATURE), value(1, DOOR, messages.FAULT), value(None, ENERGY, messages.MUTE))
    await city.send([report(42, values), report(43, utc_ms=None), event(44)])
    done = await city.work_off(3)
    assert (done.stored, done.readings, done.duplicate, done.refused, done.again) == (3, 5, 0, 0, 0)
    first, then = moment("2026-11-20T08:00:42"), moment("2026-11-20T08:00:43.250")
    assert await city.rows(
        "SELECT time, point, value, unit, quality, undated, record FROM paifang.measured ORDER BY 1, 2"
    ) == [
        (first, "door", Decimal(1), "", "fault", False, "ward-1/aq-1/3.42"),
        (first, "energy_import", None, "kWh", "mute", False, "ward-1/aq-1/3.42"),
        (first, "pm25", Decimal("35.2"), "µg/m3", "good", False, "ward-1/aq-1/3.42"),
        (first, "temperature", Decimal("-1.50"), "°C", "good", False, "ward-1/aq-1/3.42"),
        (then, "pm25", Decimal("35.2"), "µg/m3", "good", True, "ward-1/aq-1/3.43"),
    ]
    assert await city.rows("SELECT time, node, name, point, detail, record FROM paifang.happened") == [
        (moment("2026-11-20T08:00:44"), "aq-1", "sensor-mute", "pm25", "no answer", "ward-1/aq-1/3.44")
    ]


async def test_what_comes_again_behind_the_streams_memory_is_stored_once_and_counted(city):
    records = [report(number) for number in range(1, 51)]
    await city.send(records)
    await city.publish_again(records[10:30])
    await city.work_off(70)
    await city.publish_again(records[:5])
    done = await city.work_off(75, name="w-2")
    assert (done.stored, done.duplicate) == (0, 5)
    found = await city.balance()
    assert (found.accepted, found.stored, found.duplicate, found.in_stream, found.missing) == (75, 50, 25, 0, 0)
    assert await city.rows("SELECT count(*), count(DISTINCT record) FROM paifang.measured") == [(50, 50)]


async def test_a_time_that_was_learnt_between_two_messages_makes_no_second_reading(city):
    await city.publish_again([report(1, utc_ms=None), report(1), report(1, utc_ms=UTC_MS + 40 * DAY_MS)])
    await city.work_off(3)
    assert await city.rows("SELECT undated, record FROM paifang.measured") == [(True, "ward-1/aq-1/3.1")]


async def test_what_nobody_can_read_is_set_aside_with_its_reason_and_blocks_nothing(city):
    await city.send([report(1)])
    await city.publish(b"hello", document(report(2)).replace(b"35.2", b'"35.2"'))
    await city.send([report(3)])
    done = await city.work_off(4)
    assert (done.stored, done.refused) == (2, 2)
    rows = await city.rows("SELECT sequence, subject, reason, body FROM paifang.refused ORDER BY sequence")
    assert [(row[0], row[3]) for row in rows] == [(2, b"hello"), (3, document(report(2)).replace(b"35.2", b'"35.2"'))]
    assert "JSONDecodeError" in rows[0][2]
    assert rows[1][2] == "pm25: '35.2' is no value"
    found = await city.balance()
    assert (found.accepted, found.stored, found.refused, found.missing) == (4, 2, 2, 0)


async def test_what_postgres_does_not_take_is_found_among_the_others_and_tried_before_it_is_set_aside(city):
    good = [report(number) for number in range(1, 21)]
    await city.send(good[:13])
    await city.publish(
        document(report(100)).replace(b"35.2", b"1e999999"), document(report(101)).replace(b"2026-11", b"2026-13")
    )
    await city.send(good[13:])
    done = await city.work_off(22, worker=WorkerSettings(tries=3))
    assert (done.stored, done.refused) == (20, 2)
    assert [row[0] for row in await city.rows("SELECT sequence FROM paifang.refused ORDER BY 1")] == [14, 15]
    assert [row[0] for row in await city.rows("SELECT site FROM paifang.refused")] == ["ward-1", "ward-1"]
    assert (await city.balance()).missing == 0


async def test_new_words_for_quality_get_numbers_of_their_own(city):
    odd = json.loads(document(report(1)))
    odd["values"]["pm25"]["quality"] = "of-a-later-version"
    await city.publish(json.dumps(odd).encode())
    await city.send([report(2, (value(1, quality=messages.MUTE),))])
    await city.work_off(2)
    assert await city.rows("SELECT quality FROM paifang.measured ORDER BY time") == [("of-a-later-version",), ("mute",)]


async def test_times_out_of_reason_are_kept_together_until_there_is_a_partition_for_them(city):
    ahead = UTC_MS + 10 * DAY_MS
    await city.send([report(1), report(2, utc_ms=ahead), report(3, utc_ms=0)])
    await city.work_off(3)
    kept = "SELECT tableoid::regclass::text, count(*) FROM paifang.readings GROUP BY 1 ORDER BY 1"
    assert await city.rows(kept) == [("paifang.readings_20261116", 1), ("paifang.readings_other", 2)]
    await city.rows("SELECT paifang.add_partition($1)", datetime.fromtimestamp(ahead / 1000, UTC))
    assert await city.rows(kept) == [
        ("paifang.readings_20261116", 1),
        ("paifang.readings_20261130", 1),
        ("paifang.readings_other", 1),
    ]


async def test_a_worker_waits_for_tables_and_tells_the_command(city, caplog):
    await city.send([report(1)])
    await city.rows("DROP TABLE paifang.meta")
    async with city.working() as worker:
        await until(lambda: worker.figures.problem is not None, "a problem")
        assert "paifang city schema --apply" in worker.figures.problem.hint
        await city.rows("CREATE TABLE paifang.meta AS SELECT 1 AS version, 'week' AS span")
        await until(lambda: worker.figures.done.stored == 1, "stored")


async def test_two_writers_of_the_same_records_store_each_once(tables, city):
    stored = [
        Stored(Message("s", "r", b"", number, 1), decoded(document(report(number, node=f"aq-{number % 9}"))))
        for number in range(1, 401)
    ]
    async with (
        await Database.open(city.settings.postgres, "one") as one,
        await Database.open(city.settings.postgres, "two") as two,
    ):
        await one.connection.execute("INSERT INTO paifang.streams VALUES (1, 'PAIFANG', 'now', 1)")
        writers = [Writer(one, "one", 1, lambda: NOW), Writer(two, "two", 1, lambda: NOW)]
        turns = [(writers[place % 2], stored[first : first + 60]) for first in range(0, 400, 20) for place in range(2)]
        done = [
            await asyncio.gather(*(w.write(Batch(part)) for w, part in turns[at : at + 2])) for at in range(0, 40, 2)
        ]
    assert sum(each.stored for pair in done for each in pair) == 400
    assert sum(each.duplicate for pair in done for each in pair) == 0
    assert await city.rows("SELECT count(*), count(DISTINCT record) FROM paifang.measured") == [(400, 400)]


async def test_whatever_a_subject_or_a_reason_says_is_set_aside(city):
    async with await Database.open(city.settings.postgres, "one") as one:
        await one.connection.execute("INSERT INTO paifang.streams VALUES (1, 'PAIFANG', 'now', 1)")
        odd = Refusal(Message("a.\0.b", "r", b"\0\xff", 1, 1), "what \0 \ud800 says")
        assert (await Writer(one, "one", 1, lambda: NOW).write(Batch([], [odd]))).refused == 1
    assert await city.rows("SELECT subject, reason, body FROM paifang.refused") == [("a..b", "what  ? says", b"\0\xff")]


async def test_a_batch_is_stored_whole_or_not_at_all(city):
    stored = [Stored(Message("s", "r", b"", n, 1), decoded(document(report(n)))) for n in (1, 2)]
    bad = decoded(document(report(3)).replace(b"35.2", b"1e999999"))
    async with await Database.open(city.settings.postgres, "one") as one:
        await one.connection.execute("INSERT INTO paifang.streams VALUES (1, 'PAIFANG', 'now', 1)")
        writer = Writer(one, "one", 1, lambda: NOW)
        with pytest.raises(DataRefusedError):
            await writer.write(Batch([*stored, Stored(Message("s", "r", b"", 3, 1), bad)]))
        assert (await writer.write(Batch(stored))).stored == 2
    for table in ("records", "readings"):
        assert await city.rows(f"SELECT count(*) FROM paifang.{table}") == [(2,)]


async def test_postgres_that_is_away_is_waited_for_and_loses_nothing(city):
    records = [report(number) for number in range(1, 501)]
    async with city.working() as worker:
        await city.send(records[:100])
        await until(lambda: worker.figures.done.stored == 100, "the first part")
        city.postgres.stop()
        await city.send(records[100:])
        await until(lambda: worker.figures.problem is not None, "a problem")
        await city.postgres.start()
        await until(lambda: worker.figures.done.stored == 500, "the rest")
    assert await city.rows("SELECT count(DISTINCT record) FROM paifang.measured") == [(500,)]


async def test_a_wrong_password_and_a_server_that_is_not_there_are_told(city, tmp_path):
    (tmp_path / "wrong").write_text("wrong")
    right = city.settings.postgres
    with pytest.raises(PaifangError, match="password authentication failed") as refusal:
        await Database.open(right.model_copy(update={"password_file": tmp_path / "wrong"}), "x")
    assert "password file" in refusal.value.hint
    with pytest.raises(PaifangError, match=r"PostgreSQL at 127\.0\.0\.1:1/city"):
        await Database.open(PostgresSettings(port=1), "x")
    with pytest.raises(PaifangError, match="cannot be read"):
        await Database.open(right.model_copy(update={"password_file": tmp_path / "none"}), "x")


async def test_the_balance_finds_what_is_missing_and_what_was_never_taken(city):
    await city.send([report(number) for number in range(1, 11)])
    assert ((await city.balance()).accepted, (await city.balance()).in_stream) == (10, 10)
    await city.work_off(10)
    await city.send([report(number) for number in range(11, 14)])
    found = await city.balance(with_nodes=True)
    assert (found.accepted, found.stored, found.in_stream, found.missing) == (13, 10, 3, 0)
    assert found.nodes == {"ward-1/aq-1": 10}
    async with await city.cluster.client() as client:
        await client.jetstream().purge_stream("PAIFANG")
    await city.send([report(14)])
    await city.work_off(14)
    found = await city.balance()
    assert (found.accepted, found.stored, found.in_stream, found.missing) == (14, 11, 0, 3)


async def test_a_stream_that_was_made_anew_is_another_one(city):
    await city.publish(document(report(1)), b"broken")
    await city.work_off(2)
    async with await city.cluster.client() as client:
        await client.jetstream().delete_stream("PAIFANG")
    await city.publish(b"broken too", document(report(2)))
    done = await city.work_off(2)
    assert (done.stored, done.refused) == (1, 1)
    found = await city.balance()
    assert (found.accepted, found.stored, found.refused, found.missing) == (2, 1, 1, 0)
    assert [row[0] for row in await city.rows("SELECT body FROM paifang.refused ORDER BY stream")] == [
        b"broken",
        b"broken too",
    ]


async def test_a_worker_that_stops_leaves_its_messages_to_others_at_once(city):
    await city.send([report(number) for number in range(1, 301)])
    waits = city.settings.stream.model_copy(update={"ack_wait_ms": 3_600_000})
    async with city.working(stream=waits, worker=WorkerSettings(batch=20)) as worker:
        await until(lambda: worker.figures.done.stored > 0, "the first batch")
    before = worker.figures.done.stored
    done = await city.work_off(300, name="w-2", stream=waits)
    assert before + done.stored == 300


async def test_a_batch_is_bounded_in_bytes_too(city, monkeypatch):
    monkeypatch.setattr("paifang.city.intake.BATCH_BYTES", 10_000)
    await city.send([event(number, detail="x" * 3_000) for number in range(1, 31)])
    async with city.working() as worker:
        await until(lambda: worker.figures.done.stored == 30, "all stored")
    assert worker.figures.batches >= 10


async def test_a_stream_that_is_read_once_more_stores_nothing_twice(city):
    await city.send([report(number) for number in range(1, 101)])
    await city.publish(b"broken")
    await city.work_off(101)
    async with await city.cluster.client() as client:
        await client.jetstream().delete_consumer("PAIFANG", "city")
    assert (await city.work_off(101)).again == 100
    found = await city.balance()
    assert (found.accepted, found.stored, found.duplicate, found.refused, found.missing) == (101, 100, 0, 1, 0)


async def test_a_balance_needs_a_stream_of_its_own(city):
    async with await city.cluster.client() as client:
        await client.jetstream().add_stream(name="PAIFANG", subjects=["paifang.>", "other.>"])
    with pytest.raises(PaifangError, match=r"stream PAIFANG also takes other\.>"):
        await city.balance()


async def test_a_worker_needs_few_rights(tables, tmp_path):
    asks = [
        f"$JS.API.{each}" for each in ("STREAM.INFO.PAIFANG", "CONSUMER.*.PAIFANG.city", "CONSUMER.*.*.PAIFANG.city")
    ]
    may = f'{{ publish: {json.dumps([*asks, "$JS.ACK.PAIFANG.city.>"])}, subscribe: ["_INBOX.>"] }}'
    users = f'{{ user: "worker", password: "w", permissions: {may} }}, {{ user: "admin", password: "a" }}'
    cluster = NatsCluster(tmp_path / "nats", 1, more=f"authorization {{ users: [{users}] }}\nno_auth_user: admin")
    (tmp_path / "worker").write_text("w")
    async with cluster, City(cluster, tables, tmp_path) as city:
        await city.send([report(1)])
        stream = city.settings.stream.model_copy(update={"user": "worker", "password_file": tmp_path / "worker"})
        assert (await city.work_off(1, stream=stream)).stored == 1
