"""CJ/T 188: captured frames, what they say, what is refused and why."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.bridges.cjt188 import frame as frames
from paifang.bridges.cjt188 import reading
from paifang.bridges.cjt188.frame import ANY, Frame, decode, encode, splitter
from paifang.bridges.errors import FrameError
from paifang.bridges.values import Value

WATER, HEAT = 0x10, 0x20

QUESTIONS = {
    "68 10 44 33 22 11 00 33 78 01 03 1F 90 00 80 16": reading.read(WATER, "78330011223344", 0, low_first=True),
    "68 10 AA AA AA AA AA AA AA 01 03 1F 90 AA 7B 16": reading.read(WATER, ANY, 0xAA, low_first=True),
    "68 10 01 00 00 05 08 00 00 01 03 1F 90 00 39 16": reading.read(WATER, "805000001", 0, low_first=True),
    "68 20 32 41 31 40 00 00 00 01 03 90 1F 01 20 16": reading.read(HEAT, "40314132", 1),
    "68 AA AA AA AA AA AA AA AA 03 03 81 0A 00 49 16": reading.read_address(0),
    "68 10 69 05 90 05 15 33 78 04 04 A0 17 01 55 50 16": reading.order_valve(
        WATER, "78331505900569", 1, reading.Valve.OPEN
    ),
    "68 10 69 05 90 05 15 33 78 04 04 A0 17 01 99 94 16": reading.order_valve(
        WATER, "78331505900569", 1, reading.Valve.CLOSE
    ),
}
"""As captured, without FE -> what asks for that."""

WATER_ANSWER = (
    "68 10 01 00 00 05 08 00 00 81 16 90 1F 00 00 23 01 00 2C 00 00 00 00 2C 00 00 00 00 00 00 00 00 00 48 16"
)
NEW_METER = "68 10 88 05 27 10 15 20 00 81 16 90 1F 01 00 00 00 00 2C 00 00 00 00 2C 06 20 17 09 01 17 20 00 00 8E 16"
HEAT_ANSWER = (
    "68 20 32 41 31 40 00 00 00 81 2E 90 1F 01 08 02 00 00 00 08 02 00 00 00 17 00 00 00 00 35 00 00 00 00 "
    "2C 34 10 00 00 35 25 00 66 25 00 00 00 00 53 00 12 10 07 15 20 00 00 31 16"
)
"""A maker's heat meter that puts the unit before the number (captured, from a description of its protocol)."""

ADDRESS_ANSWER = "68 10 12 00 00 00 00 00 00 83 03 81 0A 00 9B 16"
VALVE_ANSWER = "68 10 69 05 90 05 15 33 78 84 05 A0 17 01 00 00 7C 16"
EXAMPLE = "68 10 44 33 22 11 00 33 78 81 16 1F 90 00 00 77 66 55 2C 00 77 66 55 2C 31 01 22 11 05 15 20 21 84 {} 16"
"""A much copied example: its checksum is printed as 08, and is 13."""

EVERY_FRAME = [
    bytes.fromhex(text)
    for text in (*QUESTIONS, WATER_ANSWER, NEW_METER, HEAT_ANSWER, ADDRESS_ANSWER, VALVE_ANSWER, EXAMPLE.format("13"))
]
FINE = (Value("valve_closed", content=False), Value("valve_fault", content=False), Value("battery_low", content=False))
"""What a status byte of 00 says."""
WATER_QUESTION = reading.read(WATER, "805000001", 0)

REFUSED = {
    EXAMPLE.format("08"): "checksum",
    "68 10 44 33 22 11 00 33 78 01 03 1F 90 00 81 16": "checksum",
    "68 10 44 33 22 11 00 33 78 01 04 1F 90 00 81 16": "length",
    "68 50 44 33 22 11 00 33 78 01 03 1F 90 00 C0 16": "shape",
    "68 10 44 33 22 11 00 33 78 01 03 1F 90 00 80 17": "shape",
    "68 10 44 33 22 11 0F 33 78 01 03 1F 90 00 8F 16": "address",
    "68 10 44 33 22 11 00 33 78 01 03 1F 91 00 81 16": "unknown",
    "68 10 44 33 22 11 00 33 78 01 02 1F 90 7F 16": "length",
    "68 10 44 33 22 11 00 33 78 C1 00 8E 16": "length",
    "FE FE": "length",
}


