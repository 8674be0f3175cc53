"""The MQTT sink against Mosquitto, read back by Paho."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import uvloop
from certificates import certificates
from reports import START_MS, WIDE
from sinks import Sink

from paifang.config.sink_mqtt import MqttSettings
from paifang.errors import PaifangError
from paifang.north import kinds
from paifang_rig.engines.mosquitto import AT_ONCE, OPEN, Mosquitto
from paifang_rig.engines.mqtt_reader import MqttReader
from paifang_rig.engines.server import find
from paifang_rig.errors import RigError
from paifang_wire import messages

sys.path.insert(0, str(Path(__file__).parents[1] / "archive"))

from senml_reader import of_cbor, resolved


def settings(broker, **more):
    return MqttSettings(name="city", broker=broker.address, from_start=True, **more)


@pytest.fixture(autouse=True)
def installed():
    try:
        find("mosquitto", "mosquitto")
    except RigError as error:
        pytest.skip(str(error))


@pytest.fixture
async def broker(tmp_path):
    async with Mosquitto(tmp_path / "mosquitto") as running:
        yield running


async def test_every_report_arrives_once_in_order_with_its_own_time(broker, tmp_path, tier_size):
    async with (
        MqttReader(broker.port, "paifang/#") as reader,
        Sink(tmp_path, "mqtt", settings(broker, expiry_ms=60_000)) as sink,
    ):
        await sink.reports.fill(tier_size(1_000, 20_000))
        await reader.has(len(sink.ids))
        await sink.settled()
        assert list(reader.records) == sink.ids
        assert set(reader.records.values()) == {1}
        arrived = next(each for each in reader.arrivals if each.record == "ward-1/aq-2/1.7")
        told = json.loads(arrived.payload, parse_float=Decimal)
        assert (arrived.topic, arrived.content_type, arrived.is_retained) == (
            "paifang/ward-1/aq-2/report",
            "application/json",
            False,
        )
        assert told["id"] == arrived.record
        assert told["time"] == "2026-09-21T14:13:39.000Z"
        assert told["values"]["pm25"] == {"value": Decimal("0.7"), "unit": "ug/m3"}
        assert 0 < arrived.expiry_s <= 60


def test_the_loop_of_the_gateway_will_do(tmp_path):
    async def run():
        async with (
            Mosquitto(tmp_path / "mosquitto") as broker,
            MqttReader(broker.port, "paifang/ward-1/+/report") as reader,
            Sink(tmp_path, "mqtt", settings(broker)) as sink,
        ):
            await sink.reports.fill(100)
            await reader.has(100)
            await sink.settled()
            assert list(reader.records) == sink.ids

    uvloop.run(run())


async def test_a_broker_killed_under_load_loses_nothing(tmp_path, tier_size):
    rounds = tier_size(2, 40)
    async with (
        Mosquitto(tmp_path / "mosquitto", more=AT_ONCE) as broker,
        MqttReader(broker.port, "paifang/ward-1/+/report", qos=0) as reader,
        Sink(tmp_path, "mqtt", settings(broker)) as sink,
    ):
        await broker.keep(reader.client_id)
        for _ in range(rounds):
            goal = len(sink.ids) + 500
            await sink.reports.fill(2_500, step_ms=0, wide=True)
            await sink.until(lambda goal=goal: sink.figures.delivered >= goal)
            broker.kill()
            assert sink.figures.delivered < len(sink.ids), "it was through before the kill"
            await broker.start()
            await reader.has(len(sink.ids))
        await sink.settled()
        assert list(reader.records) == sink.ids
        documents = {each.record: json.loads(each.payload) for each in reader.arrivals}
        assert sum(len(each["values"]) for each in documents.values()) == len(sink.ids) * len(WIDE) > 100_000
        assert sink.figures.sessions == 1 + rounds


async def test_a_broker_that_stands_still_is_given_up_and_found_again(broker, tmp_path, tier_size):
    count = tier_size(300, 30_000)
    async with (
        MqttReader(broker.port, "paifang/ward-1/+/report") as reader,
        Sink(tmp_path, "mqtt", settings(broker, answer_ms=1_000)) as sink,
    ):
        await sink.reports.fill(count)
        await reader.has(count)
        broker.process.halt()
        await sink.reports.fill(count)
        await sink.fails("answer")
        broker.process.go_on()
        await reader.has(2 * count)
        await sink.settled()
        assert list(reader.records) == sink.ids


ACL = """\
user ward-1
topic readwrite paifang/ward-1/aq-1/#
topic write paifang/ward-1/status
{more}
user reader
topic read #
"""


async def test_a_broker_that_refuses_loses_nothing(tmp_path):
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    rules, passwords, password = folder / "acl", folder / "passwords", tmp_path / "password"
    rules.write_text(ACL.format(more=""))
    passwords.write_text(f"{entry('ward-1', 'right')}\n{entry('reader', 'reads')}\n")
    for file in (rules, passwords):
        file.chmod(0o700)
    password.write_text("wrong\n")
    more = f"allow_anonymous false\nacl_file {rules}\npassword_file {passwords}"
    async with (
        Mosquitto(folder, more=more) as broker,
        MqttReader(
            broker.port, "paifang/ward-1/#", setup=lambda client: client.username_pw_set("reader", "reads")
        ) as reader,
        Sink(tmp_path, "mqtt", settings(broker, user="ward-1", password_file=password)) as sink,
    ):
        await sink.reports.fill(30)
        assert "password_file" in await sink.fails("refused the connection: not authorised (0x87)")

        password.write_text("right\n")
        await sink.fails("did not take ward-1/aq-2/1.1: not authorised (0x87)")
        assert sink.figures.delivered == 0

        rules.write_text(ACL.format(more="topic write paifang/#"))
        broker.process.tell(signal.SIGHUP)
        await reader.has(30)
        await sink.settled()
        assert sorted(reader.records) == sorted(sink.ids)
        assert sink.figures.dropped == {}


def entry(user, password):
    """A line of Mosquitto's password file: PBKDF2-HMAC-SHA512."""
    salt = b"twelve bytes"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


