"""The NATS sink against real servers: what arrives, what is confirmed, and what each kind of refusal becomes."""

from __future__ import annotations

import asyncio

import nats_keys
import nats_side
import pytest
from certificates import certificates
from hypothesis import given
from hypothesis import strategies as st
from records import event, report
from sinks import Sink

from paifang.errors import EXIT_UNREACHABLE, PaifangError
from paifang.jetstream.subjects import covers
from paifang.north.nats import subjects
from paifang.north.nats.confirmations import Confirmations
from paifang_rig.engines.nats_cluster import NatsCluster
from paifang_rig.errors import RigError


@pytest.fixture
async def server(tmp_path):
    """One NATS server with JetStream."""
    try:
        cluster = NatsCluster(tmp_path / "nats", 1)
    except RigError as error:
        pytest.skip(str(error))
    async with cluster:
        yield cluster


async def test_a_record_arrives_under_its_subject_with_its_id(server):
    async with nats_side.opened(server, create=True) as sink:
        assert await sink.deliver([report(1), event(2), report(3, node="电.1", utc_ms=None)]) == {}
    first, second, third = await nats_side.kept(server)
    assert [each[0] for each in (first, second, third)] == [
        "paifang.ward-1.aq-1.report",
        "paifang.ward-1.aq-1.event",
        "paifang.ward-1.电%2E1.report",
    ]
    assert first[1]["Nats-Msg-Id"] == first[2]["id"] == "ward-1/aq-1/3.1"
    assert third[2]["time"] is None


async def test_what_comes_again_is_confirmed_and_kept_once_in_order(server):
    records = [report(number) for number in range(1, 201)]
    async with nats_side.opened(server, create=True) as sink:
        await sink.deliver(records[:120])
        assert await sink.deliver(records) == {}
        assert sink.duplicates == 120
    assert [each[2]["id"] for each in await nats_side.kept(server)] == [record.id for record in records]


async def test_two_streams_at_once_each_keep_their_order(server):
    live = [report(number) for number in range(1001, 1501)]
    backlog = [report(number) for number in range(1, 1001)]

    async def send(sink, records):
        for first in range(0, len(records), 50):
            await sink.deliver(records[first : first + 50])

    async with nats_side.opened(server, create=True) as sink:
        await asyncio.gather(send(sink, live), send(sink, backlog))
    numbers = [int(each[2]["id"].rpartition(".")[2]) for each in await nats_side.kept(server)]
    assert [number for number in numbers if number > 1000] == list(range(1001, 1501))
    assert [number for number in numbers if number <= 1000] == list(range(1, 1001))


async def test_a_record_that_is_too_large_is_named_and_the_others_go_on(server):
    async with await server.client() as client:
        await client.jetstream().add_stream(name="PAIFANG", subjects=["paifang.>"], max_msg_size=4_000)
    records = [report(1), event(2, detail="x" * 5_000), event(3, detail="y" * 1_100_000), report(4)]
    async with nats_side.opened(server) as sink:
        assert await sink.deliver(records) == {1: "too-large", 2: "too-large"}
    assert [each[2]["id"] for each in await nats_side.kept(server)] == [records[0].id, records[3].id]


async def test_a_stream_that_is_not_there_is_told_with_what_to_type(server):
    with pytest.raises(PaifangError, match="there is no stream PAIFANG") as refusal:
        async with nats_side.opened(server):
            pass
    assert refusal.value.exit_code == EXIT_UNREACHABLE
    assert "nats stream add PAIFANG --subjects 'paifang.>'" in refusal.value.hint


async def test_a_stream_that_takes_other_subjects_is_told(server):
    async with await server.client() as client:
        await client.jetstream().add_stream(name="PAIFANG", subjects=["meters.>", "paifang.ward-2.>"])
    with pytest.raises(PaifangError, match=r"does not take paifang\.ward-1\.>, but meters\.>, paifang\.ward-2\.>"):
        async with nats_side.opened(server):
            pass


async def test_a_full_stream_that_refuses_confirms_nothing_more(server):
    async with await server.client() as client:
        await client.jetstream().add_stream(name="PAIFANG", subjects=["paifang.>"], max_msgs=3, discard="new")
    records = [report(number) for number in range(1, 6)]
    async with nats_side.opened(server) as sink:
        with pytest.raises(PaifangError, match="maximum messages exceeded") as refusal:
            await sink.deliver(records)
        assert "more room" in refusal.value.hint
        async with await server.client() as client:
            await client.jetstream().update_stream(name="PAIFANG", subjects=["paifang.>"], discard="new")
        assert await sink.deliver(records) == {}
    assert [each[2]["id"] for each in await nats_side.kept(server)] == [record.id for record in records]


