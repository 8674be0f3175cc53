"""Registers to values: every type in every order of bytes and words, exactly, and back."""

from __future__ import annotations

import struct
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from written import FILE, METER

from paifang.profiles.conversion import NO_SENSE, NOT_THERE, Converter, row
from paifang.profiles.load import parse
from paifang.profiles.modbus import KINDS, ModbusAttributes
from paifang.profiles.model import Point, Properties, Quality
from paifang.profiles.quality import HOUR_MS, ChangeRule
from paifang.profiles.registers import RegisterReader, decode, encode, reorder
from paifang_wire import messages

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
GOOD, IMPLAUSIBLE, INDICATIVE = messages.GOOD, messages.IMPLAUSIBLE, messages.INDICATIVE


def attributes(type_="uint16", **more):
    return ModbusAttributes(table="holding", address=0, type=type_, **more)


def point(type_="uint16", properties=None, **more):
    said = {"type": "text"} if type_ == "string" else {}
    return Point(
        attributes=attributes(type_, **more), properties=Properties(group="live", **said, **(properties or {}))
    )


def read(data, type_="uint16", properties=None, **more):
    return RegisterReader(point(type_, properties, **more)).read(bytes.fromhex(data), 0)


@pytest.mark.parametrize(
    ("order", "data"), [("ABCD", "43663334"), ("CDAB", "33344366"), ("BADC", "66433433"), ("DCBA", "34336643")]
)
def test_the_four_orders_of_230_2_volts(order, data):
    assert read(data, "float32", {"scale": -1}, order=order) == (2302, GOOD)


@pytest.mark.parametrize(
    ("type_", "data", "value"),
    [
        ("uint16", "FFFE", 65534),
        ("int16", "FFFE", -2),
        ("uint32", "00010002", 65538),
        ("int32", "FFFFFFFE", -2),
        ("uint64", "0000000100000000", 1 << 32),
        ("int64", "FFFFFFFFFFFFFFFE", -2),
        ("float64", "40934A456D5CFAAD", 1235),
        ("acc32", "0012D687", 1234567),
        ("enum16", "0003", 3),
        ("bitfield32", "80000001", 0x8000_0001),
    ],
)
def test_every_type(type_, data, value):
    assert read(data, type_) == (value, GOOD)


def test_bcd_and_text():
    assert read("12345678", "bcd", registers=2) == (12345678, GOOD)
    assert read("56781234", "bcd", registers=2, order="CDAB") == (12345678, GOOD)
    assert read("1234567A", "bcd", registers=2) == NO_SENSE
    assert read("53444D3633300000", "string", registers=4) == ("SDM630", GOOD)
    assert read("4453364D30330000", "string", registers=4, order="BADC") == ("SDM630", GOOD)
    assert read("0000000000000000", "string", registers=4) == NOT_THERE
    assert read("41FF000042420000", "string", registers=4) == ("A\\xff", GOOD)


@pytest.mark.parametrize(
    ("type_", "absent"),
    [
        ("int16", "8000"),
        ("uint16", "FFFF"),
        ("int32", "80000000"),
        ("uint32", "FFFFFFFF"),
        ("uint64", "FFFFFFFFFFFFFFFF"),
        ("int64", "8000000000000000"),
        ("acc32", "00000000"),
        ("enum16", "FFFF"),
        ("float32", "7FC00000"),
        ("float64", "7FF8000000000000"),
    ],
)
def test_what_sunspec_does_not_implement_is_not_there(type_, absent):
    assert read(absent, type_, sunspec=True) == NOT_THERE
    assert (read(absent, type_) == NOT_THERE) == type_.startswith("float")
    assert read("7F800000", "float32") == NOT_THERE, "infinity is no reading"


def test_a_makers_own_word_for_nothing():
    assert read("FFFE", nan=(0xFFFE,)) == NOT_THERE
    assert read("0000FFFE", "uint32", order="CDAB", nan=(0xFFFE0000,)) == NOT_THERE
    assert read("FFFFFFFF", "bcd", registers=2, nan=(0xFFFFFFFF,)) == NOT_THERE


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("09 01 FF FF", (2305, GOOD)),  # 2305 * 10^-1
        ("00 E6 00 00", (2300, GOOD)),
        ("59 D8 FF FE", (2300, GOOD)),
        ("00 17 00 01", (2300, GOOD)),
        ("80 00 FF FF", NOT_THERE),
        ("09 01 80 00", NOT_THERE),
        ("09 01 00 0B", NO_SENSE),
    ],
)
def test_the_power_of_ten_in_another_register(data, value):
    where = {"type_": "int16", "sunspec": True, "scale_register": 1}
    assert read(data, properties={"unit": "V", "scale": -1}, **where) == value


