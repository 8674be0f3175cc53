"""A DL/T 645 meter in a whole gateway: the package dlt645's, in a process of its own, behind a serial server."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest
from far_side import until
from near_side import settings_in
from persons import Persons

from paifang.config.bridges import BridgeSettings, DeviceSettings
from paifang_wire import messages

METER = ("-m", "paifang_rig.dlt645_meter")
ADDRESS = "201709320072"
MEASURED = {"02010100": 230.1, "02030000": 1.25, "00010000": 1234.56}


@pytest.fixture
async def port():
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *METER,
        ADDRESS,
        json.dumps(MEASURED),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    yield int(await process.stdout.readline())
    process.stdin.close()
    await process.wait()


async def test_a_meter_is_read_and_a_relay_that_it_does_not_have_is_not_said_to_have_moved(port, start, tmp_path):
    device = DeviceSettings(name="meter-1", profile="dlt645-single-phase", address=ADDRESS, password="000000")
    people = Persons()
    people.write(tmp_path / "data")
    bridges = (BridgeSettings(tcp=f"127.0.0.1:{port}", devices=(device,)),)
    house = await start(settings_in(tmp_path / "data", bridges=bridges))
    people.ask = house.ask
    await people.load()
    bridged = house.gateway.bridges.devices["meter-1"]
    numbers = [bridged.table.by_name[name].number for name in ("voltage", "power", "energy_import")]
    await until(lambda: all(number in bridged.device.latest for number in numbers))
    await house.gateway.store.flush()
    for point, value, unit in (("voltage", 230.1, "V"), ("power", 1250.0, "W"), ("energy_import", 1_234_560, "Wh")):
        [reading] = await house.ask("read", node="meter-1", point=point, limit=1)
        assert (reading["value"], reading["unit"], reading["quality"]) == (value, unit, "good")
    answer = await people.submit("alice", "meter-1", "relay", messages.OP_OPERATE, 0, within_ms=3_000)
    assert answer["verdict"] != "executed"
    assert answer["after"] is None
