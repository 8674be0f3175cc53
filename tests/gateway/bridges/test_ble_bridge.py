"""The bridge with a real bleak scanner and client, over bumble's controllers and virtual devices, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from ble_devices import CATALOGUE, KEY, SENSOR, TAG, bthome_data, door, meter, sealed, tag, tag_data
from bumble.gatt import Characteristic, CharacteristicValue, Service
from virtual_loop import run

from paifang.bridges.ble import ruuvi
from paifang.bridges.ble.bridge import BleBridge
from paifang.bridges.ble.devices import BleDevice
from paifang_rig.bumble_air import NO_ADAPTER, Air, Peripheral, characteristic, manufacturer, service_data
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from paifang.profiles.conversion import Reading

MINUTE = 60
METER = "C0:00:00:00:00:01"
NAME = (9, b"meter")
OPEN, SHUT = "1101", "1100"


class Told:
    """What a bridge told: newest value of each point, and states as they came."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Reading]] = {}
        self.states: list[tuple[str, bool, str]] = []
        self.times: list[tuple[str, float]] = []

    def readings(self, name: str, readings: Mapping[str, Reading], at_us: int) -> None:
        assert at_us == round(asyncio.get_running_loop().time() * 1e6)
        self.values[name] = {**self.values.get(name, {}), **readings}
        self.times.append((name, at_us / 1e6))

    def state(self, name: str, is_up: bool, why: str) -> None:
        self.states.append((name, is_up, why))

    def times_of(self, name: str) -> list[float]:
        return [time for each, time in self.times if each == name]


@asynccontextmanager
async def bridge(air: Air, *devices: BleDevice, **more: Any) -> AsyncIterator[tuple[BleBridge, Told]]:
    """It runs meanwhile."""
    told = Told()
    clock = asyncio.get_running_loop().time
    made = BleBridge(
        devices, told.readings, told.state, scanner=air.scanner, client=air.client, monotonic=clock, **more
    )
    await air.start()
    task = asyncio.create_task(made.run())
    try:
        yield made, told
        assert not task.done()
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def environment(*more: Characteristic[Any]) -> Service:
    return Service("181A", [characteristic("2A6E", b"\xca\x09"), *more])


def test_advertisements_of_every_kind():
    async def main() -> None:
        air = Air()
        thermometer = BleDevice("atc", CATALOGUE.load("atc-thermometer"), "A4:C1:38:8D:18:B2", bytes.fromhex(
            "b9ea895fac7eea6d30532432a516f3a3"))  # fmt: skip
        async with bridge(air, door(), door("locked", METER, key=KEY), tag(), thermometer) as (made, told):
            await Peripheral(air, SENSOR).advertise(service_data("FCD2", bthome_data("02CA09" + OPEN)), NAME)
            await Peripheral(air, METER).advertise(service_data("FCD2", sealed(OPEN, 7, METER)))
            await Peripheral(air, TAG).advertise(manufacturer(ruuvi.COMPANY, tag_data(205)))
            secret = bytes.fromhex("11d603fbfa7b6dfb1e26fd")
            await Peripheral(air, "A4:C1:38:8D:18:B2").advertise(service_data("181A", secret))
            await Peripheral(air, "C0:00:00:00:00:99").advertise((9, b"somebody"))
            await asyncio.sleep(10)
            assert told.values["door"] == {"temperature": (2506, messages.GOOD), "opening": (1, messages.GOOD)}
            assert told.values["locked"] == {"opening": (1, messages.GOOD)}
            assert told.values["tag"]["temperature"] == (24300, messages.GOOD)
            assert told.values["atc"]["humidity"] == (4173, messages.GOOD)
            assert sorted(told.states) == [(name, True, "") for name in ("atc", "door", "locked", "tag")]
            assert made.hearing.neighbours[SENSOR].name == "meter"
            assert made.hearing.neighbours["C0:00:00:00:00:99"].kinds == frozenset()
            assert len(told.times) == 4

    run(main())


def test_air_quality_in_extended_advertisements():
    """E1 has 40 bytes, which a legacy advertisement cannot carry."""

    async def main() -> None:
        air = Air()
        address = "CD:0D:61:D2:ED:8C"
        async with bridge(air, BleDevice("air", CATALOGUE.load("ruuvi-air"), address)) as (_, told):
            data = "E1104E4B70BD8500040008000C000E02C63700FFFFFFFFFFFF0A1F9BFCFFFFFFFFFFCD0D61D2ED8C"
            await Peripheral(air, address).advertise(manufacturer(ruuvi.COMPANY, bytes.fromhex(data)), extended=True)
            await asyncio.sleep(5)
            assert told.values["air"]["co2"] == (710, messages.GOOD)
            assert told.values["air"]["pm25"] == (8, messages.INDICATIVE)

    run(main())


