"""A sensor of another maker as a station: what it broadcasts becomes hours, and those an index."""

from __future__ import annotations

from functools import partial

import pytest
from far_side import until
from near_side import settings_in

from paifang.bridges import service
from paifang.bridges.ble.radio import Radio
from paifang.config.bridges import BridgeSettings, DeviceSettings
from paifang.nodes.clocks import Clocks
from paifang_rig.bumble_air import Air, Peripheral, service_data

BEGIN_MS = 1_795_849_200_000  # 2026-11-28 07:00 UTC
FIVE_MINUTES_MS = 300_000
SENSOR = "54:48:E6:8F:80:A5"


class Hands:
    """The clocks of a gateway, as far as the test has turned them."""

    def __init__(self):
        self.utc_ms = BEGIN_MS

    @property
    def clocks(self):
        return Clocks(utc_ms=lambda: self.utc_ms, monotonic=lambda: self.utc_ms / 1000)


@pytest.fixture
async def air(monkeypatch):
    made = Air()
    monkeypatch.setattr(service, "radio", partial(Radio, scanner=made.scanner, client=made.client))
    await made.start()
    return made


async def test_a_bridged_sensor_is_a_station(air, start, tmp_path):
    hands = Hands()
    devices = (DeviceSettings(name="yard", profile="bthome", address=SENSOR),)
    bridges = (BridgeSettings(ble="default", devices=devices),)
    house = await start(settings_in(tmp_path / "data", bridges=bridges), clocks=hands.clocks)
    sensor = Peripheral(air, SENSOR)
    bridged = house.gateway.bridges.devices["yard"]
    for number in range(12):
        pm25 = 70 + number % 2 * 10
        await sensor.advertise(service_data("FCD2", bytes([0x40, 0x00, number, 0x0D, pm25, 0x00])))
        at_ms = number * FIVE_MINUTES_MS
        await until(lambda at_ms=at_ms: any(heard_ms == at_ms for _, heard_ms in bridged.device.latest.values()))
        hands.utc_ms += FIVE_MINUTES_MS
    await house.gateway.store.flush()
    [found] = await house.ask("air.index", node="yard")
    assert (found["index"], found["category"], found["dominant"]) == (114, "lightly polluted", ["pm25"])
    assert (found["parts"][0]["concentration"], found["indicative"]) == (75, True)
    assert [row["node"] for row in await house.ask("air.index")] == ["yard"]
