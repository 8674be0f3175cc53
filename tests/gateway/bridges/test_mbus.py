"""M-Bus: answers of real meters, what they say, what is refused and why; and what pyMeterBus makes of the same."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal

import meterbus
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mbus_frames import FRAMES

from paifang.bridges.errors import FrameError
from paifang.bridges.mbus import frame as frames
from paifang.bridges.mbus import telegram
from paifang.bridges.mbus.frame import ANYBODY, Acknowledged, Frame, ask, begin, data_in, decode, encode, splitter
from paifang.bridges.mbus.records import FUNCTIONS, Record, records

ASKED = ask(ANYBODY, frame_count=False)
THEIR_UNITS = {"MWh": 10**6, "min": 60, "h": 3600, "d": 86400}
"""Where pyMeterBus gives Wh and seconds."""


def answered(name: str) -> telegram.Telegram:
    return telegram.decode(data_in(ASKED, decode(FRAMES[name])))


def repair(data: bytes) -> bytes:
    """The same bytes with the lengths and the checksum that they should have."""
    body = data[4:-2][:255]
    return encode(Frame(body[0], body[1], body[2:])) if len(body) > 3 else data


def test_a_heat_meter():
    said = answered("multical_601")
    assert said.header == telegram.Header("06855817", "KAM", 8, 4, 4, 0)
    assert said.records[:11] == (
        Record("fabrication_number", "06855817", ""),
        Record("energy", Decimal(37351000), "Wh"),
        Record("volume", Decimal("561.08"), "m3"),
        Record("on_time", Decimal(985), "h"),
        Record("flow_temperature", Decimal("101.69"), "°C"),
        Record("return_temperature", Decimal("46.16"), "°C"),
        Record("temperature_difference", Decimal("55.53"), "K"),
        Record("power", Decimal(34700), "W"),
        Record("power", Decimal(44800), "W", "maximum"),
        Record("volume_flow", Decimal("0.543"), "m3/h"),
        Record("volume_flow", Decimal("0.628"), "m3/h", "maximum"),
    )
    assert Record("date", date(2010, 12, 31), "", storage=1) in said.records
    assert Record("energy", Decimal(33361000), "Wh", storage=1) in said.records
    assert not said.more


def test_the_meter_of_the_reference():
    said = answered("allmess_cf50")
    assert said.records[:2] == (Record("energy", Decimal(0), "Wh"), Record("volume", Decimal("0.3"), "m3"))
    assert said.records[7] == Record("date", date(2012, 1, 12), "")
    assert not said.more
    assert answered("berg_dz_plus").more


def test_numbers_are_exact_and_floats_are_short():
    flows = [record.content for record in answered("edc").records if record.quantity == "volume_flow"]
    assert str(flows[0]) == "0.0007070391"
    assert str(answered("abb_f95").records[1].content) == "0.0742"


def test_digits_that_are_none_mean_no_value():
    assert Record("power", None, "W", "error") in answered("abb_f95").records
    assert Record("temperature_difference", Decimal("-0.18"), "K") in answered("cf_compact").records


def test_what_a_vife_changes_is_in_the_name():
    assert Record("energy_forward", Decimal(35000), "Wh") in answered("edc").records
    assert Record("energy_backward", Decimal(465000), "Wh") in answered("edc").records
    assert Record("power_maker_03", Decimal(-320), "W", subunit=1) in answered("electricity_1").records
    assert Record("voltage_maker_01", Decimal("187.4"), "V", "minimum") in answered("emu_professional").records
    assert Record("maker_61_7f_01", Decimal(13), "") in answered("emu_professional").records
    assert Record("date_future", date(2015, 12, 31), "", storage=1) in answered("rel_padpuls2").records
    assert Record("volume_vife_28", Decimal("0.1"), "m3") in answered("sensostar_2c").records


def test_units_in_letters():
    humidity = [record for record in answered("elv_cma10").records if record.unit == "%RH"]
    assert humidity[0] == Record("custom_%RH", Decimal("54.10"), "%RH")
    assert Record("custom_cust. ID", "09LA076755", "cust. ID") in answered("itron_cyble").records


def test_times_of_all_types():
    assert Record("date_time", datetime(2016, 7, 22, 8), "", storage=1) in answered("lgb_g350").records  # noqa: DTZ001
    assert answered("amt_calec").records[-1].content == datetime(1996, 5, 5, 9, 16)  # noqa: DTZ001
    assert answered("rel_padpuls2").records[1] == Record("date_time", None, "")


def test_storage_tariff_and_subunit():
    assert Record("energy", Decimal(3000), "Wh", storage=36) in answered("minocal").records
    assert Record("energy", Decimal(7854), "Wh", tariff=1, subunit=2) in answered("emu_professional").records
    assert Record("energy", Decimal("0.5"), "MWh", storage=2) in answered("sensostar_2c").records


def test_a_number_of_sixteen_bytes():
    (record,) = answered("binary16_lvar").records
    expected = int.from_bytes(FRAMES["binary16_lvar"][25:41], "little", signed=True)
    assert record == Record("custom_PW", Decimal(expected), "PW")
    assert len(str(expected)) > 28


OTHERWISE = {("lgb_g350", 1): "a time of six bytes", ("binary16_lvar", 0): "a number of sixteen bytes"}
"""(frame, record) -> what pyMeterBus takes for something else."""

THEIR_FUNCTIONS = {
    "FunctionType.INSTANTANEOUS_VALUE": "instantaneous",
    "FunctionType.MAXIMUM_VALUE": "maximum",
    "FunctionType.MINIMUM_VALUE": "minimum",
    "FunctionType.ERROR_STATE_VALUE": "error",
}


@pytest.mark.parametrize("name", FRAMES)
def test_an_answer_is_read_as_pymeterbus_reads_it(name):
    ours = answered(name).records
    theirs = [record.interpreted for record in meterbus.load(FRAMES[name]).records]
    assert len(ours) <= len(theirs)
    for at, (record, other) in enumerate(zip(ours, theirs, strict=False)):
        if (name, at) not in OTHERWISE:
            place = (other["storage_number"], other.get("tariff", 0), other.get("device", 0))
            assert (record.storage, record.tariff, record.subunit) == place
            assert record.function == THEIR_FUNCTIONS[other["function"]]
            assert is_what(record, other["value"]), (record, other["value"])


def is_what(record: Record, other: object) -> bool:
    """Numbers to the seven digits that a float on the line has; what we call absent they show somehow."""
    match record.content:
        case None:
            return True
        case Decimal():
            scale = THEIR_UNITS.get(record.unit, 1)
            return math.isclose(float(record.content) * scale, float(other), rel_tol=1e-7)
        case datetime():
            return record.content.strftime("%Y-%m-%dT%H:%M") == other
        case date():
            return record.content.isoformat() == other
        case text:
            return text.lstrip("0") == str(other).lstrip("0")


@pytest.mark.parametrize(
    ("data", "record"),
    [
        ("00 13", Record("volume", None, "m3")),
        ("08 13", Record("volume", None, "m3")),
        ("01 93 15 05", Record("volume", None, "m3")),
        ("01 93 00 05", Record("volume", Decimal("0.005"), "m3")),
        ("01 93 70 05", Record("volume", Decimal("5E-9"), "m3")),
        ("01 93 7d 05", Record("volume", Decimal(5), "m3")),
        ("0d 13 c2 34 12", Record("volume", Decimal("1.234"), "m3")),
        ("0d 13 d2 34 12", Record("volume", Decimal("-1.234"), "m3")),
        ("0d 13 d1 fa", Record("volume", None, "m3")),
        ("0d 13 e2 ff ff", Record("volume", Decimal("-0.001"), "m3")),
        ("05 13 00 00 c0 7f", Record("volume", None, "m3")),
        ("0a 78 34 0a", Record("fabrication_number", None, "")),
        ("01 fd 17 80", Record("error_flags", Decimal(0x80), "")),
        ("01 fd 3a 80", Record("dimensionless", Decimal(-128), "")),
        ("01 6f 05", Record("unknown_6f", Decimal(5), "")),
        ("01 fd 7f 05", Record("unknown_fd_7f", Decimal(5), "")),
        ("03 6d 00 00 00", Record("date_time", None, "")),
        ("06 6d 00 80 00 00 00 00", Record("date_time", None, "")),
        ("04 6d 00 00 00 00", Record("date_time", None, "")),
    ],
)
def test_single_records(data, record):
    assert records(bytes.fromhex(data)) == ((record,), False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("04", "length"),
        ("04 13 00 00", "length"),
        ("84", "length"),
        ("84 " + "80 " * 11, "length"),
        ("04 " + "93 " * 12, "length"),
        ("0d 7c 05 41", "length"),
        ("0d 13 ca", "unknown"),
        ("0d 13 bf", "length"),
        ("0d 13 f5", "unknown"),
        ("3f 13", "unknown"),
    ],
)
def test_records_that_cannot_be(data, reason):
    with pytest.raises(FrameError) as refused:
        records(bytes.fromhex(data))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        ("70 08", "refused", "busy"),
        ("70", "refused", "unspecified"),
        ("70 63", "refused", "error 99"),
        ("73 00", "unknown", "CI 73"),
        ("72 12 34 56 78 2d 2c 08 04 04 00 00", "length", "2 bytes needed"),
        ("72 12 34 56 78 2d 2c 08 04 04 00 00 05 0c 13", "unknown", "mode 5: the key of meter 78563412"),
        ("", "length", "1 bytes needed"),
    ],
)
def test_answers_that_say_something_else(data, reason, words):
    with pytest.raises(FrameError, match=words) as refused:
        telegram.decode(bytes.fromhex(data))
    assert refused.value.reason == reason


def test_questions_are_the_captured_ones():
    assert encode(begin(1)).hex() == "1040014116"
    assert encode(ask(1, frame_count=False)).hex() == "105b015c16"
    assert encode(ask(1, frame_count=True)).hex() == "107b017c16"
    assert decode(b"\xe5") == Acknowledged()
    assert encode(Acknowledged()) == b"\xe5"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "shape"),
        ("e6", "shape"),
        ("10 5b 01 5d 16", "checksum"),
        ("10 5b 01 5c 17", "shape"),
        ("10 5b 01 5c", "length"),
        ("68 06 06 68 08 01 72 10 68 16 f9 16", "checksum"),
        ("68 06 07 68 08 01 72 10 68 16 f9 16", "shape"),
        ("68 02 02 68 08 01 09 16", "shape"),
        (
            "68 1f 1f 68 08 01 72 78 56 34 12 44 50 01 04 15 00 00 00 0c 78 78 56 34 12 04 13 15 31 00 00 11 16",
            "length",
        ),
        ("68 03", "length"),
    ],
)
def test_what_is_no_frame_is_refused_with_its_reason(text, reason):
    with pytest.raises(FrameError) as refused:
        decode(bytes.fromhex(text))
    assert refused.value.reason == reason


def test_an_answer_belongs_to_its_question():
    answer = decode(FRAMES["oms_water"])
    assert data_in(ask(frames.SELECTED, frame_count=True), answer) == data_in(ASKED, answer)
    for question, said, reason in (
        (ask(5, frame_count=True), answer, "address"),
        (ASKED, Acknowledged(), "function"),
        (ASKED, ASKED, "function"),
        (ASKED, Frame(0x53, 5, b"\x72"), "function"),
    ):
        with pytest.raises(FrameError) as refused:
            data_in(question, said)
        assert refused.value.reason == reason


@pytest.mark.parametrize("address", [-1, 251, 255])
def test_addresses_that_no_meter_has(address):
    with pytest.raises(FrameError) as refused:
        ask(address, frame_count=False)
    assert refused.value.reason == "address"


@pytest.mark.parametrize("data", [b"", bytes(254)])
def test_what_is_too_short_or_too_long_is_not_sent(data):
    with pytest.raises(FrameError) as refused:
        encode(Frame(0x53, 1, data))
    assert refused.value.reason == "length"


@given(st.integers(0, 255), st.integers(0, 255), st.none() | st.binary(min_size=1, max_size=253))
def test_every_frame_survives_the_line(control, address, data):
    frame = Frame(control, address, data)
    assert splitter().feed(encode(frame)) == [frame]


@given(st.binary(max_size=60))
def test_records_of_any_bytes(data):
    try:
        found, _ = records(data)
    except FrameError:
        return
    assert all(record.function in FUNCTIONS for record in found)


def test_frames_in_any_pieces(in_pieces):
    in_pieces(splitter, [*FRAMES.values(), encode(ASKED), b"\xe5"])


def test_spoiled_frames_raise_nothing_else(fuzz):
    seen = fuzz(lambda data: telegram.decode(data_in(ASKED, decode(data))), list(FRAMES.values()), repair)
    assert min(seen[reason] for reason in ("taken", "checksum", "function", "length", "shape", "unknown")) > 20