def test_a_recorded_packet_moves_nothing():
    async def main() -> None:
        air = Air()
        lock = Peripheral(air, SENSOR)
        async with bridge(air, door(key=KEY)) as (made, told):
            opened = sealed(OPEN, 1000)
            await lock.advertise(service_data("FCD2", opened))
            await asyncio.sleep(5)
            await lock.advertise(service_data("FCD2", sealed(SHUT, 1001)))
            await asyncio.sleep(5)
            await lock.vanish()
            thief = Peripheral(air, SENSOR)
            await thief.advertise(service_data("FCD2", opened))
            await asyncio.sleep(5 * MINUTE)
            assert told.values["door"]["opening"] == (0, messages.GOOD)
            assert [is_up for _, is_up, _ in told.states] == [True, False]
            assert told.states[1][2].startswith("an old packet, sent again")
            assert made.hearing.beacons["door"].refused["replay"] > 200
            await thief.vanish()
            await lock.advertise(service_data("FCD2", sealed(OPEN, 1002)))
            await asyncio.sleep(5)
            assert told.values["door"]["opening"] == (1, messages.GOOD)
            assert told.states[2:] == [("door", True, "")]

    run(main())


def test_a_beacon_that_dies_is_down_within_two_intervals_and_back_by_itself():
    async def main() -> None:
        air = Air()
        there = Peripheral(air, SENSOR)
        async with bridge(air, door()) as (_, told):
            await there.advertise(service_data("FCD2", bthome_data("02CA09")))
            await asyncio.sleep(10 * MINUTE)
            assert told.states == [("door", True, "")]
            await there.vanish()
            await asyncio.sleep(2 * MINUTE - 2)
            assert told.states == [("door", True, "")]
            await asyncio.sleep(3)
            assert told.states[1:] == [("door", False, "nothing new is heard from it")]
            count = len(told.times)
            await asyncio.sleep(60 * MINUTE)
            assert (len(told.times), len(told.states)) == (count, 2)
            await there.advertise(service_data("FCD2", bthome_data("02CB09")))
            await asyncio.sleep(2)
            assert told.states[2:] == [("door", True, "")]
            assert told.values["door"]["temperature"] == (2507, messages.GOOD)

    run(main())


def test_a_server_is_read_at_its_intervals_and_left_alone_between():
    async def main() -> None:
        air = Air()
        asked: list[float] = []
        clock = asyncio.get_running_loop().time
        live = CharacteristicValue(read=lambda _: asked.append(clock()) or b"\xca\x09")
        there = Peripheral(air, METER, (Service("181A", [characteristic("2A6E", live)]),))
        async with bridge(air, meter("meter", METER)) as (_, told):
            await there.advertise(NAME)
            await asyncio.sleep(10 * MINUTE)
            assert told.values["meter"] == {"temperature": (2506, messages.GOOD), "humidity": (None, messages.ABSENT)}
            assert told.states == [("meter", True, "")]
            assert len(asked) == 10
            assert air.connected == 0

    run(main())


def test_a_server_that_is_read_often_stays_connected_and_tells_by_itself():
    async def main() -> None:
        air = Air()
        live = characteristic("2A6E", b"\xca\x09", notifies=True)
        there = Peripheral(air, METER, (Service("181A", [live]),))
        async with bridge(air, meter("meter", METER, live="20s")) as (_, told):
            await there.advertise(NAME)
            await asyncio.sleep(50)
            assert (air.connected, len(told.times)) == (1, 3)
            live.value = b"\xcb\x09"
            await there.device.notify_subscribers(live)
            await asyncio.sleep(1)
            assert told.values["meter"]["temperature"] == (2506, messages.GOOD)
            await asyncio.sleep(16)
            await there.device.notify_subscribers(live)
            await asyncio.sleep(0.1)
            assert told.values["meter"]["temperature"] == (2507, messages.GOOD)
            assert told.times_of("meter")[-1] == pytest.approx(asyncio.get_running_loop().time(), abs=0.2)

    run(main())


@pytest.mark.parametrize("live", ["20s", "1m"])
def test_a_server_that_dies_is_down_within_two_intervals_and_back_by_itself(live):
    async def main() -> None:
        air = Air()
        there = Peripheral(air, METER, (environment(),))
        interval = {"20s": 20, "1m": 60}[live]
        async with bridge(air, meter("meter", METER, live=live)) as (_, told):
            await there.advertise(NAME)
            await asyncio.sleep(5.5 * interval)
            assert told.states == [("meter", True, "")]
            await there.vanish()
            await asyncio.sleep(2 * interval)
            assert [state[:2] for state in told.states[1:]] == [("meter", False)]
            count = len(told.times)
            await asyncio.sleep(30 * MINUTE)
            assert len(told.times) == count
            await there.advertise(NAME)
            await asyncio.sleep(10)
            assert told.states[-1] == ("meter", True, "")
            await asyncio.sleep(5 * interval)
            assert told.states[-1] == ("meter", True, "")
            assert len(told.times) >= count + 5

    run(main())