def repair(data: bytes) -> bytes:
    """The same bytes with the length and the checksum that they should have."""
    if len(data) < frames.OVERHEAD_LENGTH:
        return data
    body = data[:10] + bytes((len(data) - frames.OVERHEAD_LENGTH & 0xFF,)) + data[11:-2]
    return body + bytes((sum(body) & 0xFF, frames.END))


def answer(content: str, kind: int = WATER) -> Frame:
    return Frame(kind, "00000805000001", 0x81, frames.READ_METER, 0, bytes.fromhex(content))


@pytest.mark.parametrize(("text", "question"), QUESTIONS.items())
def test_a_question_is_the_captured_one(text, question):
    assert encode(question, preamble=0) == bytes.fromhex(text)
    assert decode(encode(question)) == question


def test_a_water_meter_that_answers_with_its_identifier_the_other_way_round():
    question, said = decode(EVERY_FRAME[2]), decode(bytes.fromhex(WATER_ANSWER))
    assert (question.low_first, said.low_first) == (True, False)
    reading.check_answer(question, said)
    assert reading.values(said) == (
        Value("total", Decimal("123.00"), "m3"),
        Value("day_total", Decimal("0.00"), "m3"),
        Value("clock", None),
        *FINE,
    )
    assert encode(said, preamble=0) == bytes.fromhex(WATER_ANSWER)


def test_a_new_water_meter_whose_clock_runs():
    said = decode(bytes.fromhex("FE FE FE " + NEW_METER))
    assert reading.values(said)[2] == Value("clock", datetime(2017, 1, 9, 17, 20, 6))  # noqa: DTZ001
    assert encode(said, preamble=0) == bytes.fromhex(NEW_METER)


def test_a_heat_meter_with_the_unit_first():
    said = decode(bytes.fromhex(HEAT_ANSWER))
    assert reading.values(said, unit_first=True) == (
        Value("day_heat", Decimal("0.02"), "MWh"),
        Value("heat", Decimal("0.02"), "MWh"),
        Value("power", Decimal("0.00"), "kW"),
        Value("flow", Decimal("0.00"), "m3/h"),
        Value("volume", Decimal("10.34"), "m3"),
        Value("supply_temperature", Decimal("25.35"), "°C"),
        Value("return_temperature", Decimal("25.66"), "°C"),
        Value("hours", Decimal(0), "h"),
        Value("clock", datetime(2015, 7, 10, 12, 0, 53)),  # noqa: DTZ001
        *FINE,
    )
    with pytest.raises(FrameError) as refused:
        reading.values(said)
    assert refused.value.reason == "unknown"


def test_fields_filled_with_ff_are_absent():
    values = reading.values(answer("ffffffff2c ffffffffff ffffffffffffff 0000"))
    assert values == (Value("total", None, "m3"), Value("day_total", None), Value("clock", None), *FINE)


def test_units_with_a_power_of_ten():
    values = reading.values(answer("7856341213 000000000a 00000000000000 0000"))
    assert values[0] == Value("total", Decimal(12345678), "GJ")
    assert values[1] == Value("day_total", Decimal(0), "MWh")


@pytest.mark.parametrize(
    ("bits", "closed", "fault", "low"),
    [("01", True, False, False), ("03", None, True, False), ("02", None, False, False), ("05", True, False, True)],
)
def test_status_bits(bits, closed, fault, low):
    said = answer(f"000000002c 000000002c 00000000000000 {bits}a5")
    assert [value.content for value in reading.status(said)] == [closed, fault, low]


def test_a_valve_that_was_opened():
    order = reading.order_valve(WATER, "78331505900569", 1, reading.Valve.OPEN)
    done = decode(bytes.fromhex(VALVE_ANSWER))
    reading.check_answer(order, done)
    assert reading.status(done) == FINE
    assert encode(done, preamble=0) == bytes.fromhex(VALVE_ANSWER)


