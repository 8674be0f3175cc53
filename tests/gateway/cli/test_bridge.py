"""`paifang bridge`: from a bus that nobody knows to devices that are read, locked and traced."""

from __future__ import annotations

import contextlib
import struct

import pytest

from paifang.control.async_client import AsyncControlClient
from paifang.errors import EXIT_REFUSED, EXIT_RESOURCE, EXIT_USAGE
from paifang_rig.modbus_peer import ModbusPeer

VALUES = {0: 230.2, 6: 1.5, 12: 345.0, 18: 350, 24: 10, 30: 0.98, 70: 50.0}
COUNTERS = {72: 1000.5, 74: 0.5, 76: 10.1, 78: 0.1, 342: 1001.0, 344: 10.2}


def swapped(value: float) -> float:
    data = struct.pack(">f", value)
    return struct.unpack(">f", data[2:] + data[:2])[0]


def floats(change=float):
    return {str(address): change(value) for address, value in (VALUES | COUNTERS).items()}


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """The link to a serial line with a meter, a relay board, and a meter with its words the other way round."""
    link = tmp_path_factory.mktemp("dev") / "adapter"
    units = {1: {"input": floats()}, 2: {"coils": [0] * 8}, 3: {"input": floats(swapped)}}
    with ModbusPeer(units, serial=str(link), baud=2400):
        yield link


@pytest.fixture
def settings(paifang, line):
    paifang.data.mkdir(parents=True, exist_ok=True)
    file = paifang.data / "gateway.toml"
    file.write_text(f'[nodes.tcp]\nlisten = "127.0.0.1:0"\n\n[[bridges]]\nserial = "{line}"\nbaud = 2400\n')
    return file


@pytest.fixture
def add(inside, settings, line):
    def run(name, profile, *more):
        return inside("bridge", "add", name, profile, "--serial", line, *more)

    return run


def test_a_scan_finds_units_whatever_they_answer(inside, line):
    done = inside(
        "bridge", "scan", "--serial", line, "--baud", "2400", "--units", "9,1-3", "--timeout", "100ms", "--json"
    )
    assert [row["address"] for row in done.json] == [1, 2, 3]
    done = inside("bridge", "scan", "--serial", line, "--baud", "2400", "--units", "8,9", "--timeout", "50ms")
    assert done.code == 0
    assert done.err.startswith("nobody has answered; try another --baud")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "one of --serial, --tcp and --ble"),
        (("--tcp", "here"), 'HOST:PORT, such as "192.168.1.20:502"'),
        (("--serial", "/dev/x", "--units", "all"), 'units such as "1-20" or "1,5,7"'),
        (("--serial", "/dev/x", "--units", "0-5"), "units from 1 to 255"),
        (("--serial", "/dev/x", "--units", "1-256"), "units from 1 to 255"),
        (("--serial", "/dev/x", "--units", "5-1"), "the lesser one first, not '5-1'"),
        (("--serial", "/dev/x", "--timeout", "5"), "a time with its unit"),
    ],
)
def test_a_scan_that_cannot_be(inside, arguments, said):
    done = inside("bridge", "scan", *arguments)
    assert done.code == EXIT_USAGE
    assert said in done.err


def test_a_port_that_is_not_there(inside, tmp_path):
    done = inside("bridge", "scan", "--serial", tmp_path / "nothing")
    assert done.code == EXIT_RESOURCE
    assert done.err.startswith(f"paifang: {tmp_path}/nothing: No such file or directory; check the cable")


def test_devices_are_added_to_their_bus_and_tried(add, inside, settings):
    assert add("meter-1", "eastron-sdm120", "--unit", "1").code == 0
    assert add("relays", "modbus-relay-8", "--unit", "2").code == 0
    text = settings.read_text()
    assert text.count("[[bridges]]") == 1
    assert text.endswith('[[bridges.devices]]\nname = "relays"\nprofile = "modbus-relay-8"\nunit = 2\n')
    done = inside("bridge", "test", "meter-1")
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()][1:3] == [
        ["voltage", "230.2", "V", "good"],
        ["current", "1.500", "A", "good"],
    ]