def test_a_connection_that_breaks_is_made_again_before_anybody_misses_it():
    async def main() -> None:
        air = Air()
        there = Peripheral(air, METER, (environment(),))
        async with bridge(air, meter("meter", METER, live="10s")) as (_, told):
            await there.advertise(NAME)
            for _ in range(10):
                await asyncio.sleep(33)
                assert air.connected == 1
                air.cut(there)
            assert told.states == [("meter", True, "")]
            times = told.times_of("meter")
            assert max(second - first for first, second in pairwise(times)) < 20

    run(main())


def test_a_server_that_wants_a_bond_gets_one():
    async def main() -> None:
        air = Air()
        sealed_value = characteristic("2A6F", b"\x10\x27", sealed=True)
        there = Peripheral(air, METER, (environment(sealed_value),))
        async with bridge(air, meter("meter", METER, slow="1m")) as (made, told):
            await there.advertise(NAME)
            await asyncio.sleep(3 * MINUTE)
            assert told.values["meter"] == {"temperature": (2506, messages.GOOD), "humidity": (10000, messages.GOOD)}
            assert made.connections.peripherals["meter"].bond == "made"
            assert told.states == [("meter", True, "")]

    run(main())


def test_a_server_that_makes_no_bond_is_said_to_and_costs_the_others_nothing():
    async def main() -> None:
        air = Air()
        secret = Service("181A", [characteristic("2A6E", b"\xca\x09", sealed=True)])
        there = Peripheral(air, METER, (secret,), bonds=False)
        other = Peripheral(air, "C0:00:00:00:00:02", (environment(),))
        async with bridge(air, meter("meter", METER), meter("other", other.address), slots=1) as (made, told):
            await there.advertise(NAME)
            await other.advertise(NAME)
            await asyncio.sleep(10 * MINUTE)
            assert made.connections.peripherals["meter"].bond == "refused"
            [(_, _, why)] = [state for state in told.states if state[:2] == ("meter", False)]
            assert why.startswith("it answers bonded gateways only: have it accept a new one, as its manual says (")
            assert ("meter", True, "") not in told.states
            assert len(told.times_of("other")) == 10

    run(main())


def test_a_server_of_another_kind():
    async def main() -> None:
        air = Air()
        there = Peripheral(air, METER, (Service("1809", [characteristic("2A1C", bytes(5))]),))
        async with bridge(air, meter("meter", METER)) as (_, told):
            await there.advertise(NAME)
            await asyncio.sleep(12 * MINUTE)
            assert told.states == [("meter", False, "it has none of the characteristics of its profile")]
            assert told.times == []

    run(main())


def test_more_servers_than_the_adapter_can_connect():
    async def main() -> None:
        air = Air()
        devices = [meter(f"m{number}", f"C0:00:00:00:00:{number:02X}", live="10s") for number in range(1, 7)]
        async with bridge(air, *devices, slots=2) as (_, told):
            for device in devices:
                await Peripheral(air, device.address, (environment(),)).advertise(NAME)
            await asyncio.sleep(5 * MINUTE)
            assert air.most == 2
            assert sorted(told.states) == [(device.name, True, "") for device in devices]
            assert min(len(told.times_of(device.name)) for device in devices) >= 20

    run(main())


def test_an_adapter_that_is_not_there_yet_and_goes_again():
    async def main() -> None:
        air = Air()
        air.adapter = False
        beacon, server = Peripheral(air, SENSOR), Peripheral(air, METER, (environment(),))
        async with bridge(air, door(), meter("meter", METER)) as (made, told):
            await beacon.advertise(service_data("FCD2", bthome_data("02CA09")))
            await server.advertise(NAME)
            await asyncio.sleep(5 * MINUTE)
            assert told.states == [(name, False, f"Bluetooth: {NO_ADAPTER}") for name in ("door", "meter")]
            assert (made.problem, told.times) == (NO_ADAPTER, [])
            air.adapter = True
            await asyncio.sleep(35)
            assert sorted(told.states[2:]) == [("door", True, ""), ("meter", True, "")]
            assert made.problem == ""
            air.adapter = False
            await asyncio.sleep(5 * MINUTE)
            downs = told.states[4:]
            assert {name for name, is_up, _ in downs if not is_up} == {"door", "meter"}
            assert downs[-1][2] == f"Bluetooth: {NO_ADAPTER}"
            air.adapter = True
            await asyncio.sleep(35)
            assert sorted(told.states[-2:]) == [("door", True, ""), ("meter", True, "")]

    run(main())


