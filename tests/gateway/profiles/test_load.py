"""What whoever writes a profile reads when it is wrong: file, line, key, what was expected, the nearest right name."""

from __future__ import annotations

import json
import re

import pytest
from written import FILE, METER, spoilt, told

from paifang.errors import EXIT_USAGE
from paifang.profiles import units
from paifang.profiles.load import ProfileError, load, parse
from paifang.profiles.model import MODELS
from paifang.profiles.schema import schema

BAD = [
    # An unknown name, with the nearest right one.
    ("max_registers", "max_register", '9: modbus.max_register: unknown name; did you mean "max_registers"?'),
    ("[groups]", "[group]", '12: group: unknown name; did you mean "groups"?'),
    ('maker = "Nobody"', 'make = "Nobody"', '3: make: unknown name; did you mean "maker"?'),
    (
        "attributes = { address = 0 }",
        "attributes = { adress = 0 }",
        '21: points.voltage.attributes.adress: unknown name; did you mean "address"?',
    ),
    ("scale = -1", "scle = -1", '21: points.voltage.properties.scle: unknown name; did you mean "scale"?'),
    # A mistake of the defaults is told once, where it stands.
    ('type = "float32" }', 'typ = "float32" }', '17: defaults.attributes.typ: unknown name; did you mean "type"?'),
    (
        '{ table = "holding", type',
        '{ table = "holdings", type',
        "17: defaults.attributes.table: expected one of 'coil'",
    ),
    # A value that is not of its kind.
    ('protocol = "modbus"', 'protocol = "modbuss"', "5: protocol: expected one of modbus, dlt645, cjt188"),
    ('live = "5s"', 'live = "5 sec"', "13: groups.live: expected a time with its unit"),
    ('live = "5s"', "live = 5", "13: groups.live: expected a time with its unit"),
    ("max_registers = 80", "max_registers = 126", "9: modbus.max_registers: expected at most 125, found 126"),
    ("address = 0 }", "address = -1 }", "21: points.voltage.attributes.address: expected at least 0, found -1"),
    (
        "address = 0 }",
        "address = 65536 }",
        "21: points.voltage.attributes.address: expected less than 65536, found 65536",
    ),
    (
        "address = 0 }",
        'address = "0x0000" }',
        '21: points.voltage.attributes.address: expected a whole number, found "0x0000"',
    ),
    ("max = 300", "max = nan", "21: points.voltage.properties.max: expected a number, found NaN"),
    ("class = 2", "class = 3", "27: points.relay.properties.class: expected at most 2, found 3"),
    (
        'name = "meter"',
        'name = "Meter 1"',
        '1: name: expected a short name of small letters, digits and "-", such as "eastron-sdm630"',
    ),
    (
        "[points.relay]",
        "[points.Relay]",
        '25: points.Relay: expected a short name of small letters, digits and "_", such as "voltage_l1"',
    ),
    ('"01 03 00 00 00 02 C4 0B"', '"01 03 0"', "31: examples[1].request: expected bytes as hexadecimal digits"),
    # Parts that do not fit one another.
    (
        'name = "meter"',
        'name = "other"',
        '1: name: the file is called meter.toml: name = "meter", or another file name',
    ),
    ('unit = "V"', 'unit = "v"', '21: points.voltage.properties.unit: there is no unit "v"; did you mean "V"?'),
    (
        'unit = "V"',
        'unit = "Ampère"',
        '21: points.voltage.properties.unit: there is no unit "Ampère"; known are V, mV, kV, A, ',
    ),
    ('unit = "kWh"', 'unit = "KWH"', '22: points.energy.attributes.unit: there is no unit "KWH"; did you mean "kWh"?'),
    ('unit = "kWh"', 'unit = "kW"', "22: points.energy.attributes.unit: kW is power, Wh is energy"),
    (
        'group = "energy"',
        'group = "enregy"',
        '22: points.energy.properties.group: there is no group "enregy"; did you mean "energy"?',
    ),
    ("min = 0", "min = 0.05", "21: points.voltage.properties.min: 0.05 is finer than scale -1 can say"),
    ("max = 300", "max = -3", "21: points.voltage.properties.min: min 0 is above max -3"),
    (
        'type = "text"',
        'type = "text", scale = 1',
        "23: points.serial.properties.scale: scale is for numbers, and this is a text",
    ),
    ("class = 2, ", "", "27: points.relay.properties.class: a point that may be set needs class = 1 or class = 2"),
    (
        'access = "read-write", ',
        "",
        '27: points.relay.properties.class: class is for points that may be set: access = "read-write"',
    ),
    ("class = 2, ", "class = 2, safe = 0, ", "27: points.relay.properties.safe: 0 is nothing that it may be set to"),
    (
        "max = 300 }",
        "max = 300, safe = 0 }",
        '21: points.voltage.properties.safe: safe is for points that may be set: access = "read-write"',
    ),
    (
        "voltage<=2530",
        "voltag<=2530",
        '27: points.relay.properties.interlock: there is no point "voltag"; did you mean "voltage"?',
    ),
    ("address = 16", "address = 0x0210", "26: points.relay.attributes.address: holding 0x0200 to 0x02ff is forbidden"),
    (
        "address = 16",
        "address = 16, bit = 3",
        "26: points.relay.attributes.bit: a bit of a register cannot be set alone",
    ),
    ("address = 16", 'table = "input", address = 16', "26: points.relay.attributes.table: input is only read"),
    (
        "address = 16",
        "address = 16, function = 5",
        "26: points.relay.attributes.function: function 5 does not write 1 of holding",
    ),
    ("address = 16", "address = 16, on = 0", "26: points.relay.attributes.on: on and off are both 0"),
    (
        "registers = 4",
        'order = "CDAB"',
        "23: points.serial.attributes.registers: how many registers: for bcd and string, and only there",
    ),
    (
        "address = 2, unit",
        "address = 0xFFFF, unit",
        "22: points.energy.attributes.address: goes beyond the last address, 0xffff",
    ),
    (
        "address = 8,",
        "address = 8, scale_register = 120,",
        "23: points.serial.attributes.address: 113 registers from 0x0008, and one request takes 80",
    ),
    (
        "values = { voltage = 230.2 }",
        "values = { voltge = 230.2 }",
        '33: examples[1].values.voltge: there is no point "voltge"; did you mean "voltage"?',
    ),
    ("values = { voltage = 230.2 }", 'values = { voltage = "x" }', "33: examples[1].values.voltage: expected a number"),
    ("values = { voltage = 230.2 }", "values = { relay = 1 }", "33: examples[1].values.relay: expected true or false"),
    ("values = { voltage = 230.2 }", "values = { serial = 1 }", "33: examples[1].values.serial: expected a text"),
    ("values = { voltage = 230.2 }", "values = {}", "33: examples[1].values: what the frame says: at least one point"),
    (
        'frame = "01 03 04 43 66 33 34 5A CF"',
        'text = "x"\nframe = "01"',
        "29: examples[1]: one of frame, bytes as hexadecimal digits, such as",
    ),
    (
        'unit = "V", scale',
        'unit = "V", quality = { rate = 1 }, scale',
        "21: points.voltage.properties.quality.rate: rate is for counters, and this is a gauge",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), BAD)
