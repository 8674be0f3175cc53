"""DL/T 645: captured frames, what they say, what is refused and why."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.bridges.addresses import stands_for
from paifang.bridges.dlt645 import frame as frames
from paifang.bridges.dlt645 import identifiers, reading, relay
from paifang.bridges.dlt645.frame import ANY, Frame, decode, encode, splitter
from paifang.bridges.errors import FrameError
from paifang.bridges.values import Value, to_bcd

ENERGY = 0x00010000
VOLTAGE_A = 0x02010100

QUESTIONS = {
    "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16": reading.read("161", ENERGY),
    "68 61 01 00 00 00 00 68 11 04 33 34 34 35 17 16": reading.read("000000000161", VOLTAGE_A),
    "68 AA AA AA AA AA AA 68 11 04 33 33 34 33 AE 16": reading.read(ANY, ENERGY),
    "68 AA AA AA AA AA AA 68 13 00 DF 16": reading.read_address(),
    "68 03 00 00 00 00 00 68 01 02 44 E9 03 16": reading.read_1997("3", 0xB611),
}
"""As captured, without FE -> what asks for that."""

ANSWERS = {
    "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16": ("000000000161", ENERGY, "0.26", "kWh"),
    "68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16": ("000000000161", VOLTAGE_A, "100.1", "V"),
    "FE FE 68 72 00 32 09 17 20 68 91 08 33 33 34 33 B9 34 33 33 6D 16": ("201709320072", ENERGY, "1.86", "kWh"),
    "68 12 90 78 56 34 12 68 91 08 33 33 34 33 89 67 45 33 54 16": ("123456789012", ENERGY, "1234.56", "kWh"),
}

ANSWER_1997 = "68 03 00 00 00 00 00 68 81 04 44 E9 33 34 EC 16"
TRIP = "68 61 10 01 30 12 15 68 1C 10 35 6A 39 35 34 33 33 33 4D 33 33 33 33 63 45 CC 2C 16"
PERMIT = "68 61 10 01 30 12 15 68 1C 10 35 6A 39 35 34 33 33 33 4E 33 33 33 33 63 45 CC 2D 16"
TAKEN = "68 61 10 01 30 12 15 68 9C 00 35 16"
METER = "151230011061"

EVERY_FRAME = [bytes.fromhex(text) for text in (*QUESTIONS, *ANSWERS, ANSWER_1997, TRIP, PERMIT, TAKEN)]

REFUSED = {
    "68 16 00 00 00 15 20 68 11 04 35 33 B3 35 85 16": "checksum",
    "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14": "length",
    "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 17": "shape",
    "68 61 01 00 00 00 00 67 11 04 33 33 34 33 13 16": "shape",
    "68 6A 01 00 00 00 00 68 11 04 33 33 34 33 1D 16": "address",
    "FE FE FE FE": "length",
    "": "length",
}


def repair(data: bytes) -> bytes:
    """The same bytes with the length and the checksum that they should have."""
    if len(data) < frames.OVERHEAD_LENGTH:
        return data
    body = data[:9] + bytes((len(data) - frames.OVERHEAD_LENGTH & 0xFF,)) + data[10:-2]
    return body + bytes((sum(body) & 0xFF, frames.END))


def answer_to(question: Frame, content: bytes, control: int = 0x91, address: str = "000000000161") -> Frame:
    return Frame(address, control, question.data[:4] + content)


@pytest.mark.parametrize(("text", "question"), QUESTIONS.items())
def test_a_question_is_the_captured_one(text, question):
    assert encode(question, preamble=0) == bytes.fromhex(text)
    assert encode(question) == b"\xfe\xfe\xfe\xfe" + bytes.fromhex(text)
    assert decode(encode(question)) == question


@pytest.mark.parametrize(("text", "said"), ANSWERS.items())
def test_a_captured_answer_says_what_it_is_known_to_say(text, said):
    address, identifier, number, unit = said
    answer = decode(bytes.fromhex(text))
    meter = reading.Reading(address, identifier)
    assert meter.take(answer)
    (value,) = reading.values(identifier, meter.data)
    assert (value.content, str(value.content), value.unit) == (Decimal(number), number, unit)
    assert answer.address == address
    assert encode(answer, preamble=0) == bytes.fromhex(text).lstrip(b"\xfe")


def values_1997(question, answer):
    identifier = int.from_bytes(question.data, "little")
    return reading.values_1997(identifier, reading.data_1997(question, answer))


def test_a_meter_of_1997_answers():
    question = reading.read_1997("3", 0xB611)
    assert values_1997(question, decode(bytes.fromhex(ANSWER_1997))) == (Value("voltage_a", Decimal(100), "V"),)


@pytest.mark.parametrize(
    ("content", "reason"), [("44E9", "length"), ("45E933333333", "function"), ("33C33333", "function")]
)
def test_what_a_meter_of_1997_does_not_say(content, reason):
    data = bytes((byte - 0x33) & 0xFF for byte in bytes.fromhex(content))
    with pytest.raises(FrameError) as refused:
        values_1997(reading.read_1997("3", 0xB611), Frame("000000000003", 0x81, data))
    assert refused.value.reason == reason


def test_an_identifier_of_1997_that_no_table_has():
    question = reading.read_1997("3", 0xC010)
    with pytest.raises(FrameError) as refused:
        values_1997(question, Frame("000000000003", 0x81, question.data + bytes(4)))
    assert refused.value.reason == "unknown"


def test_too_much_data_is_not_sent():
    with pytest.raises(FrameError) as refused:
        encode(Frame("1", 0x14, bytes(frames.MAX_DATA_LENGTH + 1)))
    assert refused.value.reason == "length"


@pytest.mark.parametrize("number", [-1, 100])
def test_digits_that_do_not_fit(number):
    with pytest.raises(FrameError) as refused:
        to_bcd(number, 1)
    assert refused.value.reason == "value"


@pytest.mark.parametrize(("text", "action"), [(TRIP, relay.Action.TRIP), (PERMIT, relay.Action.PERMIT_CLOSING)])
def test_an_order_to_a_relay_is_the_captured_one(text, action):
    order = relay.Order(action, datetime(2099, 12, 30), 2, b"\x37\x06\x02", b"\x01\x00\x00\x00")  # noqa: DTZ001
    assert encode(relay.encode(METER, order), preamble=0) == bytes.fromhex(text)
    assert relay.decode(decode(bytes.fromhex(text))) == order
    assert "37" not in repr(order)
    reading.check_answer(relay.encode(METER, order), decode(bytes.fromhex(TAKEN)))


def test_an_order_is_for_one_meter(order):
    for address in (ANY, "9" * 12, "AA1230011061"):
        with pytest.raises(FrameError, match="more than one meter") as refused:
            relay.encode(address, order)
        assert refused.value.reason == "address"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"control": 0x11}, "function"),
        ({"data": bytes(15)}, "length"),
        ({"data": bytes(8) + b"\x19" + bytes(7)}, "unknown"),
        ({"data": bytes(8) + b"\x1a\x01" + bytes(6)}, "unknown"),
        ({"data": bytes(8) + b"\x1a" + bytes(7)}, "value"),
    ],
)
def test_what_is_no_order_is_refused(change, reason):
    with pytest.raises(FrameError) as refused:
        relay.decode(Frame(**{"address": METER, "control": relay.CONTROL, "data": b"", **change}))
    assert refused.value.reason == reason


@pytest.mark.parametrize("change", [{"level": 256}, {"password": b"\x00"}, {"operator": b""}])
def test_an_order_that_does_not_fit_is_not_sent(order, change):
    with pytest.raises(FrameError) as refused:
        relay.encode(METER, relay.Order(**{**_fields(order), **change}))
    assert refused.value.reason == "length"


def test_an_order_expires_in_this_century(order):
    with pytest.raises(FrameError) as refused:
        relay.encode(METER, relay.Order(**{**_fields(order), "expires": datetime(2100, 1, 1)}))  # noqa: DTZ001
    assert refused.value.reason == "value"


@pytest.fixture
def order():
    return relay.Order(relay.Action.TRIP, datetime(2026, 11, 28, 12), 2, bytes(3))  # noqa: DTZ001


def _fields(order: relay.Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in relay.Order.__slots__}


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_what_is_no_frame_is_refused_with_its_reason(text, reason):
    with pytest.raises(FrameError) as refused:
        decode(bytes.fromhex(text))
    assert refused.value.reason == reason
    assert refused.value.hint


def test_a_false_start_hides_no_frame():
    true_frame = encode(reading.read("888888888888", ENERGY), preamble=0)
    line = splitter()
    assert line.feed(b"\x68" + b"\xfe" * 6 + true_frame) == [decode(true_frame)]
    assert (line.skipped, line.refused) == (1, {})


def test_a_spoiled_frame_costs_itself_alone():
    good = bytes.fromhex(next(iter(ANSWERS)))
    line = splitter()
    assert line.feed(good[:-2] + b"\x00\x16" + good) == [decode(good)]
    assert (line.skipped, line.refused) == (len(good), {"checksum": 1})


def test_half_a_frame_is_forgotten_when_the_line_is_reset():
    good = bytes.fromhex(next(iter(ANSWERS)))
    line = splitter()
    assert line.feed(good[:12]) == []
    line.reset()
    assert line.feed(good) == [decode(good)]
    assert line.skipped == 12


def test_frames_in_any_pieces(in_pieces):
    in_pieces(splitter, EVERY_FRAME)


ADDRESSES = st.integers(0, 10**12 - 1).map("{:012d}".format)


@given(ADDRESSES, st.integers(0, 6), st.integers(0, 255), st.binary(max_size=frames.MAX_DATA_LENGTH), st.integers(0, 4))
def test_every_frame_survives_the_line(address, wild, control, data, preamble):
    frame = Frame("AA" * wild + address[2 * wild :], control, data)
    assert decode(encode(frame, preamble)) == frame
    assert splitter().feed(encode(frame, preamble)) == [frame]


@given(
    st.sampled_from(relay.Action),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(microsecond=0)),  # noqa: DTZ001
    st.integers(0, 255),
    st.binary(min_size=3, max_size=3),
    st.binary(min_size=4, max_size=4),
)
def test_every_order_survives_the_line(action, expires, level, password, operator):
    order = relay.Order(action, expires, level, password, operator)
    assert relay.decode(decode(encode(relay.encode(METER, order)))) == order


@pytest.mark.parametrize("address", ["1234567890123", "12A4", "1AA", "AAA", "x", "1AA2"])
def test_an_address_is_up_to_twelve_digits(address):
    with pytest.raises(FrameError) as refused:
        reading.read(address, ENERGY)
    assert refused.value.reason == "address"


def test_the_low_digits_of_an_address_stand_for_all_that_end_in_them():
    assert stands_for("AAAAAAAA0161", "999900000161")
    assert not stands_for("AAAAAAAA0161", "000000000162")
    assert stands_for(ANY, "000000000001")


def test_an_answer_belongs_to_its_question():
    meter = reading.Reading("161", ENERGY)
    late = answer_to(reading.read("161", VOLTAGE_A), b"\x01\x10")
    other = answer_to(meter.question, bytes(4), address="000000000162")
    echo = meter.question
    for answer, reason in ((late, "function"), (other, "address"), (echo, "function")):
        with pytest.raises(FrameError) as refused:
            meter.take(answer)
        assert refused.value.reason == reason
    assert meter.take(answer_to(meter.question, bytes.fromhex("26000000")))


def test_more_frames_are_asked_for_and_joined():
    meter = reading.Reading(ANY, 0x0001FF00)
    first = meter.question
    assert not meter.take(answer_to(first, bytes(4), control=0xB1))
    assert (meter.question.control, meter.question.data[-1]) == (reading.READ_NEXT, 1)
    assert meter.question.address == "000000000161"
    with pytest.raises(FrameError) as refused:
        meter.take(answer_to(first, bytes(4) + b"\x02", control=0xB2))
    assert refused.value.reason == "sequence"
    assert not meter.take(answer_to(first, b"\x01\x00\x00\x00" + b"\x01", control=0xB2))
    assert meter.take(answer_to(first, b"\x02\x00\x00\x00" + b"\x02", control=0x92))
    names = ["energy_import", "energy_import_1", "energy_import_2"]
    contents = [Decimal("0.00"), Decimal("0.01"), Decimal("0.02")]
    values = reading.values(0x0001FF00, meter.data)
    assert ([value.name for value in values], [value.content for value in values]) == (names, contents)


def test_a_meter_that_never_ends_is_stopped():
    meter = reading.Reading("161", 0x0001FF00)
    meter.take(answer_to(meter.question, bytes(4), control=0xB1))
    for part in range(1, 255):
        meter.take(answer_to(meter.question, bytes((part,)), control=0xB2))
    with pytest.raises(FrameError) as refused:
        meter.take(answer_to(meter.question, b"\xff", control=0xB2))
    assert refused.value.reason == "sequence"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (b"\x02", "no such data"),
        (b"\x04", "wrong password"),
        (b"\x05", "other error, wrong password"),
        (b"", "error byte"),
    ],
)
def test_a_refusal_comes_in_the_meters_words(error, words):
    with pytest.raises(FrameError, match=words) as refused:
        reading.Reading("161", ENERGY).take(Frame("000000000161", 0xD1, error))
    assert refused.value.reason == "refused"


def test_the_address_of_the_one_meter_on_the_line():
    answer = Frame("000000000161", 0x93, bytes.fromhex("610100000000"))
    assert reading.address_in(reading.read_address(), answer) == "000000000161"
    with pytest.raises(FrameError) as refused:
        reading.address_in(reading.read_address(), Frame("000000000161", 0x93, b"\x61"))
    assert refused.value.reason == "length"


def test_the_top_bit_is_the_sign_where_a_quantity_has_one():
    assert reading.values(0x02030000, bytes.fromhex("452381")) == (Value("power", Decimal("-1.2345"), "kW"),)
    assert reading.values(0x02060000, bytes.fromhex("0010")) == (Value("power_factor", Decimal("1.000")),)
    assert reading.values(0x02010100, bytes.fromhex("0182")) == (Value("voltage_a", Decimal("820.1"), "V"),)


def test_phases_that_a_meter_does_not_have_are_absent():
    values = reading.values(0x0201FF00, bytes.fromhex("0122 ffff ffff"))
    assert [value.content for value in values] == [Decimal("220.1"), None, None]


def test_date_time_number_and_status():
    assert reading.values(identifiers.DATE, bytes.fromhex("06281126")) == (Value("date", date(2026, 11, 28)),)
    assert reading.values(identifiers.TIME, bytes.fromhex("563412")) == (Value("time", "12:34:56"),)
    assert reading.values(identifiers.ADDRESS, bytes.fromhex("610100000000")) == (Value("address", "000000000161"),)
    assert reading.values(identifiers.STATUS_3, bytes.fromhex("1000")) == (
        Value("relay_open", content=True),
        Value("relay_command_open", content=False),
        Value("trip_warning", content=False),
    )


@pytest.mark.parametrize(
    ("identifier", "data", "reason"),
    [
        (0x02990000, "00", "unknown"),
        (ENERGY, "0000", "length"),
        (ENERGY, "", "length"),
        (ENERGY, "0000000000000000", "length"),
        (0x0201FF00, "0122ff", "length"),
        (ENERGY, "0a000000", "value"),
        (identifiers.DATE, "06311126", "value"),
        (identifiers.DATE, "0631", "length"),
        (identifiers.TIME, "603412", "value"),
        (identifiers.ADDRESS, "a00000000000", "value"),
        (identifiers.STATUS_3, "50", "length"),
    ],
)
def test_content_that_cannot_be(identifier, data, reason):
    with pytest.raises(FrameError) as refused:
        reading.values(identifier, bytes.fromhex(data))
    assert refused.value.reason == reason


def test_identifiers_are_each_one_thing():
    kinds = (identifiers.ITEMS, identifiers.BLOCKS, identifiers.DIGITS)
    assert len({key for kind in kinds for key in kind}) == sum(map(len, kinds))
    assert all(len({item.length for item in block}) == 1 for block in identifiers.BLOCKS.values())


def test_spoiled_frames_raise_nothing_else(fuzz):
    def everything(data: bytes) -> None:
        frame = decode(data)
        if frame.function == relay.CONTROL & frames.FUNCTION:
            relay.decode(frame)
        elif frame.function == reading.READ_1997:
            values_1997(reading.read_1997("3", 0xB611), frame)
        else:
            reading.values(int.from_bytes(frame.data[:4], "little"), frame.data[4:])

    seen = fuzz(everything, EVERY_FRAME, repair)
    assert min(seen[reason] for reason in ("taken", "address", "checksum", "length", "shape", "unknown", "value")) > 20