@pytest.mark.parametrize("live", ["10s", "1m"])
def test_devices_are_added_and_removed_while_it_runs(live):
    async def main() -> None:
        air = Air()
        beacon, server = Peripheral(air, SENSOR), Peripheral(air, METER, (environment(),))
        async with bridge(air, slots=1) as (made, told):
            await beacon.advertise(service_data("FCD2", bthome_data("02CA09")))
            await server.advertise(NAME)
            for round_number in range(1, 4):
                await asyncio.sleep(MINUTE)
                count = len(told.times)
                made.add(door())
                made.add(meter("meter", METER, live=live))
                await asyncio.sleep(5)
                assert len(told.times) == count + 2
                assert air.connected == (live == "10s")
                made.remove("door")
                made.remove("meter")
                await asyncio.sleep(5 * MINUTE)
                assert len(told.times) == count + 2
                assert air.connected == 0
                assert told.states == [("door", True, ""), ("meter", True, "")] * round_number
            made.add(meter("meter", METER, live=live))
            await asyncio.sleep(5)
            made.add(meter("meter", METER, live=live))
            await asyncio.sleep(25)
            assert told.states[6:] == [("meter", True, "")] * 2

    run(main())


def test_what_was_read_of_one_device_is_never_told_of_its_successor():
    """It is replaced by one with its name, elsewhere, while a read is under way."""

    async def main() -> None:
        air = Air()
        slow = CharacteristicValue(read=lambda _: made.add(meter("meter", TAG)) or b"\x00\x10")
        there = Peripheral(air, METER, (environment(characteristic("2A6F", slow)),))
        async with bridge(air, meter("meter", METER)) as (made, told):
            await there.advertise(NAME)
            await asyncio.sleep(MINUTE)
            assert (told.times, air.connected) == ([], 0)

    run(main())


def test_the_adapter_that_is_named_and_every_packet_of_it():
    async def main() -> None:
        air = Air()
        async with bridge(air, meter("meter", METER), adapter="hci1"):
            await asyncio.sleep(1)
            assert air.asked["scanner"] == {"adapter": "hci1", "filters": {"DuplicateData": True}}
            assert air.asked["client"] == {"adapter": "hci1"}

    run(main())


def test_a_system_without_bluetooth():
    async def main() -> None:
        air = Air()
        air.scanner.start = _no_system  # as bleak where there is no D-Bus
        async with bridge(air, door()) as (_, told):
            await asyncio.sleep(5 * MINUTE)
            [(name, is_up, why)] = told.states
            assert (name, is_up) == ("door", False)
            assert why.startswith(
                "Bluetooth: the system's Bluetooth does not answer: is bluetooth.service running? (File"
            )

    run(main())


async def _no_system(_scanner: object) -> None:
    raise FileNotFoundError(2, "No such file or directory")


def test_what_nobody_foresaw_ends_one_visit_and_one_scan(caplog):
    async def main() -> None:
        air = Air()
        healthy = air.scanner.start, air.client.read_gatt_char
        air.scanner.start = _unforeseen
        there, other = Peripheral(air, METER, (environment(),)), Peripheral(air, SENSOR)
        async with bridge(air, meter("meter", METER), door()) as (_, told):
            await there.advertise(NAME)
            await other.advertise(service_data("FCD2", bthome_data("02CA09")))
            await asyncio.sleep(10)
            assert told.states == [(name, False, "Bluetooth: KeyError('path')") for name in ("door", "meter")]
            air.scanner.start, air.client.read_gatt_char = healthy[0], _unforeseen
            await asyncio.sleep(2 * MINUTE)
            assert told.states[2:] == [
                ("door", True, ""), ("meter", False, "the connection broke (KeyError('path'))"),
            ]  # fmt: skip
            air.client.read_gatt_char = healthy[1]
            await asyncio.sleep(2 * MINUTE)
            assert told.states[4:] == [("meter", True, "")]
            assert air.connected == 0

    run(main())
    assert {record.message for record in caplog.records if record.exc_info} == {
        "bridges: the Bluetooth scan failed", "bridges: the visit to meter failed",
    }  # fmt: skip


async def _unforeseen(*_: object, **__: object) -> None:
    raise KeyError("path")


def test_a_scan_that_has_died_begins_anew():
    async def main() -> None:
        air = Air()
        beacon = Peripheral(air, SENSOR)
        async with bridge(air, door()) as (_, told):
            await beacon.advertise(service_data("FCD2", bthome_data("02CA09")))
            await asyncio.sleep(10)
            air.central.remove_all_listeners("advertisement")
            await asyncio.sleep(3 * MINUTE)
            assert [is_up for _, is_up, _ in told.states] == [True, False, True]

    run(main())
