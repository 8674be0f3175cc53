"""The MQTT sink against Mosquitto, read back by Paho."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from sinks import Sink

from paifang.config.sink_mqtt import MqttSettings
from paifang_rig.engines.mosquitto import AT_ONCE, Mosquitto
from paifang_rig.engines.mqtt_reader import MqttReader


def settings(broker, **more):
    return MqttSettings(name="city", broker=broker.address, from_start=True, **more)


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


async def test_a_broker_killed_under_load_loses_nothing(tmp_path, tier_size):
    rounds = tier_size(3, 50)
    async with (
        Mosquitto(tmp_path / "mosquitto", more=AT_ONCE) as broker,
        MqttReader(broker.port, "paifang/ward-1/+/report", qos=0) as reader,
        Sink(tmp_path, "mqtt", settings(broker)) as sink,
    ):
        await broker.keep(reader.client_id)
        for _ in range(rounds):
            before = len(sink.ids)
            await sink.reports.fill(2_000)
            await reader.has(before + 300)
            broker.kill()
            await broker.start()
            await reader.has(len(sink.ids))
        await sink.settled()
        assert sorted(reader.records) == sorted(sink.ids)
        assert sink.figures.sessions == 1 + rounds