def test_a_power_of_ten_may_stand_before_its_value():
    made = ModbusAttributes(table="holding", address=7, type="uint16", scale_register=5)
    reader = RegisterReader(Point(attributes=made, properties=Properties(group="live", scale=-2)))
    assert (made.span, reader.size) == ((5, 8), 6)
    assert reader.read(b"..." + bytes.fromhex("FFFE AAAA 04D2"), 3) == (1234, GOOD)


def test_a_float_of_the_meter_is_rounded_once_to_the_points_step():
    exact = Decimal(struct.unpack(">f", bytes.fromhex("43663334"))[0])
    assert exact != Decimal("230.2")
    assert read("43663334", "float32", {"scale": -3}) == (230200, GOOD)
    for data, tenths in ((230.25, 2302), (230.75, 2308), (-230.25, -2302)):  # half to even
        assert read(struct.pack(">f", data).hex(), "float32", {"scale": -1}) == (tenths, GOOD)


def test_units_are_converted_once_and_exactly():
    assert read("449A522B", "float32", {"unit": "Wh", "scale": 1}, unit="kWh") == (123457, GOOD)
    assert read("0001", "uint16", {"unit": "Wh"}, unit="GJ") == (277778, GOOD)
    assert read("00E6", "uint16", {"unit": "V", "scale": -1}, factor=Decimal("0.1")) == (230, GOOD)
    assert read("012C", "uint16", {"unit": "°C", "scale": -2}, unit="K") == (2685, GOOD)
    assert read("0064", "uint16", {"scale": -1}, factor=Decimal("0.5"), offset=Decimal(-40)) == (100, GOOD)


def test_limits_and_cheap_sensors():
    assert read("00E6", properties={"greatest": Decimal(229)}) == (230, IMPLAUSIBLE)
    assert read("0005", properties={"least": Decimal(6)}) == (5, IMPLAUSIBLE)
    assert read("00E6", properties={"quality": Quality(indicative=True)}) == (230, INDICATIVE)


def test_switches():
    switch = {"type": "switch"}
    assert read("0001", properties=switch) == (1, GOOD)
    assert read("0002", properties=switch) == NO_SENSE
    assert read("FFFF", properties=switch, on=0xFFFF) == (1, GOOD)
    assert read("0001", properties=switch, inverted=True) == (0, GOOD)
    assert [read("0008", properties=switch, bit=bit)[0] for bit in range(5)] == [0, 0, 0, 1, 0]
    reader = RegisterReader(point(properties=switch, on=0xFF, off=0x7F))
    assert [reader.write(value).hex() for value in (0, 1)] == ["007f", "00ff"]
    assert (reader.is_on(1), reader.read_bit(True)) == (True, (1, GOOD))
    inverted = RegisterReader(point(properties=switch, inverted=True))
    assert [inverted.write(value).hex() for value in (0, 1)] == ["0001", "0000"]


def test_what_registers_cannot_hold_is_not_written():
    reader = RegisterReader(point(properties={"scale": -1}))
    assert reader.write(2300).hex() == "00e6"
    with pytest.raises(ValueError, match=r"230\.5 is no whole number"):
        reader.write(2305)
    with pytest.raises(ValueError, match="100000 does not fit into 1 registers of uint16"):
        reader.write(1_000_000)
    with pytest.raises(ValueError, match="does not fit"):
        RegisterReader(point("bcd", registers=1)).write(-5)


NUMBERS = [name for name, kind in KINDS.items() if kind.form in {"unsigned", "signed"}]


@given(type_=st.sampled_from(NUMBERS), order=st.sampled_from(ORDERS), data=st.data())
def test_whole_numbers_survive_the_registers(type_, order, data):
    bits = 16 * KINDS[type_].words
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if KINDS[type_].form == "signed" else (0, (1 << bits) - 1)
    number = data.draw(st.integers(low, high))
    made = attributes(type_, order=order)
    assert decode(encode(Fraction(number), made), made) == number
    with pytest.raises(ValueError, match="does not fit"):
        encode(Fraction(high + 1), made)


@given(number=st.integers(0, 10**12 - 1), order=st.sampled_from(ORDERS))
def test_bcd_survives_the_registers(number, order):
    made = attributes("bcd", registers=3, order=order)
    assert decode(encode(Fraction(number), made), made) == number


@given(data=st.binary(min_size=2, max_size=16).filter(lambda data: len(data) % 2 == 0), order=st.sampled_from(ORDERS))
def test_an_order_twice_is_none(data, order):
    assert reorder(reorder(data, order), order) == data


