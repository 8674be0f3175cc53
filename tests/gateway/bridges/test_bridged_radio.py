"""Bluetooth devices in a whole gateway: a real bleak scanner over bumble's controllers, and a gateway that restarts."""

from __future__ import annotations

from functools import partial

import pytest
from ble_devices import KEY, SENSOR, sealed
from far_side import until
from near_side import settings_in

from paifang.bridges import service
from paifang.bridges.ble.radio import Radio, in_reach
from paifang.bridges.ward.standing import NOT_HEARD
from paifang.config.bridges import BridgeSettings, DeviceSettings
from paifang.errors import PaifangError
from paifang_rig.bumble_air import Air, Peripheral, service_data

OPEN, SHUT = "1101", "1100"
DOOR = DeviceSettings(name="door", profile="bthome", address=SENSOR, key=KEY.hex())


@pytest.fixture
async def air(monkeypatch):
    made = Air()
    monkeypatch.setattr(service, "radio", partial(Radio, scanner=made.scanner, client=made.client))
    await made.start()
    return made


@pytest.fixture
def settings(tmp_path):
    return settings_in(tmp_path / "data", bridges=(BridgeSettings(ble="default", devices=(DOOR,)),))


async def test_a_sensor_is_a_point_of_the_ward_and_what_was_heard_once_is_refused_after_a_restart(air, start, settings):
    house = await start(settings)
    sensor = Peripheral(air, SENSOR)
    await sensor.advertise(service_data("FCD2", sealed(OPEN, 7)))
    bridged = house.gateway.bridges.devices["door"]
    await until(bridged.values)
    await house.gateway.store.flush()
    [reading] = await house.ask("read", node="door", point="opening")
    assert (reading["value"], reading["quality"]) == (True, "good")
    [row] = await house.ask("nodes.list")
    assert (row["connected"], row["link"], row["firmware"]) == (True, "default", "profile bthome")
    with pytest.raises(PaifangError, match="opening can only be read"):
        await house.ask("send", node="door", point="opening", value="off")
    await house.gateway.stop()

    await sensor.advertise(service_data("FCD2", sealed(SHUT, 6)))
    again = await start(settings)
    bridged = again.gateway.bridges.devices["door"]
    await until(lambda: bridged.device.standing.why != NOT_HEARD)
    assert bridged.device.standing.state == "down"
    assert "counter" in bridged.device.standing.why
    await sensor.advertise(service_data("FCD2", sealed(SHUT, 8)))
    await until(lambda: bridged.device.standing.state == "up")


async def test_a_locked_sensor_is_not_listened_to(air, start, settings):
    house = await start(settings)
    await house.ask("bridges.lock", device="door", locked=True)
    await Peripheral(air, SENSOR).advertise(service_data("FCD2", sealed(OPEN, 7)))
    await until(lambda: house.gateway.bridges.buses[0].problem == "")
    assert house.gateway.bridges.devices["door"].device.standing.text == "down: it is locked"
    await house.ask("bridges.lock", device="door", locked=False)
    await until(house.gateway.bridges.devices["door"].values)


async def test_who_is_in_reach(air):
    await Peripheral(air, SENSOR).advertise(service_data("FCD2", sealed(OPEN, 7)), (9, b"the door"))
    [found] = await in_reach("default", 1.0, scanner=air.scanner, client=air.client)
    assert (found.address, found.name, found.kinds) == (SENSOR, "the door", {"bthome"})


async def test_an_adapter_that_is_not_there(air):
    air.adapter = False
    with pytest.raises(PaifangError, match="Bluetooth: No powered Bluetooth adapters found"):
        await in_reach("default", 0.2, scanner=air.scanner, client=air.client)
