"""A plant's SCADA at the gateway: it reads what nodes report, and writes under a delegation or not at all."""

from __future__ import annotations

import pytest
from avenue import write_key
from near_side import settings_in
from persons import Persons
from pymodbus.client import AsyncModbusTcpClient

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.server_map import QUALITY_FROM
from paifang.config.modbus_server import ModbusServerSettings, RegisterSettings
from paifang.errors import PaifangError
from paifang_wire import messages

REGISTERS = (
    RegisterSettings(point="gate-1/voltage", address=0),
    RegisterSettings(point="gate-1/power_limit", address=2, type="int32", write=True),
    RegisterSettings(point="gate-1/relay", address=10, type="bit", write=True),
    RegisterSettings(point="gate-1/lamp", address=11, type="bit", write=True),
    RegisterSettings(point="camera-9/count", address=20, type="uint16"),
)
VOLTAGE, LIMIT, RELAY = 1, 8, 16


def shown(folder, **changes):
    files = {"key": folder / "max-pressure.key", "passphrase_file": folder / "max-pressure.txt"}
    about = {"listen": "127.0.0.1:0", "allow": ("127.0.0.0/8",), "registers": REGISTERS, **files, **changes}
    return ModbusServerSettings(**about)


@pytest.fixture
async def plant(make_ward, tmp_path, monkeypatch):
    """The ward gate-1 with a server; its service's key is there, and nothing delegated to it."""
    monkeypatch.setattr("paifang.keys.keyfile._SCRYPT", (1 << 10, 8, 1))
    people = Persons()
    write_key(tmp_path, people)
    ward = await make_ward(settings={"modbus_server": shown(tmp_path)})
    ward.people.service = people.service
    client = AsyncModbusTcpClient("127.0.0.1", port=ward.house.gateway.scada.port, timeout=5, retries=0)
    assert await client.connect()
    ward.client = client
    yield ward
    client.close()


async def delegated(ward, **changes):
    await ward.ask("delegations.add", delegation=ward.people.delegation(scope=(("gate-1", "*"),), **changes).hex())


async def registers(client, first, count):
    found = await client.read_holding_registers(first, count=count)
    return found.exception_code if found.isError() else found.registers


async def voltage(client):
    return client.convert_from_registers(await registers(client, 0, 2), client.DATATYPE.FLOAT32)


async def test_what_a_node_reports_stands_in_its_registers(plant):
    client = plant.client
    assert await registers(client, 0, 4) == [0x7FC0, 0, 0x8000, 0], "nothing is known yet"
    assert await registers(client, QUALITY_FROM, 1) == [messages.ABSENT]
    await plant.report(1, {VOLTAGE: 2301, LIMIT: 5000, RELAY: 1})
    assert await voltage(client) == pytest.approx(230.1)
    assert await registers(client, 2, 2) == [0, 5000]
    assert (await client.read_coils(10, count=1)).bits[0]
    assert (await client.read_discrete_inputs(0, count=4)).bits[:4] == [True] * 4
    assert await registers(client, 20, 1) == [0xFFFF], "a node that is not there"


async def test_what_a_node_tells_late_does_not_take_the_place_of_what_is_newer(plant):
    plant.far.uptime_ms = 100_000
    plant.far.report(2, {VOLTAGE: 2301})
    plant.far.uptime_ms = 50_000
    await plant.report(1, {VOLTAGE: 2111})
    assert await voltage(plant.client) == pytest.approx(230.1)


async def test_a_client_writes_under_a_delegation(plant):
    await delegated(plant)
    assert not (await plant.client.write_coil(10, True)).isError()
    assert not (await plant.client.write_registers(2, [0, 7000])).isError()
    assert plant.node.moves == [(RELAY, 1), (LIMIT, 7000)]
    commands = [detail for _, detail in await plant.log("command")]
    assert [(each["value"], each["reason"]) for each in commands] == [
        (1, "Modbus client 127.0.0.1"),
        (7000, "Modbus client 127.0.0.1"),
    ]


async def test_without_a_delegation_nothing_is_written(plant):
    assert (await plant.client.write_coil(10, True)).exception_code == frames.DEVICE_FAILURE
    assert plant.node.commands == []


@pytest.mark.parametrize(
    ("changes", "write", "exception"),
    [
        ({}, (2, [0x7FFF, 0xFFFF]), frames.ILLEGAL_VALUE),
        ({"rate": 1}, (2, [0, 1]), frames.BUSY),
        ({"greatest_class": 0}, (2, [0, 1]), frames.DEVICE_FAILURE),
        ({}, (0, [0, 1]), frames.ILLEGAL_ADDRESS),
    ],
)
async def test_what_is_not_done_has_its_exception(plant, changes, write, exception):
    await delegated(plant, **changes)
    if "rate" in changes:
        await plant.client.write_coil(10, True)
    before = len(plant.node.moves)
    assert (await plant.client.write_registers(*write)).exception_code == exception
    assert len(plant.node.moves) == before