async def test_what_is_larger_than_the_broker_takes_is_dropped_and_counted(tmp_path):
    async with (
        Mosquitto(tmp_path / "mosquitto", more=f"{OPEN}\nmax_packet_size 280") as broker,
        MqttReader(broker.port, "paifang/ward-1/+/report") as reader,
        Sink(tmp_path, "mqtt", settings(broker)) as sink,
    ):
        sink.reports.add(values={1: 12})
        sink.reports.add(values={1: 12, 2: 4_000, 3: 1}, quality={2: messages.FAULT})
        sink.reports.add(values={1: 12})
        await sink.store.flush()
        await sink.settled()
        await reader.has(2)
        assert list(reader.records) == ["ward-1/aq-1/1.1", "ward-1/aq-1/1.3"]
        assert sink.figures.dropped == {"refused": 1}


async def test_under_tls_with_certificates_on_both_sides(tmp_path):
    made = certificates(tmp_path)
    listener = "\n".join(
        (
            f"cafile {made['ca']}",
            f"certfile {made['broker']}",
            f"keyfile {made['broker_key']}",
            "require_certificate true",
        )
    )

    def show(client):
        client.tls_set(str(made["ca"]), str(made["ward"]), str(made["ward_key"]))

    async with Mosquitto(tmp_path / "mosquitto", listener=listener) as broker:
        wanted = settings(broker, tls=True, ca_file=made["ca"], cert_file=made["ward"], key_file=made["ward_key"])
        async with (
            MqttReader(broker.port, "paifang/ward-1/+/report", setup=show) as reader,
            Sink(tmp_path, "mqtt", wanted) as sink,
        ):
            await sink.reports.fill(100)
            await reader.has(100)
            await sink.settled()

        (tmp_path / "other").mkdir()
        async with Sink(tmp_path / "other", "mqtt", settings(broker, tls=True, ca_file=made["other_ca"])) as sink:
            await sink.fails("certificate verify failed")


async def test_it_says_when_it_is_there_and_the_broker_when_it_is_not(broker):
    ward = kinds.Ward("ward-1", lambda: START_MS, bytes)
    async with MqttReader(broker.port, "paifang/ward-1/status") as reader:
        sink = kinds.build("mqtt", settings(broker), ward)
        await sink.open()
        await reader.until(lambda: told(reader) == [b"online"], "online")
        await sink.close()
        await reader.until(lambda: told(reader) == [b"online", b"offline"], "offline")
        sink = kinds.build("mqtt", settings(broker), ward)
        await sink.open()
        sink._link._transport.abort()
        await reader.until(lambda: told(reader)[2:] == [b"online", b"offline"], "offline by the will")
        with pytest.raises(PaifangError, match="closed the connection"):
            await sink.deliver([])
        await sink.close()
        assert all(each.is_retained for each in reader.arrivals)


def told(reader):
    return [each.payload for each in reader.arrivals]


async def test_senml_where_it_has_words_and_json_for_the_rest(broker, tmp_path):
    async with (
        MqttReader(broker.port, "paifang/ward-1/+/report") as reader,
        Sink(tmp_path, "mqtt", settings(broker, format="senml-cbor")) as sink,
    ):
        await sink.reports.fill(1)
        await reader.has(1)
        (arrived,) = reader.arrivals
        assert arrived.content_type == "application/senml+cbor"
        (told,) = resolved(of_cbor(arrived.payload))
        assert (told["n"], told["v"]) == ("ward-1/aq-1/pm25", Decimal("0.1"))
        assert told["t"] == Decimal(START_MS) / 1_000


async def test_home_assistant_is_told_of_points_and_shown_only_what_is_present(broker, tmp_path):
    async with (
        MqttReader(broker.port, "homeassistant/+/+/config", "paifang/ward-1/+/state") as reader,
        Sink(tmp_path, "mqtt", settings(broker, home_assistant="homeassistant")) as sink,
    ):
        await sink.reports.fill(6)
        await sink.settled()
        sink.reports.add(values={1: 999}, utc_ms=sink.reports.clock_ms - 3_600_000)
        await sink.store.flush()
        await sink.settled()
        await reader.until(lambda: len(by_topic(reader)) == 6, "three points and three states")
        found = by_topic(reader)
        assert [json.loads(payload)["name"] for topic, payload in found.items() if topic.endswith("/config")] == [
            "pm25"
        ] * 3
        assert found["paifang/ward-1/aq-1/state"] == b'{"pm25":0.2}'
        before = len(reader.arrivals)
        reader.publish("homeassistant/status", b"online")
        await reader.until(lambda: len(reader.arrivals) == before + 6, "all of it again")
    async with MqttReader(broker.port, "paifang/ward-1/+/state", client_id="late") as late:
        await late.until(lambda: len(late.arrivals) == 3, "the present values, for who comes later")
        assert all(0 < each.expiry_s <= 900 for each in late.arrivals)


def by_topic(reader):
    return {each.topic: each.payload for each in reader.arrivals}
