"""Bench suite `sinks-mqtt`: reports through the MQTT sink to the confirmation of Mosquitto.

    python -m paifang_rig.mqtt_bench

A real store, the real runner, a real broker. Two bare costs in the same run, the same messages made beforehand, without
a store: by the sink's own client, and by Eclipse Paho.
"""

from __future__ import annotations

import asyncio
import os
import random
import select
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from paifang.config.sink_mqtt import MqttSettings
from paifang.north import kinds
from paifang.north.document import CONTENT_TYPE
from paifang.north.mqtt.link import Link
from paifang.north.mqtt.packets import Will
from paifang.north.mqtt.session import Login
from paifang.north.mqtt.topics import Topics
from paifang.north.record import decoded
from paifang.north.runner import Runner
from paifang.store import Store, cursors
from paifang.store.points import Point, PointTable
from paifang_rig.engines.mosquitto import OPEN, Mosquitto
from paifang_tools.bench.rows import AT_LEAST, Row, emit, row
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paifang.north.mqtt.session import Message
    from paifang.north.record import Record

SITE, NODES, POINTS, REPORTS = "ward-1", 50, 4, 20_000
WINDOW = 1_000
BATCH = 500
_STARTED_MS = 1_790_000_000_000
_TABLE = PointTable(
    [
        Point(number, f"point_{number}", "ug/m3", messages.INT, -1, 0, 1 << 30, 0, None)
        for number in range(1, POINTS + 1)
    ]
)
_HOW = (
    f"{REPORTS} reports of {NODES} nodes with {POINTS} values each; Mosquitto on the loopback, receive maximum {WINDOW}"
)


def main() -> None:
    """Print the suite's rows."""
    emit(uvloop.run(_measured()))


async def _measured() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Mosquitto(folder / "mosquitto", more=f"{OPEN}\nmax_inflight_messages {WINDOW}") as broker:
            settings = MqttSettings(name="city", broker=broker.address, from_start=True)
            records, sink_s = await _through_sink(settings, folder)
            topics = Topics(settings, SITE)
            made = [topics.message(record) for record in records]
            own_s = await _own(broker.port, made)
            paho_s = await asyncio.to_thread(_paho, broker.port, made, [record.id for record in records])
    rate, goal = REPORTS * POINTS / sink_s, (AT_LEAST, 0.5)
    own = f"{_HOW}; bare: the sink's own client, {REPORTS * POINTS / own_s:,.0f} readings/s"
    other = f"{_HOW}; bare: Paho, {REPORTS * POINTS / paho_s:,.0f} readings/s"
    return [
        row("mqtt: readings confirmed", rate, "1/s", f"{_HOW}; from the store, places kept"),
        row("mqtt: of the bare messages", own_s / sink_s, "x", own, goal),
        row("mqtt: of Paho's bare messages", paho_s / sink_s, "x", other, goal),
    ]


async def _through_sink(settings: MqttSettings, folder: Path) -> tuple[list[Record], float]:
    store = Store(folder / "paifang.db", settled=lambda _: None)
    await store.open()
    _fill(store)
    await store.flush()
    rows = await store.read(lambda connection: cursors.page(connection, 0, 1 << 60, REPORTS))
    records = [decoded(SITE, each, lambda _: _TABLE) for each in rows]
    ward = kinds.Ward(SITE, lambda: _STARTED_MS, os.urandom)
    runner = Runner(settings, store, ward, lambda _: _TABLE, partial(kinds.build, "mqtt", settings, ward))
    began_s = time.monotonic()
    task = asyncio.create_task(runner.run())
    while runner.figures.delivered < REPORTS and not task.done():  # noqa: ASYNC110 - the runner tells nobody
        await asyncio.sleep(0.002)
    took_s = time.monotonic() - began_s
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()
    assert runner.figures.delivered == REPORTS, runner.figures
    return records, took_s


def _fill(store: Store) -> None:
    chance = random.Random(1)
    for place in range(REPORTS):
        boot = store.boot(f"aq-{place % NODES}", 1)
        number = boot.marks.high + 1
        values = {point: chance.randrange(5_000) for point in range(1, POINTS + 1)}
        body = messages.encode((messages.REPORT, 1, number, number, _STARTED_MS, values, {}))
        store.add(boot, (boot.node, 1, number, messages.REPORT, number, _STARTED_MS, _STARTED_MS, body))


async def _own(port: int, made: Sequence[Message]) -> float:
    link = Link(Login("bare", Will("bare/status", b""), 30_000, 20_000))
    await link.open("127.0.0.1", port, None, 20.0)
    began_s = time.monotonic()
    for start in range(0, len(made), BATCH):
        refused = await link.publish(made[start : start + BATCH])
        assert not refused
    took_s = time.monotonic() - began_s
    await link.close()
    return took_s


def _paho(port: int, made: Sequence[Message], ids: Sequence[str]) -> float:
    """BATCH messages at a time, then their confirmations, as the sink does; one thread, no idle waits."""
    confirmed = 0

    def count(*_: object) -> None:
        nonlocal confirmed
        confirmed += 1

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    client.on_publish = count
    client.connect("127.0.0.1", port)
    while not client.is_connected():
        client.loop(0.01)
    began_s = time.monotonic()
    for start in range(0, len(made), BATCH):
        for message, record in zip(made[start : start + BATCH], ids[start : start + BATCH], strict=True):
            beside = Properties(PacketTypes.PUBLISH)
            beside.PayloadFormatIndicator = 1
            beside.ContentType = CONTENT_TYPE
            beside.UserProperty = ("id", record)
            client.publish(message.topic, message.payload, qos=1, properties=beside)
        while confirmed < min(start + BATCH, len(made)):
            wire = client.socket()
            assert wire is not None
            select.select([wire], [wire] if client.want_write() else [], [], 1.0)
            client.loop_read()
            client.loop_write()
    took_s = time.monotonic() - began_s
    client.disconnect()
    return took_s


if __name__ == "__main__":
    main()