async def test_a_flood_of_writes_leaves_no_more_traces_than_the_rate_has(plant):
    await delegated(plant, rate=3)
    found = [await plant.client.write_coil(10, number % 2 == 0) for number in range(50)]
    assert [each.exception_code for each in found if each.isError()] == [frames.BUSY] * 47
    assert len(await plant.log()) < 20
    assert len(plant.node.moves) == 3


async def test_a_point_of_class_2_is_nobodys_to_delegate(plant):
    await delegated(plant)
    assert (await plant.client.write_coil(11, True)).exception_code == frames.DEVICE_FAILURE


async def test_a_node_that_is_not_connected_does_not_answer(plant):
    await delegated(plant)
    await plant.node.stop()
    await plant.far.hang_up()
    assert (await plant.client.write_coil(10, True)).exception_code == frames.UNREACHED


async def test_other_registers_from_a_reload_on_and_the_old_ones_when_they_cannot_be(plant, tmp_path):
    gateway = plant.house.gateway
    await plant.report(1, {VOLTAGE: 2301})
    other = shown(tmp_path, registers=(RegisterSettings(point="gate-1/voltage", address=100, type="uint16", scale=-1),))
    await gateway.reload(settings_in(gateway.settings.data, modbus_server=other))
    client = AsyncModbusTcpClient("127.0.0.1", port=gateway.scada.port, timeout=5, retries=0)
    assert await client.connect()
    assert await registers(client, 100, 1) == [2301], "what was known still is"
    twice = shown(tmp_path, registers=(REGISTERS[0], RegisterSettings(point="gate-1/relay", address=1, type="uint16")))
    with pytest.raises(PaifangError, match="gate-1/relay at unit 1, address 1"):
        await gateway.reload(settings_in(gateway.settings.data, modbus_server=twice))
    assert await registers(client, 100, 1) == [2301]
    client.close()
    assert (await plant.ask("status"))["modbus_server"]["points"] == 1


async def test_a_key_that_does_not_open_is_told_and_reading_goes_on(plant, tmp_path):
    (tmp_path / "max-pressure.txt").write_text("wrong\n")
    gateway = plant.house.gateway
    await gateway.reload(settings_in(gateway.settings.data, modbus_server=shown(tmp_path, idle_ms=5_000)))
    [finding] = [each for each in await plant.ask("check") if each["subject"] == "modbus_server"]
    assert finding["message"].startswith("clients cannot write: ")
    assert gateway.scada.port


async def test_a_port_that_cannot_be_had_leaves_the_server_as_it_was(plant, tmp_path):
    await plant.report(1, {VOLTAGE: 2301})
    gateway = plant.house.gateway
    taken = f"127.0.0.1:{gateway.tcp_address[1]}"
    with pytest.raises(PaifangError, match="Modbus clients cannot connect"):
        await gateway.reload(settings_in(gateway.settings.data, modbus_server=shown(tmp_path, listen=taken)))
    client = AsyncModbusTcpClient("127.0.0.1", port=gateway.scada.port, timeout=5, retries=0)
    assert await client.connect()
    assert await voltage(client) == pytest.approx(230.1)
    client.close()


@pytest.mark.parametrize(("by_clock", "shown_age_ms"), [(True, 400_000), (False, 400_000), (True, 200_000)])
async def test_what_was_kept_for_long_is_as_old_as_it_was_made(plant, by_clock, shown_age_ms):
    """A node sends what it has kept: its date is the node's own, or its uptime counted back from now."""
    gateway, boot = plant.house.gateway, plant.far.boot
    now_ms = gateway._clocks.utc_ms()
    gateway.store.boot("gate-1", boot).offset_ms = None if by_clock else now_ms - 1_000_000
    uptime_ms = 1_000_000 - shown_age_ms
    body = messages.encode([messages.REPORT, boot, 9, uptime_ms, None, {VOLTAGE: 2301}, {}])
    gateway.scada._note("gate-1", boot, 9, uptime_ms, now_ms - shown_age_ms if by_clock else None, now_ms, body)
    [quality] = await registers(plant.client, QUALITY_FROM, 1)
    assert quality == (messages.STALE if shown_age_ms > 300_000 else messages.GOOD)


async def test_a_value_that_is_old_is_not_shown(plant, monkeypatch):
    await plant.report(1, {VOLTAGE: 2301})
    scada = plant.house.gateway.scada
    monkeypatch.setattr(scada, "_settings", scada._settings.model_copy(update={"stale_ms": 0}))
    assert await registers(plant.client, 0, 2) == [0x7FC0, 0]
    assert await registers(plant.client, QUALITY_FROM, 1) == [messages.STALE]