def test_a_mistake_is_told_where_it_stands(old, new, said):
    assert any(line.startswith(said) for line in told(spoilt(old, new))), told(spoilt(old, new))


def test_the_meter_is_good():
    assert told(METER) == []
    profile = parse(METER, FILE)
    assert profile.stale_ms("voltage") == 10_000
    assert profile.points["energy"].attributes.table == "holding"


def test_one_mistake_is_told_once():
    assert len(told(spoilt('type = "float32" }', 'typ = "float32" }'))) >= 1
    said = told(spoilt('{ table = "holding", type', '{ table = "holdings", type'))
    assert len(said) == 1


def test_every_mistake_is_told_in_the_order_of_the_file():
    text = spoilt('unit = "V"', 'unit = "v"').replace('group = "energy"', 'group = "e"').replace("class = 2, ", "")
    lines = [int(re.match(r"\d+", line)[0]) for line in told(text)]
    assert lines == [21, 22, 27]


def test_two_points_in_one_place_are_a_slip_of_the_pen():
    text = METER + '[points.again]\nattributes = { address = 0 }\nproperties = { unit = "A" }\n'
    assert told(text) == ["35: points.again.attributes: the same as those of voltage"]


@pytest.mark.parametrize("table", ["groups", "points", "examples"])
def test_what_has_to_be_there(table):
    found = re.sub(rf"(?ms)^\[+{table}[\].].*?(?=^\[+(?!{table})|\Z)", "", METER)
    assert any(line.startswith(f" {table}: missing") for line in told(found))