def test_a_bus_of_its_own_goes_to_the_end_and_another_bus_stays_apart(add, inside, settings):
    assert add("meter-1", "eastron-sdm120", "--unit", "1").code == 0
    assert inside("bridge", "add", "far", "eastron-sdm630", "--tcp", "10.0.0.7:502", "--rtu", "--unit", "5").code == 0
    assert add("relays", "modbus-relay-8", "--unit", "2").code == 0
    tables = settings.read_text().split("[[bridges]]")[1:]
    assert ["relays" in table for table in tables] == [True, False]
    assert tables[1].startswith('\ntcp = "10.0.0.7:502"\nframing = "rtu"\n')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("meter-1", "eastron-sdm121", "--unit", "1"), 'did you mean "eastron-sdm120"?'),
        (("meter-1", "eastron-sdm120"), "devices[1].unit: missing: the unit id of meter-1"),
        (("meter 1", "eastron-sdm120", "--unit", "1"), "expected a short name"),
        (("meter-1", "eastron-sdm120", "--unit", "300"), "expected at most 255, found 300"),
    ],
)
def test_what_does_not_fit_is_not_added(add, settings, arguments, said):
    before = settings.read_text()
    done = add(*arguments)
    assert done.code == EXIT_USAGE
    assert said in done.err
    assert f"{settings}:" not in done.err
    assert settings.read_text() == before


def test_a_device_is_somewhere_and_has_a_unit_of_its_own(add, inside, settings):
    done = inside("bridge", "add", "meter-1", "eastron-sdm120", "--unit", "1")
    assert (done.code, done.err.split("?")[0]) == (EXIT_USAGE, "paifang: where is meter-1")
    add("meter-1", "eastron-sdm120", "--unit", "1")
    before = settings.read_text()
    done = add("meter-2", "eastron-sdm120", "--unit", "1")
    assert "meter-2 is not added: bridges[1].devices: expected each unit of a bus once: meter-1 and meter-2" in done.err
    assert settings.read_text() == before


def test_what_is_odd_about_a_device_is_told(add, inside):
    add("meter-3", "eastron-sdm120", "--unit", "3")
    add("meter-9", "eastron-sdm120", "--unit", "9")
    done = inside("bridge", "test", "meter-3")
    assert done.code == EXIT_REFUSED
    assert 'words look swapped: order = "CDAB"' in done.err
    assert "implausible: beyond what its profile takes for possible" in done.err
    done = inside("bridge", "test", "meter-9")
    assert done.code == EXIT_REFUSED
    assert "it does not answer: check wiring, power, address, baud rate and parity" in done.err
    add("meter-2", "eastron-sdm120", "--unit", "2")
    done = inside("bridge", "test", "meter-2")
    assert done.code == EXIT_REFUSED
    assert done.err.startswith("every point: refused: exception 2, illegal data address: is it this kind of device")
    done = inside("bridge", "test", "meter-4")
    assert "no bridged device meter-4; the settings have meter-3, meter-9, meter-2" in done.err


@pytest.mark.parametrize(
    ("spoken", "said", "told"),
    [("rtu", (), 'wants framing = "rtu"'), ("tcp", ("--rtu",), "one that speaks Modbus TCP wants no framing")],
)
def test_a_server_that_frames_otherwise_does_not_answer(inside, settings, spoken, said, told):
    settings.write_text("")
    with ModbusPeer({1: {"input": floats()}}, tcp=0, framing=spoken) as peer:
        place = f"127.0.0.1:{peer.place}"
        assert inside("bridge", "add", "meter-1", "eastron-sdm120", "--tcp", place, "--unit", "1", *said).code == 0
        done = inside("bridge", "test", "meter-1")
    assert done.code == EXIT_REFUSED
    assert told in done.err