def test_the_copied_example_with_its_true_checksum():
    said = decode(bytes.fromhex(EXAMPLE.format("13")))
    assert reading.values(said) == (
        Value("total", Decimal("556677.00"), "m3"),
        Value("day_total", Decimal("556677.00"), "m3"),
        Value("clock", datetime(2015, 5, 11, 22, 1, 31)),  # noqa: DTZ001
        Value("valve_closed", content=True),
        Value("valve_fault", content=False),
        Value("battery_low", content=False),
    )


@pytest.mark.parametrize("address", [ANY, "AA000805000001", "9" * 14])
def test_the_valve_of_one_meter(address):
    with pytest.raises(FrameError) as refused:
        reading.order_valve(WATER, address, 7, reading.Valve.CLOSE)
    assert refused.value.reason == "address"


def test_the_address_of_the_one_meter_on_the_line():
    said = decode(bytes.fromhex(ADDRESS_ANSWER))
    reading.check_answer(reading.read_address(0), said)
    reading.check_answer(reading.read_address(0, WATER), said)
    assert said.address == "00000000000012"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"control": 0x84}, "function"),
        ({"control": 0x01}, "function"),
        ({"identifier": frames.VALVE}, "function"),
        ({"address": "00000805000002"}, "address"),
        ({"kind": HEAT}, "address"),
        ({"serial": 1}, "sequence"),
        ({"control": 0xC1, "identifier": None}, "refused"),
    ],
)
def test_an_answer_belongs_to_its_question(change, reason):
    said = {"kind": WATER, "address": "00000805000001", "control": 0x81, "identifier": frames.READ_METER, "serial": 0}
    reading.check_answer(WATER_QUESTION, Frame(**said))
    with pytest.raises(FrameError) as refused:
        reading.check_answer(WATER_QUESTION, Frame(**{**said, **change}))
    assert refused.value.reason == reason


def test_a_refusal_has_no_identifier():
    refusal = decode(encode(Frame(WATER, "00000805000001", 0xC1, None, 0, b"\x04\x00")))
    with pytest.raises(FrameError, match="04 00"):
        reading.check_answer(WATER_QUESTION, refusal)
    assert refusal.identifier is None


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_what_is_no_frame_is_refused_with_its_reason(text, reason):
    with pytest.raises(FrameError) as refused:
        decode(bytes.fromhex(text))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("000000002c", "length"),
        ("000000002b 000000002c 00000000000000 0000", "unknown"),
        ("0a0000002c 000000002c 00000000000000 0000", "value"),
        ("000000002c 000000002c 06201709131720 0000", "value"),
    ],
)
def test_content_that_cannot_be(content, reason):
    with pytest.raises(FrameError) as refused:
        reading.values(answer(content))
    assert refused.value.reason == reason


def test_only_an_answer_has_values_and_status():
    with pytest.raises(FrameError) as refused:
        reading.values(WATER_QUESTION)
    assert refused.value.reason == "function"
    with pytest.raises(FrameError) as refused:
        reading.status(WATER_QUESTION)
    assert refused.value.reason == "length"


def test_too_much_data_is_not_sent():
    with pytest.raises(FrameError) as refused:
        encode(Frame(WATER, "1", 0x84, frames.VALVE, 0, bytes(98)))
    assert refused.value.reason == "length"


@given(
    st.sampled_from(sorted(frames.KINDS)),
    st.integers(0, 10**14 - 1).map("{:014d}".format),
    st.integers(0, 0xBF),
    st.sampled_from(frames.IDENTIFIERS),
    st.integers(0, 255),
    st.binary(max_size=97),
    st.booleans(),
)
def test_every_frame_survives_the_line(kind, address, control, identifier, serial, data, low_first):
    frame = Frame(kind, address, control, identifier, serial, data, low_first)
    assert splitter().feed(encode(frame)) == [frame]


def test_frames_in_any_pieces(in_pieces):
    in_pieces(splitter, EVERY_FRAME)


def test_spoiled_frames_raise_nothing_else(fuzz):
    def everything(data: bytes) -> None:
        frame = decode(data)
        reading.status(frame)
        reading.values(frame, unit_first=frame.kind == HEAT)

    seen = fuzz(everything, EVERY_FRAME, repair)
    assert min(seen[reason] for reason in ("taken", "address", "checksum", "length", "shape", "unknown", "value")) > 20