async def test_a_server_that_halts_is_noticed_and_nothing_counts_as_confirmed(server):
    async with nats_side.opened(server, create=True) as sink:
        await sink.deliver([report(1)])
        server.servers[0].process.halt()
        sink._link._settings = sink._settings.model_copy(update={"timeout_ms": 200})
        with pytest.raises(PaifangError, match="no answer in 200 ms"):
            await sink.deliver([report(2)])
        server.servers[0].process.go_on()


async def test_a_server_that_dies_ends_the_wait_at_once(server):
    async with nats_side.opened(server, create=True) as sink:
        await sink.deliver([report(1)])
        server.servers[0].process.halt()
        waiting = asyncio.ensure_future(sink.deliver([report(2)]))
        await asyncio.sleep(0)
        server.servers[0].process.end()
        with pytest.raises(PaifangError, match="the connection was lost"):
            await waiting


async def test_nobody_there_names_every_server(server):
    server.end()
    with pytest.raises(PaifangError, match=server.urls[0]):
        async with nats_side.opened(server):
            pass


@pytest.fixture
async def guarded(tmp_path):
    """A server that lets `ward-1` in with a password, and only to write."""
    may = '{ publish: ["paifang.ward-1.>", "$JS.API.STREAM.INFO.PAIFANG"], subscribe: ["_INBOX.>"] }'
    ward = f'{{ user: "ward-1", password: "in the file", permissions: {may} }}'
    users = f'authorization {{ users: [{ward}, {{ user: "admin", password: "a" }}] }}'
    try:
        cluster = NatsCluster(tmp_path / "nats", 1, more=users)
    except RigError as error:
        pytest.skip(str(error))
    async with cluster:
        async with await cluster.client(user="admin", password="a") as client:
            await client.jetstream().add_stream(name="PAIFANG", subjects=["paifang.>"])
        yield cluster


async def test_a_password_comes_from_its_file_and_the_least_rights_are_enough(guarded, tmp_path):
    (tmp_path / "password").write_text("in the file\n")
    way_in = {"user": "ward-1", "password_file": tmp_path / "password"}
    async with nats_side.opened(guarded, **way_in) as sink:
        assert await sink.deliver([report(1)]) == {}
        sink._link._settings = sink._settings.model_copy(update={"timeout_ms": 200})
        with pytest.raises(PaifangError, match="permissions violation for publish"):
            await sink.deliver([report(1, site="ward-2")])
    (tmp_path / "password").write_text("another")
    with pytest.raises(PaifangError, match="Authorization"):
        async with nats_side.opened(guarded, **way_in):
            pass
    with pytest.raises(PaifangError, match="cannot be read"):
        nats_side.connector(guarded, user="ward-1", password_file=tmp_path / "none")


async def test_a_cluster_loses_its_leader_under_load(tmp_path, tier_size):
    """The real store and runner before it: every record once at the far side, what is new and what waited in order."""
    try:
        cluster = NatsCluster(tmp_path / "nats")
    except RigError as error:
        pytest.skip(str(error))
    part = tier_size(1_500, 40_000)
    chosen = nats_side.settings(cluster, timeout_ms=1_500, create=True, replicas=3, from_start=True)
    async with cluster, Sink(tmp_path, "nats", chosen) as sink:
        await sink.reports.fill(100)
        await sink.until(lambda: sink.figures.delivered == 100)
        leader = await cluster.leader("PAIFANG")
        await sink.reports.fill(part, wide=True)
        await sink.until(lambda: sink.figures.delivered > 100)
        leader.process.end()
        await sink.reports.fill(part, wide=True)
        await sink.until(lambda: sink.figures.sessions > 1)
        leader.process.start()
        await sink.reports.fill(part, wide=True)
        await sink.settled(deadline_s=300)
        await cluster.healthy()
        documents = [each[2] for each in await nats_side.kept(cluster)]
        assert sum(len(each["values"]) for each in documents) > 100_000
        arrived = [each["id"] for each in documents]
        assert sorted(arrived) == sorted(sink.ids)
        places = {each: place for place, each in enumerate(sink.ids)}
        assert nats_side.streams([places[each] for each in arrived]) <= 2