async def test_a_running_gateway_lists_locks_and_traces(daemon, paifang, add, settings, line):
    add("meter-1", "eastron-sdm120", "--unit", "1")
    add("relays", "modbus-relay-8", "--unit", "2")
    daemon.file = settings
    await daemon.start()
    await daemon.logged(f"{line} is open")
    rows = (await paifang("bridge", "list", "--json")).json
    assert [(row["device"], row["address"], row["locked"]) for row in rows] == [
        ("meter-1", 1, False),
        ("relays", 2, False),
    ]
    assert (await paifang("bridge", "lock", "relays")).err == "relays is locked\n"
    assert (await paifang("bridge", "lock", "relays")).err == "relays was locked before\n"
    listed = (await paifang("bridge", "list")).out.splitlines()
    assert [line.split()[2] for line in listed] == ["LOCKED", "-", "locked"]
    assert (await paifang("bridge", "unlock", "relays")).err == "relays is unlocked\n"
    tracing = await paifang.start("bridge", "trace", "relays")
    first = (await tracing.stdout.readline()).decode()
    assert first.split()[1] in "<>"
    tracing.kill()
    await tracing.communicate()
    done = await paifang("bridge", "test", "meter-1")
    assert done.code == EXIT_RESOURCE
    assert f"{line}: another process has it; " in done.err
    assert "`paifang stop` first" in done.err
    assert "meter-1" in (await paifang("nodes")).out


def test_check_says_what_does_not_fit(add, inside, settings, line):
    add("meter-1", "eastron-sdm120", "--unit", "1")
    done = inside("check")
    assert f"bridges       {line}: meter-1" in done.out
    settings.write_text(settings.read_text().replace("sdm120", "sdm121") + f'\n[[nodes.serial]]\ndevice = "{line}"\n')
    done = inside("check")
    assert done.code == EXIT_REFUSED
    assert "no profile 'eastron-sdm121'" in done.out
    assert f"{line} is in [[nodes.serial]] and in [[bridges]]" in done.out


def test_check_says_which_points_a_bridged_device_has_not(add, inside, settings):
    add("meter-1", "eastron-sdm120", "--unit", "1")
    table = '\n[[modbus_server.registers]]\npoint = "{}"\naddress = {}\n'
    shown = enumerate(("meter-1/voltage", "meter-1/voltag", "node-1/whatever"))
    add("relays", "modbus-relay-8", "--unit", "2")
    settings.write_text(
        f"{settings.read_text()}\n[modbus_server]\nlisten = '127.0.0.1:0'\n"
        "allow = ['127.0.0.1']\nkey = 'no.key'\npassphrase_file = 'no.txt'\n"
        + "".join(table.format(point, 2 * number) for number, point in shown)
        + table.format("relays/relay_1", 9)
        + 'type = "bit"\nwrite = true\n'
    )
    rows = inside("check", "--json").json
    told = [row for row in rows if row["subject"] == "modbus_server" and row["level"] != "ok"]
    assert [(row["level"], row["message"], row["hint"]) for row in told[:2]] == [
        ("warning", "meter-1 has no point voltag: address 2 has no value", 'did you mean "meter-1/voltage"?'),
        (
            "warning",
            "relays/relay_1 is of class 2: clients cannot write it",
            "they write points of class 1: take out its write = true",
        ),
    ]


async def test_a_second_person_is_asked_for_by_name_of_who_checks(daemon, people, add, settings, line, ask):
    add("relays", "modbus-relay-8", "--unit", "2")
    settings.write_text(settings.read_text() + 'two_persons = ["relay_8"]\n')
    await daemon.start()
    async with AsyncControlClient(daemon.control) as gateway:
        people.ask = gateway.request
        await people.load(1)
        await until_up(gateway, "relays")
        done = await ask("send", "relays", "relay_7", "on")
        assert (done.code, done.out) == (0, "executed: relays relay_7 was off, reads back on\n")
        waits = await ask("send", "relays", "relay_8", "on")
        assert "relay_8 on waits for another person, two-person (gateway-enforced), until" in waits.out
        [pending] = await gateway.request("commands.pending")
        receipt = await people.approve("bob", pending["id"])
        assert (receipt["verdict"], receipt["after"], receipt["approver"]) == ("executed", True, "bob")
        await gateway.request("safe", node="relays", point="relay_7")


async def until_up(gateway, name):
    stream = gateway.stream("watch", node=name)
    async with contextlib.aclosing(stream):
        async for item in stream:
            if item["kind"] == "reading":
                return