def test_an_empty_list_of_examples_is_none():
    text = METER[: METER.index("[[examples]]")].replace('source = "its manual"', 'source = "x"\nexamples = []')
    assert told(text) == ["7: examples: at least one of examples"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "1: not TOML"),
        ("= 3", "1: not TOML"),
        ("protocol = 5", "1: protocol: expected one of"),
        ('protocol = "modbus"\npoints = 3', "2: points: expected a table, found 3"),
        ('protocol = "modbus"\ndefaults = 3', "2: defaults: expected a table, found 3"),
        ('protocol = "modbus"\n[points]\na = 3', "3: points.a: expected a table, found 3"),
        (
            'protocol = "modbus"\n[points]\na = { attributes = 3 }\n[defaults]\nattributes = {}',
            "3: points.a.attributes: expected a table",
        ),
        ("x = " + "[" * 2000, "not TOML"),
    ],
)
def test_what_is_hardly_a_profile(text, said):
    assert any(said in line for line in told(text)), told(text)


def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "bad.toml").write_bytes(b'name = "a"\n\xff')
    for name, said in (("none.toml", "cannot be read: No such file"), ("bad.toml", "bad.toml:2: not UTF-8 text")):
        with pytest.raises(ProfileError, match=said) as refused:
            load(tmp_path / name)
        assert refused.value.exit_code == EXIT_USAGE


def test_the_schema_knows_every_protocol_and_every_key():
    made = schema()
    text = json.dumps(made)
    assert len(made["anyOf"]) == len(set(MODELS.values()))
    for word in ("scale_register", "wraps_at", "obis", "turnaround", '"class"', "max_registers", "defaults"):
        assert word in text
    names = made["$defs"]["ModbusAttributes"]["properties"]
    assert names["order"]["enum"] == ["ABCD", "CDAB", "BADC", "DCBA"]
    assert all("description" in key for key in names.values())
    assert "required" not in made["$defs"]["ModbusAttributes"], "the defaults may say it"


def test_units_convert_exactly_and_only_into_their_like():
    wh, gj, celsius, kelvin = map(units.find, ("Wh", "GJ", "Cel", "K"))
    gain, shift = units.conversion(gj, wh)
    assert (gain * 9, shift) == (2_500_000, 0)
    gain, shift = units.conversion(kelvin, celsius)
    assert float(300 * gain + shift) == 26.85
    fahrenheit = units.find("[degF]")
    gain, shift = units.conversion(fahrenheit, celsius)
    assert (212 * gain + shift, 32 * gain + shift) == (100, 0)
    with pytest.raises(ValueError, match="is power"):
        units.conversion(units.find("kW"), wh)
    assert [units.nearest(text) for text in ("kwh", "KVAR", "celsius?", "watt", "°c")] == ["kWh", "kvar", "", "", "°C"]
