"""Names of points in the schemas of a city: exact conversions, tables with every mistake told, and what models know."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.errors import PaifangError
from paifang.profiles import city_tables, load
from paifang.profiles.catalogue import built_in
from paifang.profiles.errors import ProfileError

MODELS = json.loads((Path(__file__).parents[1] / "north" / "smart_data_models.json").read_text("utf-8"))["models"]
TABLES = sorted(city_tables.built_in())


def entry(table, point, unit, schema):
    return city_tables.naming(table).find(schema, point, unit)


@pytest.mark.parametrize(
    ("point", "unit", "value", "schema", "name", "converted"),
    [
        ("humidity", "%", "55.30", "hj212", "a01002", "55.30"),
        ("humidity", "%", "55.30", "ngsi_ld", "relativeHumidity", "0.553"),
        ("pressure", "Pa", "100044", "hj212", "a01006", "100.044"),
        ("pressure", "Pa", "100044", "ngsi_ld", "pressure", "1000.44"),
        ("energy_import", "Wh", "12340", "ngsi_ld", "totalActiveEnergyImport", "12.34"),
        ("co", "µg/m3", "1250", "hj212", "a21005", "1.25"),
        ("pm25", "\u03bcg/m3", "35.2", "hj212", "a34004", "35.2"),
        ("temperature", "K", "300.15", "hj212", "a01001", "27"),
    ],
)
def test_values_are_converted_exactly(point, unit, value, schema, name, converted):
    found, conversion = entry("common", point, unit, schema)
    assert (found.factor if schema == "hj212" else found.attribute) == name
    assert conversion(Decimal(value)) == Decimal(converted)


def test_a_conversion_without_end_keeps_three_digits_more():
    conversion = city_tables.between("J", "Wh")
    assert conversion(Decimal(1)) == Decimal("0.000")
    assert conversion(Decimal("1000.0")) == Decimal("0.2778")


@given(st.integers(-(10**12), 10**12), st.integers(-6, 6))
def test_there_and_back_is_the_same_value(wire, scale):
    value = Decimal(wire).scaleb(scale)
    there, back = city_tables.between("Pa", "kPa"), city_tables.between("kPa", "Pa")
    assert back(there(value)) == value


def test_a_name_of_another_quantity_is_none():
    assert entry("common", "temperature", "%", "hj212") is None
    assert entry("common", "temperature", "/0.1L", "hj212") is None
    assert entry("common", "particles_03um", "/0.1L", "hj212") is None


@pytest.mark.parametrize("table", TABLES)
def test_the_tables_name_attributes_that_their_models_have(table):
    found = city_tables.find(table)
    for name in found.points.values():
        if (given := name.ngsi_ld) is not None:
            attribute = MODELS[given.type]["attributes"][given.attribute]
            assert attribute["type"] == ("object" if given.key else "number")
            assert given.key is None or given.key in attribute["properties"]
    for name, kind in found.types.items():
        told = {"id", "type", "location", *kind.dates, *kind.fixed, kind.since}
        assert set(MODELS[name]["required"]) <= told
        assert MODELS[name]["subject"] in kind.context


def test_profiles_know_their_tables_and_may_say_otherwise():
    profile = load.load(built_in() / "eastron-sdm120.toml")
    naming = city_tables.naming(None, profile)
    assert naming.find("ngsi_ld", "energy", "Wh") is None
    assert naming.find("ngsi_ld", "energy_import", "Wh")[0].attribute == "totalActiveEnergyImport"
    assert city_tables.naming("common").find("ngsi_ld", "energy", "Wh") is not None
    three = city_tables.naming(None, load.load(built_in() / "abb-b23.toml"))
    assert three.find("ngsi_ld", "voltage_l2", "V")[0].key == "L2"
    assert three.table.types["ACMeasurement"].fixed == {"phaseType": "threePhase"}


TABLE = """\
name = "mine"
title = "Mine"
source = "made up"

[types.AirQualityObserved]
context = "https://example.org/context.jsonld"

[points.pm25]
hj212 = { factor = "a34004", unit = "µg/m3" }
ngsi_ld = { type = "AirQualityObserved", attribute = "pm25", unit = "µg/m3" }
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"a34004"', '"a 34"', 'mine.toml:9: points.pm25.hj212.factor: expected a factor of HJ 212, such as "a34004"'),
        ('hj212 = { factor = "a34004", unit = "µg/m3" }', 'hj212 = { factor = "a34004", unit = "mg/m" }', ":9: "),
        ('type = "Air', 'type = "Water', "there is no [types.WaterQualityObserved]; there are AirQualityObserved"),
        ("hj212", "hj211", 'points.pm25.hj211: unknown name; did you mean "hj212"?'),
        ('name = "mine"', 'name = "yours"', "mine.toml:1: name: the file is called mine.toml"),
        (
            '"made up"',
            '"made up"\nincludes = ["nothing"]',
            "includes: there is no table nothing; there are air-quality",
        ),
        ("context =", "context", "mine.toml:6: not TOML"),
        ("https://", "", "types.AirQualityObserved.context"),
    ],
)
def test_every_mistake_of_a_table_is_told_with_its_line(old, new, told, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(TABLE.replace(old, new), "utf-8")
    with pytest.raises(ProfileError) as wrong:
        city_tables.find(str(file))
    assert told in wrong.value.message


def test_a_table_of_ones_own_is_taken_from_its_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(TABLE.replace('"made up"', '"made up"\nincludes = ["noise"]'), "utf-8")
    naming = city_tables.naming(str(file))
    assert naming.find("hj212", "laeq", "dB")[0].factor == "Leq"
    file.write_text(TABLE.replace("a34004", "a34005"), "utf-8")
    assert city_tables.naming(str(file)).find("hj212", "pm25", "µg/m3")[0].factor == "a34005"
    with pytest.raises(PaifangError, match="did you mean"):
        city_tables.find("air-qualty")


def test_mistakes_of_a_profile_are_told_with_their_lines(tmp_path):
    text = (built_in() / "eastron-sdm120.toml").read_text("utf-8")
    for old, new, told in [
        (
            'city = "single-phase-meter"',
            'city = "single-phase"',
            'city: there is no table of city names "single-phase"',
        ),
        (" city = {} }", ' city = { hj212 = { factor = "x1", unit = "Whh" } } }', ":36: points.energy.city.hj212.unit"),
        (", city = {} }", " }", "ngsi_ld: ACMeasurement.totalActiveEnergyImport is energy_import already"),
    ]:
        file = tmp_path / "eastron-sdm120.toml"
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")
        with pytest.raises(ProfileError) as wrong:
            load.load(file)
        assert told in wrong.value.message
