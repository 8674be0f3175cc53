"""Bridged devices in a whole gateway, against pymodbus servers in processes of their own: over TCP, and on a PTY."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from far_side import key_of, until
from near_side import settings_in
from persons import Persons
from ward_side import BOILER, BURNER, HEAT, TEMPERATURE, VALVE

from paifang.config.bridges import BridgeSettings, DeviceSettings
from paifang.errors import PaifangError
from paifang_rig.modbus_peer import ModbusPeer
from paifang_wire import messages

UNITS = {1: {"coils": [0, 1], "words": {0: 600, 1: 77, 10: 10, 50: 0x4231, 51: 0x2D37}}}
RELAYS = {2: {"coils": [0] * 8}}


class Plant:
    """A gateway with bridges, people with keys, and the far end of its buses."""

    def __init__(self, house, people, peer, place):
        self.house, self.people, self.peer, self.place = house, people, peer, place
        self.ask = house.ask

    @property
    def bridges(self):
        return self.house.gateway.bridges

    def state(self, name="boiler-1"):
        return self.bridges.devices[name].device.standing.state

    async def is_up(self, name="boiler-1"):
        found = self.bridges.devices[name]
        await until(lambda: self.state(name) == "up" and len(found.values()) == len(found.rows))
        await self.house.gateway.store.flush()

    async def newest(self, point, name="boiler-1"):
        await self.house.gateway.store.flush()
        [reading] = await self.ask("read", node=name, point=point, limit=1)
        return reading["value"], reading["quality"]

    async def log(self, *kinds):
        await self.house.gateway.journal.record("start", "test", "test")
        found = await self.ask("audit.list", limit=1_000, first=0)
        return [entry for entry in found if entry["kind"] in kinds]


@pytest.fixture
async def make_plant(start, tmp_path):
    peers = []

    async def make(how="tcp", units=None, **device):
        link = tmp_path / "adapter"
        given = {"serial": str(link)} if how == "serial" else {"tcp": 0, "framing": how}
        peer = ModbusPeer(units or {**UNITS, **RELAYS}, **given).start()
        peers.append(peer)
        place = {"serial": link} if how == "serial" else {"tcp": f"127.0.0.1:{peer.place}", "framing": how}
        devices = (
            DeviceSettings(name="boiler-1", profile="boiler", unit=1, **device),
            DeviceSettings(name="relays", profile="modbus-relay-8", unit=2, two_persons=("relay_8",)),
        )
        (tmp_path / "data" / "profiles").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "profiles" / "boiler.toml").write_text(BOILER)
        people = Persons()
        people.write(tmp_path / "data")
        house = await start(settings_in(tmp_path / "data", bridges=(BridgeSettings(**place, devices=devices),)))
        people.ask = house.ask
        await people.load()
        return Plant(house, people, peer, place)

    yield make
    for peer in peers:
        peer.stop()


@pytest.fixture
async def plant(make_plant):
    made = await make_plant()
    await made.is_up()
    await made.is_up("relays")
    return made


@pytest.mark.parametrize("how", ["tcp", "rtu", "serial"])
async def test_readings_are_stored_and_shown_as_those_of_a_node(make_plant, how):
    plant = await make_plant(how)
    await plant.is_up()
    await plant.is_up("relays")
    assert await plant.newest("temperature") == (60.0, "good")
    assert await plant.newest("heat") == (77, "good")
    assert await plant.newest("burner") == (False, "good")
    boiler, relays = await plant.ask("nodes.list")
    assert (boiler["node"], boiler["connected"], boiler["boot"], boiler["firmware"], boiler["lost"]) == (
        ("boiler-1", True, 1, "profile boiler", 0)
    )
    assert relays["link"] == str(next(iter(plant.place.values())))
    shown = await plant.ask("nodes.show", node="boiler-1")
    assert [(point["name"], point["shown"], point["class"]) for point in shown["points"]] == [
        ("temperature", "60.0", 0),
        ("heat", "77", 0),
        ("burner", "off", 1),
        ("valve", "10", 2),
        ("pump", "on", 2),
    ]
    assert shown["bridge"]["texts"] == {"serial": "B1-7"}
    assert (await plant.ask("status"))["bridges"] == [
        {"bus": str(next(iter(plant.place.values()))), "problem": None, "faults": {}, "devices": {"up": 2}}
    ]
    assert {finding["level"] for finding in await plant.ask("check")} == {"ok"}


async def test_watchers_see_readings_and_what_comes_and_goes(make_plant):
    plant = await make_plant()
    seen = []
    async for item in plant.house.gateway.feed.watch("boiler-1"):
        seen.append(item["kind"] if item["kind"] != "node" else item["connected"])
        if seen[-1] == "reading":
            plant.peer.stop()
        if seen[-1] is False:
            break
    assert "reading" in seen


# Commands


async def test_a_direct_command_moves_the_device_and_its_receipt_says_what_was_read_back(plant):
    answer = await plant.ask("send", node="boiler-1", point="burner", value="on")
    assert (answer["verdict"], answer["before"], answer["after"], answer["class"]) == ("executed", False, True, 1)
    assert await plant.newest("burner") == (True, "good")
    [entry] = await plant.log("command")
    [verdict] = await plant.log("verdict")
    assert (entry["subject"], entry["detail"]["point"], entry["detail"]["value"]) == ("boiler-1", BURNER, 1)
    assert (verdict["detail"]["verdict"], verdict["detail"]["after"]) == ("executed", 1)
    assert (await plant.ask("commands.show", id=answer["id"]))["verdict"] == "executed"


@pytest.mark.parametrize("how", ["rtu", "serial"])
async def test_commands_over_a_line_that_many_units_share(make_plant, how):
    plant = await make_plant(how)
    await plant.is_up()
    await plant.is_up("relays")
    for value in ("on", "off", "on"):
        answer = await plant.ask("send", node="boiler-1", point="burner", value=value)
        assert (answer["verdict"], answer["after"]) == ("executed", value == "on")
    answer = await plant.people.submit("alice", "relays", "relay_1", messages.OP_OPERATE, 1)
    assert (answer["verdict"], answer["after"]) == ("executed", True)


async def test_a_class_2_point_is_selected_and_operated_by_one_signature(plant):
    with pytest.raises(PaifangError, match="class 2"):
        await plant.ask("send", node="boiler-1", point="valve", value=50)
    answer = await plant.people.submit("alice", "boiler-1", "valve", messages.OP_OPERATE, 50)
    assert (answer["verdict"], answer["before"], answer["after"], answer["person"]) == ("executed", 10, 50, "alice")
    assert [entry["detail"]["op"] for entry in await plant.log("command")] == ["select", "operate"]


async def test_two_persons_enforced_by_the_gateway(plant):
    target = await plant.people.target("relays", "relay_8")
    assert target.two_persons
    assert not (await plant.people.target("relays", "relay_1")).two_persons
    selected = await plant.people.submit("bob", "relays", "relay_8", messages.OP_SELECT, 1)
    token = bytes.fromhex(selected["token"])
    with pytest.raises(PaifangError, match="has not given out this token"):
        await plant.people.submit("bob", "relays", "relay_8", messages.OP_OPERATE, 1)
    pending = await plant.people.submit("bob", "relays", "relay_8", messages.OP_OPERATE, 1, token=token)
    assert pending["verdict"] == "pending"
    with pytest.raises(PaifangError, match="another person approves it"):
        await plant.people.approve("bob-2", pending["id"])
    answer = await plant.people.approve("carol", pending["id"])
    assert (answer["verdict"], answer["after"], answer["person"], answer["approver"]) == (
        ("executed", True, "bob", "carol")
    )
    assert [entry["actor"].split()[0] for entry in await plant.log("approval")] == ["carol"]


@pytest.mark.parametrize(
    ("point", "value", "said"),
    [
        ("temperature", 5, "can only be read"),
        ("nothing", 5, "it has temperature, heat, burner, valve, pump"),
        ("burner", 5, "say on or off"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_it_is_sent(plant, point, value, said):
    with pytest.raises(PaifangError, match=said):
        await plant.ask("send", node="boiler-1", point=point, value=value)


async def test_an_interlock_of_the_profile_holds(make_plant):
    plant = await make_plant(units={1: {"coils": [0, 1], "words": {0: 950, 1: 77, 10: 10, 50: 0, 51: 0}}})
    await plant.is_up()
    with pytest.raises(PaifangError, match="burner is locked: 1: temperature<=900"):
        await plant.ask("send", node="boiler-1", point="burner", value="on")
    assert (await plant.ask("send", node="boiler-1", point="burner", value="off"))["verdict"] == "executed"


async def test_the_safe_state_of_what_has_one(plant):
    await plant.ask("send", node="boiler-1", point="burner", value="on")
    answers = await plant.ask("safe", node="boiler-1")
    assert [(each["point"], each["verdict"], each["reason"], each["after"]) for each in answers] == [
        ("burner", "executed", None, False),
        ("valve", "refused", "unknown-op", None),
        ("pump", "executed", None, True),
    ]


async def test_an_order_is_given_once_whatever_is_handed_in(plant):
    order = await plant.people.order("alice", "relays", "relay_2", messages.OP_OPERATE, 1)
    first = await plant.ask("commands.submit", order=order.hex(), within_ms=5_000)
    again = await plant.ask("commands.submit", order=order.hex(), within_ms=5_000)
    assert (first["verdict"], again) == ("executed", first)
    assert len(await plant.log("receipt")) == 2  # of the select and of the operate


# Lifecycle


async def test_a_locked_device_is_neither_read_nor_commanded_also_after_a_restart(plant, start):
    assert (await plant.ask("bridges.lock", device="boiler-1", locked=True))["changed"]
    assert not (await plant.ask("bridges.lock", device="boiler-1", locked=True))["changed"]
    row = (await plant.ask("bridges.list"))[0]
    assert (row["locked"], row["state"], row["why"]) == (True, "down", "it is locked")
    with pytest.raises(PaifangError, match="boiler-1 is locked"):
        await plant.ask("send", node="boiler-1", point="burner", value="on")
    [entry, _] = await plant.log("bridge")
    assert (entry["subject"], entry["actor"], entry["detail"]) == ("boiler-1", "ops (uid 1000)", {"locked": True})
    await until(lambda: plant.bridges.devices["boiler-1"].device.latest.keys() == {HEAT})
    assert await plant.newest("temperature") == (None, "stale")
    assert plant.state("relays") == "up"

    await plant.house.gateway.stop()
    again = Plant(await start(plant.house.gateway.settings), plant.people, plant.peer, plant.place)
    await again.is_up("relays")
    assert again.bridges.devices["boiler-1"].device.is_locked
    await again.ask("bridges.lock", device="boiler-1", locked=False)
    await again.is_up()
    assert (await again.ask("send", node="boiler-1", point="burner", value="on"))["verdict"] == "executed"
    assert [row["boot"] for row in await again.ask("nodes.list")] == [2, 2]


async def test_a_device_that_the_settings_lock(make_plant):
    plant = await make_plant(locked=True)
    await plant.is_up("relays")
    assert plant.state() == "down"
    await plant.ask("bridges.lock", device="boiler-1", locked=False)
    await plant.is_up()


@pytest.mark.parametrize("how", ["tcp", "serial"])
async def test_what_is_gone_is_down_and_stale_and_comes_back_by_itself(make_plant, how, tmp_path):
    plant = await make_plant(how)
    await plant.is_up()
    device = plant.bridges.devices["boiler-1"].device
    plant.peer.stop()
    await until(lambda: device.standing.state == "down")
    assert str(next(iter(plant.place.values()))) in device.standing.why
    with pytest.raises(PaifangError, match="boiler-1 is down"):
        await plant.ask("send", node="boiler-1", point="burner", value="on")
    gone_ms = plant.bridges.devices["boiler-1"].uptime_ms()
    await until(lambda: TEMPERATURE not in device.latest)
    assert plant.bridges.devices["boiler-1"].uptime_ms() - gone_ms < 2 * 1_000 + 500  # two intervals, and a sweep
    assert await plant.newest("temperature") == (None, "stale")

    given = {"serial": str(tmp_path / "adapter")} if how == "serial" else {"tcp": int(plant.peer.place)}
    with ModbusPeer({**UNITS, **RELAYS}, **given):
        await plant.is_up()
        assert await plant.newest("temperature") == (60.0, "good")
        assert (await plant.ask("send", node="boiler-1", point="burner", value="on"))["verdict"] == "executed"
        await plant.house.gateway.store.flush()
        texts = [event["detail"] for event in await plant.ask("events", node="boiler-1") if event["point"] is None]
        assert [text.partition(":")[0] for text in texts] == ["profile boiler", "up", "down", "up"]


async def test_a_unit_that_is_not_there_costs_the_others_nothing(make_plant):
    plant = await make_plant("rtu", units=UNITS)
    await plant.is_up()
    await until(lambda: "it does not answer" in plant.bridges.devices["relays"].device.standing.why)
    assert plant.state() == "up"
    with pytest.raises(PaifangError, match="relays is down: it does not answer"):
        await plant.people.submit("alice", "relays", "relay_1", messages.OP_OPERATE, 1)
    [finding] = [each for each in await plant.ask("check") if each["level"] == "warning"]
    assert finding["message"] == "relays is down: it does not answer"


async def test_a_device_that_hangs_while_it_is_told_leaves_the_outcome_open(plant, monkeypatch):
    """The write has gone out and nothing comes back: nobody knows, and the answer says so."""
    _, bus = plant.bridges.bus_of("boiler-1")
    bus.taps.add(lambda way, data: plant.peer.stop() if way == "sent" and data[7] == 5 else None)
    answer = await plant.ask("send", node="boiler-1", point="burner", value="on", within_ms=1_000)
    assert (answer["verdict"], answer["after"]) == ("unknown", None)


async def test_a_sunspec_device_is_read_where_its_chain_has_the_model(make_plant, start, tmp_path):
    model = [203, 105, *[0] * 105]
    model[8], model[15], model[46:48], model[54] = 2302, 0xFFFF, [1, 0], 0
    chain = [0x5375, 0x6E53, 1, 66, *[0] * 66, *model, 0xFFFF, 0]
    units = {1: {"words": {40_000 + place: word for place, word in enumerate(chain)}}}
    device = DeviceSettings(name="inverter", profile="sunspec-203", unit=1)
    with ModbusPeer(units, tcp=0) as peer:
        bridges = (BridgeSettings(tcp=f"127.0.0.1:{peer.place}", devices=(device,)),)
        house = await start(settings_in(tmp_path / "data", bridges=bridges))
        bridged = house.gateway.bridges.devices["inverter"]
        await until(lambda: bridged.table.by_name["energy_import"].number in bridged.device.latest)
        await house.gateway.store.flush()
        for point, value in (("voltage_l1", 230.2), ("energy_import", 65_536)):
            [reading] = await house.ask("read", node="inverter", point=point, limit=1)
            assert (reading["value"], reading["quality"]) == (value, "good")
        await house.gateway.bridges.stop()


async def test_what_was_under_way_when_the_gateway_went_is_settled_when_the_device_is_back(plant, start):
    _, bus = plant.bridges.bus_of("boiler-1")
    bus.taps.add(lambda way, data: plant.peer.stop() if way == "sent" and data[7] == 5 else None)
    answer = await plant.ask("send", node="boiler-1", point="burner", value="on", within_ms=500)
    assert (answer["verdict"], answer["state"]) == ("unknown", "open")
    await plant.house.gateway.stop()
    with ModbusPeer({**UNITS, **RELAYS}, tcp=int(plant.peer.place)):
        again = Plant(await start(plant.house.gateway.settings), plant.people, plant.peer, plant.place)
        await again.is_up()
        await until(lambda: not again.house.gateway.commands.dispatcher.open)
        shown = await again.ask("commands.show", id=answer["id"])
        assert (shown["verdict"], shown["reason"], shown["state"]) == ("unknown", "not-kept", "ended")
        assert await again.newest("burner") == (False, "good")  # and it was not given once more


async def test_a_fault_of_our_own_costs_a_moment(plant, monkeypatch, caplog):
    member = plant.bridges._bus_of["boiler-1"].members["boiler-1"]
    with monkeypatch.context() as patch:
        patch.setattr(member, "readings", lambda _block, _data: 1 / 0)
        await until(lambda: "a fault of the gateway" in plant.bridges.devices["boiler-1"].device.standing.why)
    await plant.is_up()
    assert "ZeroDivisionError" in caplog.text


# Names and reloads


async def test_names_are_of_one_node_or_device(plant):
    with pytest.raises(PaifangError, match="boiler-1 is a device behind a bridge"):
        await plant.ask("nodes.add", node="boiler-1", key=key_of("boiler-1").hex(), epoch=1)
    await plant.ask("nodes.add", node="gate-1", key=key_of("gate-1").hex(), epoch=1)
    device = DeviceSettings(name="gate-1", profile="boiler", unit=1)
    changed = plant.house.gateway.settings.model_copy(
        update={"bridges": (BridgeSettings(tcp="127.0.0.1:1", devices=(device,)),)}
    )
    with pytest.raises(PaifangError, match="has the name of an enrolled node"):
        await plant.house.gateway.reload(changed)
    assert plant.state() == "up"
    with pytest.raises(PaifangError, match="not enrolled"):
        await plant.ask("nodes.remove", node="boiler-1")


async def test_a_reload_that_leaves_a_bus_as_it_is_does_not_disturb_it(plant):
    before = plant.bridges.devices["boiler-1"]
    await plant.house.gateway.reload(plant.house.gateway.settings)
    assert plant.bridges.devices["boiler-1"] is before


async def test_a_device_that_is_taken_away_leaves_its_records_and_its_name(plant):
    settings = plant.house.gateway.settings
    await plant.house.gateway.reload(settings.model_copy(update={"bridges": ()}))
    assert plant.bridges.devices == {}
    with pytest.raises(PaifangError, match="not enrolled"):
        await plant.ask("send", node="boiler-1", point="burner", value="on")
    assert len(await plant.ask("read", node="boiler-1", limit=5)) == 5
    far = await plant.house.enrolled("boiler-1")
    far.report(1)
    await far.acked_up_to(1)
    assert (await plant.ask("nodes.show", node="boiler-1"))["boots"][-1]["stored"] == 1
    await plant.ask("nodes.remove", node="boiler-1")
    await plant.house.gateway.reload(settings)
    await plant.is_up()


async def test_another_profile_is_another_life(plant, tmp_path):
    file = tmp_path / "data" / "profiles" / "boiler.toml"
    file.write_text(BOILER.replace("[points.pump]", "[points.circulation]"))
    await plant.house.gateway.reload(plant.house.gateway.settings)
    await plant.is_up()
    shown = await plant.ask("nodes.show", node="boiler-1")
    assert [point["name"] for point in shown["points"]][-1] == "circulation"
    assert shown["boot"] == 2


async def test_a_trace_tells_what_goes_over_the_bus(plant):
    told = set()
    tracing = plant.house.gateway.operations.handlers()["bridges.trace"]({"device": "boiler-1"}, None)
    async with contextlib.aclosing(tracing):
        while not {"sent: unit 1 read holding 0x0000 x 1", "heard: unit 1 read holding: 02 58"} <= told:
            item = await anext(tracing)
            told.add(f"{item['way']}: {item['told'].partition(' ')[2]}")
    assert not plant.bridges.bus_of("boiler-1")[1].taps


async def test_no_bridge_can_be_had_where_nobody_listens(make_plant, start, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    device = DeviceSettings(name="relays", profile="modbus-relay-8", unit=1)
    bridges = (BridgeSettings(tcp=f"127.0.0.1:{port}", devices=(device,)),)
    house = await start(settings_in(tmp_path / "data", bridges=bridges))
    await until(lambda: house.gateway.bridges.buses[0].problem not in ("", "not opened yet"))
    [finding] = [each for each in await house.ask("check") if each["level"] == "warning"]
    assert finding["message"].startswith(f"127.0.0.1:{port}: ")
    await asyncio.sleep(0)
    assert VALVE not in house.gateway.bridges.devices["relays"].values()