@given(
    number=st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2**40), max_value=2**40),
    scale=st.integers(-8, 6),
    factor=st.sampled_from(["1", "10", "0.1", "0.001"]),
    order=st.sampled_from(ORDERS),
)
def test_floats_are_as_exact_as_fractions(number, scale, factor, order):
    """The quick way for float32 and the long one say the same as arithmetic without floats."""
    made = point("float32", {"scale": scale}, factor=Decimal(factor), order=order)
    data = reorder(struct.pack(">f", number), order)
    exact = Fraction(number) * Fraction(factor) / Fraction(10) ** scale
    assert RegisterReader(made).read(data, 0) == (round(exact), GOOD)


@given(
    number=st.integers(-(2**31), 2**31 - 1),
    exponent=st.integers(-10, 10),
    scale=st.integers(-6, 6),
    offset=st.sampled_from(["0", "-40", "0.5"]),
)
def test_whole_numbers_are_scaled_exactly(number, exponent, scale, offset):
    made = point("int32", {"scale": scale}, scale_register=2, offset=Decimal(offset))
    data = struct.pack(">ih", number, exponent)
    exact = (Fraction(number) * Fraction(10) ** exponent + Fraction(offset)) / Fraction(10) ** scale
    assert RegisterReader(made).read(data, 0) == (round(exact), GOOD)


@given(
    data=st.binary(min_size=8, max_size=8),
    type_=st.sampled_from(sorted(KINDS.keys() - {"bit"})),
    order=st.sampled_from(ORDERS),
)
def test_whatever_comes_is_a_reading(data, type_, order):
    more = {"registers": 4} if not KINDS[type_].words else {}
    value, quality = RegisterReader(point(type_, order=order, sunspec=True, **more)).read(data, 0)
    assert (value is None) == (quality in {messages.ABSENT, messages.GARBLED})


@given(value=st.integers(-(10**6), 10**6), scale=st.integers(-3, 3), factor=st.sampled_from(["0.1", "0.01", "1", "5"]))
def test_what_is_written_is_read_back(value, scale, factor):
    made = point("float64", {"scale": scale}, factor=Decimal(factor))
    reader = RegisterReader(made)
    assert reader.read(reader.write(value), 0) == (value, GOOD)


def test_a_codecs_own_unit_counts_where_the_profile_says_none():
    made = point("uint16", {"unit": "Wh", "scale": 1})
    assert Converter(made, "kWh").reading(Decimal("0.26")) == (26, GOOD)
    assert Converter(made, "kWh").reading("26") == NO_SENSE
    with pytest.raises(ValueError, match="is power"):
        Converter(made, "kW")


def test_a_points_row_in_a_description():
    profile = parse(METER, FILE)
    properties = {name: found.properties for name, found in profile.points.items()}
    assert row(1, "voltage", properties["voltage"]) == (1, "voltage", "V", messages.INT, -1, 0, 3000, 0, None)
    relay = (4, "relay", "", messages.BOOL, 0, 0, 1, 2, "1: voltage<=2530")
    assert row(4, "relay", properties["relay"]) == relay
    assert all(messages.fits_row(messages.POINT_SHAPE, row(1, "x", found)) for found in properties.values())


def rule(**said):
    quality = {key: said.pop(key) for key in ("step", "rate", "wraps_at") if key in said}
    return ChangeRule(Properties(group="live", quality=Quality(**quality), **said))


def test_a_counter_does_not_go_back_nor_run_away():
    counter = rule(kind="counter", scale=1, rate=Decimal(15_000))
    assert counter.quality(100, 100, 1000) == GOOD
    assert counter.quality(100, 99, 1000) == IMPLAUSIBLE
    assert counter.quality(100, 0, HOUR_MS) == IMPLAUSIBLE, "a meter that was reset is told"
    assert counter.quality(0, 1500, HOUR_MS) == GOOD
    assert counter.quality(0, 1600, HOUR_MS) == IMPLAUSIBLE
    assert counter.quality(0, 25, 100) == GOOD, "it may tell late what it counted before"


def test_a_counter_that_begins_again():
    counter = rule(kind="counter", wraps_at=Decimal(1_000_000))
    assert counter.quality(999_990, 5, 1000) == GOOD
    assert counter.increase(999_990, 5) == 15
    assert rule(kind="counter").increase(999_990, 5) < 0


def test_a_gauge_that_jumps():
    gauge = rule(scale=-1, step=Decimal(5))
    assert [gauge.quality(200, after, 1000) for after in (250, 150, 251, 149)] == [GOOD, GOOD, IMPLAUSIBLE, IMPLAUSIBLE]
    assert rule().quality(0, 10**9, 1) == GOOD
