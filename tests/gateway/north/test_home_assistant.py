"""What Home Assistant is told of points and their present values."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import DOOR, ENERGY, PM25, TEMPERATURE, UTC_MS, point, report, value

from paifang.config.sink_mqtt import MqttSettings
from paifang.north.mqtt.entities import entity
from paifang.north.mqtt.home_assistant import HomeAssistant
from paifang.north.mqtt.topics import Topics
from paifang_wire import messages

FRESH_MS = 900_000
SETTINGS = MqttSettings(name="home", broker="127.0.0.1:1883", home_assistant="homeassistant")
ID = re.compile(r"[a-zA-Z0-9_-]+")


@pytest.fixture
def home():
    return of_site("ward-1")


def of_site(site):
    return HomeAssistant("homeassistant", Topics(SETTINGS, site), site, FRESH_MS)


def states(shown):
    return {message.topic: json.loads(message.payload) for message in shown}


def test_a_point_is_announced_once(home):
    records = [report(1, (value(352), value(2150, TEMPERATURE))), report(2, (value(353),))]
    assert len(home.announced(records)) == 2
    assert home.announced(records) == []
    assert len(home.announced([report(3, (value(1, DOOR),))])) == 1
    assert len(home.announced([report(4, (value(1),), node="aq-2")])) == 1


def test_the_configuration_of_a_point(home):
    (config,) = home.announced([report(1, (value(352),))])
    assert config.is_retained
    assert config.topic == "homeassistant/sensor/paifang_ward-1_aq-1_pm25_b86dde40/config"
    assert json.loads(config.payload) == {
        "name": "pm25",
        "unique_id": "paifang_ward-1_aq-1_pm25_b86dde40",
        "state_topic": "paifang/ward-1/aq-1/state",
        "value_template": '{{ value_json.get("pm25") }}',
        "expire_after": 900,
        "availability_topic": "paifang/ward-1/status",
        "payload_available": "online",
        "payload_not_available": "offline",
        "device_class": "pm25",
        "unit_of_measurement": "µg/m³",
        "state_class": "measurement",
        "device": {
            "identifiers": ["paifang_ward-1_aq-1_c5b197c0"],
            "name": "ward-1 aq-1",
            "manufacturer": "Paifang",
        },
        "origin": {"name": "Paifang"},
    }


@pytest.mark.parametrize(
    ("name", "unit", "device_class", "shown_unit", "state_class"),
    [
        ("pm25", "µg/m3", "pm25", "µg/m³", "measurement"),
        ("pm4", "µg/m3", None, "µg/m³", "measurement"),
        ("co2", "ppm", "carbon_dioxide", "ppm", "measurement"),
        ("temperature", "°C", "temperature", "°C", "measurement"),
        ("temperature_difference", "K", None, "K", "measurement"),
        ("power_l1", "W", "power", "W", "measurement"),
        ("power_factor_l1", "", "power_factor", None, "measurement"),
        ("energy_import", "kWh", "energy", "kWh", "total_increasing"),
        ("reactive_energy", "varh", None, "varh", "total_increasing"),
        ("volume", "m3", "volume", "m³", "total_increasing"),
        ("gas", "m3", "gas", "m³", "total_increasing"),
        ("flow", "m3/h", "volume_flow_rate", "m³/h", "measurement"),
        ("thd_voltage_l1", "%", None, "%", "measurement"),
        ("counter", "", None, None, "measurement"),
    ],
)
def test_classes_and_units(name, unit, device_class, shown_unit, state_class):
    assert entity(point(name, unit)) == ("sensor", device_class, shown_unit, state_class)


def test_a_switch_is_a_binary_sensor():
    assert entity(DOOR) == ("binary_sensor", "door", None, None)
    assert entity(point("relay", "", 0, messages.BOOL)) == ("binary_sensor", None, None, None)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), st.text(min_size=1, max_size=6)), min_size=1, max_size=4))
def test_ids_are_of_few_characters_and_no_two_are_one(named):
    told = [
        json.loads(config.payload)
        for node, name in named
        for config in of_site("ward-1").announced([report(1, (value(1, point(name)),), node=node)])
    ]
    assert all(ID.fullmatch(each["unique_id"]) and ID.fullmatch(each["device"]["identifiers"][0]) for each in told)
    assert len({each["unique_id"] for each in told}) == len(set(named))


def test_present_values_are_shown_retained_until_they_are_old(home):
    (state,) = home.shown([report(1, (value(352), value(1, DOOR)))], UTC_MS + 2_000)
    assert (state.topic, state.is_retained) == ("paifang/ward-1/aq-1/state", True)
    assert state.payload == b'{"pm25":35.2,"door":"ON"}'
    assert state.properties.hex().startswith("18" + "0200000384")  # a message expiry of 900 s


def test_a_state_has_the_newest_of_every_point(home):
    home.shown([report(1, (value(352), value(2150, TEMPERATURE)))], UTC_MS + 2_000)
    (state,) = home.shown([report(2, (value(353),)), report(3, (value(354),))], UTC_MS + 4_000)
    assert state.payload == b'{"pm25":35.4,"temperature":21.50}'


def test_what_was_left_behind_is_never_shown(home):
    assert home.shown([report(1)], UTC_MS + 2 * FRESH_MS) == []
    assert home.shown([report(2, utc_ms=None)], UTC_MS) == []
    assert len(home.shown([report(9, (value(900),))], UTC_MS + 10_000)) == 1
    assert home.shown([report(8, (value(800),))], UTC_MS + 10_000) == []
    left_behind = report(8, (value(800),))._replace(number=messages.BACKLOG + 1)
    assert home.shown([left_behind], UTC_MS + 10_000) == []
    assert len(home.shown([report(10, (value(901),))], UTC_MS + 10_000)) == 1
    assert len(home.shown([report(1, (value(100),), boot=4)], UTC_MS + 10_000)) == 1


def test_a_value_that_is_old_is_left_out_of_the_state(home):
    home.shown([report(1, (value(2150, TEMPERATURE),))], UTC_MS + 2_000)
    late = report(901, (value(352),))
    (state,) = home.shown([late], UTC_MS + 902_000)
    assert states([state]) == {"paifang/ward-1/aq-1/state": {"pm25": 35.2}}


def test_a_value_that_is_not_to_be_trusted_is_unknown(home):
    values = (
        value(352, PM25, messages.FAULT),
        value(None, TEMPERATURE, messages.MUTE),
        value(7, ENERGY, messages.GOOD),
    )
    (state,) = home.shown([report(1, values)], UTC_MS + 2_000)
    assert state.payload == b'{"pm25":null,"temperature":null,"energy_import":0.07}'


def test_a_home_assistant_that_starts_is_told_everything(home):
    records = [report(1), report(2, (value(1, DOOR),), node="aq-2")]
    configs = home.announced(records)
    home.shown(records, UTC_MS + 3_000)
    again = home.everything(UTC_MS + 3_000)
    assert again[:2] == configs
    assert states(again[2:]) == {
        "paifang/ward-1/aq-1/state": {"pm25": 35.2},
        "paifang/ward-1/aq-2/state": {"door": "ON"},
    }