async def test_what_waited_comes_beside_what_is_new_each_in_order(server, tmp_path):
    async with Sink(tmp_path, "nats", nats_side.settings(server, create=True, from_start=True)) as sink:
        await sink.reports.fill(50)
        await sink.until(lambda: sink.figures.delivered == 50)
        server.servers[0].process.end()
        await sink.reports.fill(2_000)
        await sink.until(lambda: len(sink.pauses) > 1)
        server.servers[0].process.start()
        await server.healthy()
        await sink.until(lambda: sink.figures.delivered > 50)
        await sink.reports.fill(300, step_ms=1)
        await sink.settled()
        places = {each: place for place, each in enumerate(sink.ids)}
        arrived = [places[each[2]["id"]] for each in await nats_side.kept(server)]
    assert sorted(arrived) == list(range(2_350))
    assert nats_side.streams(arrived) == 2
    assert arrived != sorted(arrived), "what is new did not go first"


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_names_are_tokens_and_two_names_are_never_one(first, second):
    one, other = subjects.token(first), subjects.token(second)
    assert one
    assert not set(one) & set(".*> \t\r\n")
    assert (one == other) == (first == second)


def test_a_stream_covers_what_all_its_messages_need():
    cases = [
        ("paifang.>", "paifang.ward-1.>", True),
        ("paifang.*.>", "paifang.ward-1.>", True),
        (">", "paifang.ward-1.>", True),
        ("paifang.ward-1.*.report", "paifang.ward-1.>", False),
        ("paifang.ward-10.>", "paifang.ward-1.>", False),
        ("paifang.*", "paifang.ward-1.>", False),
        ("paifang.ward-1", "paifang.ward-1.>", False),
    ]
    assert [covers(have, want) for have, want, _ in cases] == [expected for *_, expected in cases]


def test_answers_are_told_apart():
    told = Confirmations(5)
    told.take(0, None, b'{"stream":"PAIFANG","seq":7}')
    told.take(1, None, b'{"stream":"PAIFANG","seq":3,"duplicate":true}')
    told.take(2, None, b'{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}')
    assert (told.duplicates, told.refused, told.is_over) == (1, {2: "too-large"}, False)
    told.take(4, None, b'{"stream":"PAIFANG","seq":8}')
    assert told.overtaken == 1
    told.take(4, None, b'{"stream":"PAIFANG","seq":8,"duplicate":true}')
    assert told.duplicates == 1
    told.take(3, {"Status": "503"}, b"")
    assert told.is_over
    assert told.failure == "no stream takes it now"


@pytest.mark.parametrize("answer", [b"", b"[]", b"hello", b'{"type":"x"}', b'{"error":{"description":"new"}}'])
def test_no_answer_but_a_confirmation_confirms(answer):
    told = Confirmations(1)
    told.take(0, None, answer)
    assert told.failure
    assert not told.refused


async def test_credentials_let_in_and_those_of_another_do_not(tmp_path):
    try:
        cluster = NatsCluster(tmp_path / "nats", 1, more=nats_keys.server_settings())
    except RigError as error:
        pytest.skip(str(error))
    (tmp_path / "ward.creds").write_text(nats_keys.credentials())
    (tmp_path / "other.creds").write_text(nats_keys.credentials(nats_keys.Key(nats_keys.USER, 5)))
    async with cluster:
        async with nats_side.opened(cluster, create=True, creds_file=tmp_path / "ward.creds") as sink:
            assert await sink.deliver([report(1)]) == {}
        with pytest.raises(PaifangError, match="Authorization"):
            async with nats_side.opened(cluster, creds_file=tmp_path / "other.creds"):
                pass
    for text, words in (("", "no user JWT and seed"), (nats_keys.credentials().replace("SUA", "SUAA"), "is damaged")):
        (tmp_path / "bad.creds").write_text(text)
        with pytest.raises(PaifangError, match=words):
            nats_side.connector(cluster, creds_file=tmp_path / "bad.creds")


async def test_under_tls_with_certificates_on_both_sides(tmp_path):
    files = certificates(tmp_path)
    more = 'tls {{ cert_file: "{broker}", key_file: "{broker_key}", ca_file: "{ca}", verify: true }}'.format(**files)
    try:
        cluster = NatsCluster(tmp_path / "nats", 1, more=more)
    except RigError as error:
        pytest.skip(str(error))
    shown = {"ca_file": files["ca"], "cert_file": files["ward"], "key_file": files["ward_key"]}
    async with cluster:
        async with nats_side.opened(cluster, create=True, **shown) as sink:
            assert await sink.deliver([report(1)]) == {}
        for wrong in ({"ca_file": files["ca"]}, shown | {"ca_file": files["other_ca"]}):
            with pytest.raises(PaifangError, match=r"(?i)certificate|tls|ssl|connection"):
                async with nats_side.opened(cluster, **wrong):
                    pass
    with pytest.raises(PaifangError, match="no certificates in"):
        nats_side.connector(cluster, ca_file=tmp_path / "none.pem")
