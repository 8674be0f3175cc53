"""What the settings of bridges and the profiles they name have to agree on."""

from __future__ import annotations

from pathlib import Path

import pytest
from ward_side import BOILER

from paifang.bridges.lines import party_of
from paifang.bridges.plan import plan
from paifang.config.load import parse
from paifang.errors import PaifangError
from paifang.profiles.catalogue import Catalogue, built_in

FILE = Path("/etc/paifang/gateway.toml")
SDM630 = 'name = "meter-1"\nprofile = "eastron-sdm630"\nunit = 1'
RELAYS = 'name = "relays"\nprofile = "modbus-relay-8"\nunit = 2'


@pytest.fixture
def catalogue(tmp_path):
    (tmp_path / "boiler.toml").write_text(BOILER)
    return Catalogue((tmp_path, built_in()))


def settings(bus: str, *devices: str):
    tables = "\n".join(f"[[bridges.devices]]\n{device}" for device in devices)
    return parse(f"[[bridges]]\n{bus}\n{tables}\n", FILE).bridges


BAD = [
    (
        'serial = "/dev/ttyUSB0"',
        ['name = "m"\nprofile = "eastron-sdm631"\nunit = 1'],
        """bridges[1].devices[1].profile: m: no profile 'eastron-sdm631'; did you mean "eastron-sdm630"?""",
    ),
    (
        'serial = "/dev/ttyUSB0"',
        ['name = "m"\nprofile = "eastron-sdm630"'],
        "bridges[1].devices[1].unit: missing: the unit id of m",
    ),
    (
        'serial = "/dev/ttyUSB0"',
        ['name = "m"\nprofile = "eastron-sdm630"\nunit = 248'],
        "bridges[1].devices[1].unit: 248 is no unit of a serial line, which are 1 to 247",
    ),
    (
        'serial = "/dev/ttyUSB0"',
        ['name = "m"\nprofile = "dlt645-single-phase"'],
        "bridges[1].devices[1].address: missing: the address of m, as printed on it",
    ),
    (
        'serial = "/dev/ttyUSB0"',
        ['name = "m"\nprofile = "dlt645-single-phase"\nunit = 1\naddress = "1"'],
        "bridges[1].devices[1].unit: dlt645 has no unit ids, but an address",
    ),
    (
        'serial = "/dev/ttyUSB0"',
        [SDM630, 'name = "m"\nprofile = "dlt645-single-phase"\naddress = "1"'],
        "bridges[1]: one protocol a bus, not dlt645 and modbus",
    ),
    (
        'serial = "/dev/ttyUSB0"',
        [SDM630, 'name = "m"\nprofile = "eastron-sdm120"\nunit = 2'],
        (
            "bridges[1]: meter-1 wants 9600 baud 8N1, m 2400 baud 8N1: give the bus its baud, parity and stop_bits, and"
            " set the devices to them"
        ),
    ),
    (
        'tcp = "meter.example:502"',
        [f'{SDM630}\ntwo_persons = ["voltage_l1"]'],
        "bridges[1].devices[1].two_persons: voltage_l1 is of class 0, not 2",
    ),
    (
        'tcp = "meter.example:502"',
        [f'{RELAYS}\ntwo_persons = ["relay1"]'],
        'bridges[1].devices[1].two_persons: modbus-relay-8 has no point "relay1"; did you mean "relay_1"?',
    ),
    (
        'serial = "/dev/ttyUSB0"',
        ['name = "m"\nprofile = "dlt645-single-phase"\naddress = "12A4"'],
        "bridges[1].devices[1]: '12A4' is not up to 12 digits",
    ),
    (
        'serial = "/dev/ttyUSB0"',
        ['name = "m"\nprofile = "dlt645-single-phase"\naddress = "1"\npassword = "00"'],
        "bridges[1].devices[1]: meter 1: a password is P0 P1 P2 or PA P0 P1 P2, an operator C0 C1 C2 C3",
    ),
    (
        'ble = "hci0"',
        ['name = "t"\nprofile = "bthome"\naddress = "54:48:E6:8F:80:A5"\nkey = "00"'],
        "bridges[1].devices[1]: t: its key has 1 bytes, not 16",
    ),
    ('ble = "hci0"', [SDM630], "bridges[1].ble: modbus goes over serial or tcp"),
    ('tcp = "a:1"', ['name = "t"\nprofile = "ruuvi-tag"\naddress = "AA"'], "bridges[1]: ruuvi goes over ble"),
    (
        'serial = "/dev/ttyUSB0"',
        ['name = "a"\nprofile = "dsmr-p1"', 'name = "b"\nprofile = "dsmr-p1"'],
        "bridges[1].devices: a p1 port has one meter",
    ),
]


@pytest.mark.parametrize(("bus", "devices", "said"), BAD, ids=[said[:50] for _, _, said in BAD])
def test_what_does_not_fit_is_told(catalogue, bus, devices, said):
    with pytest.raises(PaifangError) as raised:
        plan(settings(bus, *devices), catalogue)
    assert said in (raised.value.message.splitlines()[0], str(raised.value))


def test_every_mistake_is_told_at_once(catalogue):
    found = settings('serial = "/dev/ttyUSB0"', 'name = "a"\nprofile = "boiler"', 'name = "b"\nprofile = "boiler"')
    with pytest.raises(PaifangError) as raised:
        plan(found, catalogue)
    assert raised.value.message.splitlines() == [
        "bridges[1].devices[1].unit: missing: the unit id of a",
        "bridges[1].devices[2].unit: missing: the unit id of b",
    ]


def test_a_bus_may_say_how_its_line_is_set(catalogue):
    found = settings('serial = "/dev/x"\nbaud = 19200\nparity = "even"', SDM630, RELAYS)
    [bus] = plan(found, catalogue)
    assert (bus.format.baud, bus.format.parity, bus.format.bits) == (19200, "even", 11)
    assert plan(found, catalogue) == [bus]


@pytest.mark.parametrize(
    ("profile", "more"),
    [
        ("eastron-sdm630", "unit = 1"),
        ("dlt645-single-phase", 'address = "110003860052"'),
        ("cjt188-water", 'address = "12345678"'),
        ("mbus-heat", 'address = "5"'),
        ("dsmr-p1", ""),
        ("kamstrup-han", ""),
    ],
)
def test_every_protocol_of_a_line_has_its_party(catalogue, profile, more):
    [bus] = plan(settings('serial = "/dev/x"', f'name = "m"\nprofile = "{profile}"\n{more}'), catalogue)
    party, members = party_of(bus, 0)
    party.add("m", members["m"])
    assert party.step(0) is not None
    party.remove("m")
    assert party.members == {}
