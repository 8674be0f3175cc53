"""The settings file that `paifang init` writes, made from the models: it cannot fall behind them."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from pydantic.fields import FieldInfo

from paifang.config import bridges
from paifang.config.explain import toml_text
from paifang.config.modbus_server import RegisterSettings
from paifang.config.sink_hj212 import Hj212Settings, StationSettings
from paifang.config.sink_mqtt import MqttSettings
from paifang.config.sink_nats import NatsSinkSettings
from paifang.config.sink_ngsi_ld import NgsiLdSettings, PlaceSettings
from paifang.config.sink_sensorthings import DatastreamSettings, SensorThingsSettings
from paifang.config.sink_webhook import WebhookSettings
from paifang.config.units import MS_OF_UNIT, format_ms
from paifang.settings import PhaseSettings, SerialSettings, Settings, SignalSettings, Table, UserSettings

WIDTH = 100

_HEADER = """\
# The settings of a paifang gateway. Every one has a default, and these are the defaults.
# `paifang check` looks this file over; a running gateway reads it again on SIGHUP.
"""

# Settings without a default that fits everybody: shown as an example, commented out.
_EXAMPLES: dict[tuple[str, ...], object] = {
    ("data",): "/var/lib/paifang",
    ("control", "socket"): "/run/paifang/gateway.sock",
    ("control", "uids"): [1000],
    ("authority", "policy"): "/etc/paifang/policy",
    ("authority", "roots"): "/etc/paifang/roots.json",
    ("modbus_server", "listen"): "0.0.0.0:502",
    ("metrics", "listen"): "127.0.0.1:9464",
    ("modbus_server", "key"): "/etc/paifang/scada.key",
    ("modbus_server", "passphrase_file"): "/etc/paifang/scada.txt",
}
# Tables that may be there several times: one or two of them, commented out.
_TABLE_EXAMPLES: dict[tuple[str, ...], tuple[Table, ...]] = {
    ("nodes", "serial"): (SerialSettings.model_construct(device="/dev/ttyUSB0", baud=115200),),
    ("signals",): (
        SignalSettings.model_construct(
            node="signal-1",
            key="/etc/paifang/max-pressure.key",
            passphrase_file="/etc/paifang/max-pressure.txt",  # noqa: S106 - the name of a file
            rings=(((2,), (4,)),),
        ),
    ),
    ("signals", "phases"): (
        PhaseSettings(
            phase=2,
            lanes=2,
            detectors=(1, 2),
            standing="camera-1/standing_2",
            coming="camera-1/coming_2",
            ahead="camera-2/on_road_5",
            room=40,
            service_ms=25_000,
        ),
        PhaseSettings(phase=4, detectors=(3,), standing="camera-1/standing_4", service_ms=20_000),
    ),
    ("bridges",): (bridges.example(),),
    ("bridges", "devices"): bridges.example().devices,
    ("modbus_server", "registers"): (
        RegisterSettings(point="meter-1/power", address=0),
        RegisterSettings(point="meter-1/energy_import", address=2, type="int32", scale=3),
    ),
    ("sinks", "hj212"): (Hj212Settings.model_construct(name="bureau", address="212.bureau.example:7212", stations=()),),
    ("sinks", "hj212", "stations"): (
        StationSettings(
            mn="010000A8900016F000169DC0",
            st="22",
            password_file=Path("/etc/paifang/station-1.txt"),
            nodes=("aq-1",),
            names="air-quality",
        ),
    ),
    ("sinks", "nats"): (
        NatsSinkSettings.model_construct(
            name="city",
            servers=("nats://nats-1:4222", "nats://nats-2:4222", "nats://nats-3:4222"),
            user="ward-1",
            password_file="/etc/paifang/nats.txt",  # noqa: S106 - the name of a file
            replicas=3,
        ),
    ),
    ("sinks", "mqtt"): (
        MqttSettings(
            name="broker",
            broker="mqtt.city.example:8883",
            tls=True,
            ca_file=Path("/etc/paifang/city-ca.pem"),
            user="ward-1",
            password_file=Path("/etc/paifang/broker.txt"),
            expiry_ms=7 * MS_OF_UNIT["d"],
            home_assistant="homeassistant",
        ),
    ),
    ("sinks", "ngsi_ld"): (NgsiLdSettings(name="context", url="https://broker.city.example:1026", tenant="city"),),
    ("sinks", "ngsi_ld", "places"): (
        PlaceSettings(node="aq-1", longitude=116.397, latitude=39.908, names="air-quality"),
    ),
    ("sinks", "sensorthings"): (
        SensorThingsSettings(name="sta", url="https://sta.city.example/FROST-Server/v1.1", template="{node}:{name}"),
    ),
    ("sinks", "sensorthings", "datastreams"): (DatastreamSettings(point="aq-1/pm25", id=17, unit="µg/m3"),),
    ("sinks", "webhook"): (
        WebhookSettings(
            name="alarms",
            url="https://alarms.city.example/ward-1",
            secret_file=Path("/etc/paifang/alarms.txt"),
            events=("sensor-mute", "output-fault"),
            qualities=("fault",),
        ),
    ),
    ("control", "users"): (UserSettings(user="alice", roles=("operator", "safety"), person="alice"),),
}


def template(data: Path | None = None) -> str:
    """A TOML file that says the same as no file at all, with every setting in it; or with this data folder."""
    text = "\n".join([_HEADER, *_table(Settings(), ()), ""])
    example = f"# data = {toml_text(_EXAMPLES['data',])}"
    return text if data is None else text.replace(example, f"data = {toml_text(data)}")


def _table(table: Table, path: tuple[str, ...]) -> Iterator[str]:
    inner: list[tuple[str, FieldInfo, object]] = []
    for attribute, field in type(table).model_fields.items():
        name, value = str(field.validation_alias or attribute), getattr(table, attribute)
        if isinstance(value, Table) or (*path, name) in _TABLE_EXAMPLES:
            inner.append((name, field, value))
        elif value is not None or (*path, name) in _EXAMPLES:
            yield from _comment(field)
            yield _setting(attribute, name, value, path)
    for name, field, value in inner:
        yield from _inner(field, value, (*path, name))


def _inner(field: FieldInfo, value: object, path: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(value, Table):
        yield from ["", *_comment(field)]
        for place, example in enumerate(_TABLE_EXAMPLES[path]):
            yield from [*([""] if place else []), f"# [[{'.'.join(path)}]]"]
            # What its settings are is said once.
            lines = (line for line in _table(example, path) if not (place and line.startswith("#")))
            yield from (line if not line or line.startswith("#") else f"# {line}" for line in lines)
        return
    if any(not isinstance(getattr(value, name), Table) for name in _plain_fields(value, path)):
        yield from ["", *_comment(field), f"[{'.'.join(path)}]"]
    yield from _table(value, path)


def _plain_fields(table: Table, path: tuple[str, ...]) -> list[str]:
    return [name for name in type(table).model_fields if (*path, name) not in _TABLE_EXAMPLES]


def _comment(field: FieldInfo) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(field.description or "", WIDTH)]


def _setting(attribute: str, name: str, value: object, path: tuple[str, ...]) -> str:
    example = _EXAMPLES.get((*path, name))
    if example is not None:
        return f"# {name} = {toml_text(example)}"
    if attribute.endswith("_ms"):
        return f"{name} = {toml_text(format_ms(cast('int', value)))}"
    return f"{name} = {toml_text(value)}"
