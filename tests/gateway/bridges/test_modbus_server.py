"""The Modbus TCP server without its connections: what stands where, and which exception is whose."""

from __future__ import annotations

import random
import struct
from fractions import Fraction

import pytest
from shown_ward import GOOD, READ_ONLY, Ward

from paifang.bridges.errors import FrameError
from paifang.bridges.modbus import frames
from paifang.bridges.modbus.server import DONE, Adu, Adus, Write
from paifang.bridges.modbus.server_map import QUALITY_FROM, Entry, RegisterMap, Shown
from paifang.errors import PaifangError
from paifang_wire import messages


@pytest.fixture
def ward():
    return Ward()


# What stands where


@pytest.mark.parametrize("function", [3, 4])
def test_values_stand_where_the_map_says_as_holding_and_as_input_registers(ward, function):
    data = ward.registers(0, 12, function=function)
    assert struct.unpack(">fiHh", data[:12]) == (1234.5, 12345, 2302, -150)
    assert struct.unpack(">f", data[14:16] + data[12:14]) == (21.5,), "CDAB: the low word first"
    assert struct.unpack(">q", data[16:]) == (-5,)
    assert struct.unpack(">d", ward.registers(0, 4, unit=7)) == (0.1,)


def test_switches_are_coils_and_what_is_good_is_a_discrete_input(ward):
    assert ward.ask("01 0014 0002").hex() == "010101"
    assert ward.ask("02 0000 0008").hex() == "0201ef", "the voltage at 4 is an indication only"
    assert ward.ask("02 0014 0002").hex() == "020103"


@pytest.mark.parametrize("quality", [messages.ABSENT, messages.STALE, messages.GARBLED, messages.FAULT, messages.MUTE])
def test_where_there_is_no_value_nothing_is_made_up(ward, quality):
    """A value that is old is not shown either."""
    for key in ward.now:
        ward.now[key] = Shown(Fraction(1), quality)
    assert ward.registers(0, 12).hex() == "7fc0000080000000ffff800000007fc08000000000000000"
    assert ward.ask("02 0000 000c").hex() == "02020000"
    assert ward.ask("01 0014 0001").hex() == "010100"
    assert ward.registers(QUALITY_FROM, 12) == quality.to_bytes(2) * 12


def test_why_a_value_is_not_good_stands_beside_it(ward):
    assert ward.registers(QUALITY_FROM, 6).hex() == "0000" * 4 + "0008" + "0000"
    ward.now["meter-1", "energy"] = Shown(None, GOOD)
    assert ward.registers(QUALITY_FROM + 2, 2) == messages.ABSENT.to_bytes(2) * 2
    ward.now["relays", "relay_1"] = Shown(None, GOOD)
    assert ward.registers(QUALITY_FROM + 20, 1) == messages.ABSENT.to_bytes(2)


@pytest.mark.parametrize(("point", "value", "at"), [("voltage", 7000, 4), ("flow", -400, 5), ("energy", 10**12, 2)])
def test_a_value_that_does_not_fit_is_none(ward, point, value, at):
    ward.now["meter-1", point] = Shown(Fraction(value), GOOD)
    assert ward.registers(QUALITY_FROM + at, 1) == messages.OUT_OF_RANGE.to_bytes(2)


def test_units_0_and_255_are_the_first_one(ward):
    assert ward.registers(0, 2, unit=0) == ward.registers(0, 2, unit=255) == ward.registers(0, 2)


# Exceptions


@pytest.mark.parametrize(
    ("pdu", "exception"),
    [
        ("05 0014 ff00", frames.ILLEGAL_FUNCTION),
        ("06 0005 0001", frames.ILLEGAL_FUNCTION),
        ("10 0006 0002 04 00000000", frames.ILLEGAL_FUNCTION),
        ("2b 0e 01 00", frames.ILLEGAL_FUNCTION),
        ("03 000c 0001", frames.ILLEGAL_ADDRESS),
        ("03 0000 000d", frames.ILLEGAL_ADDRESS),
        ("03 0000 0001", frames.ILLEGAL_ADDRESS),
        ("03 0001 0001", frames.ILLEGAL_ADDRESS),
        ("03 0014 0001", frames.ILLEGAL_ADDRESS),
        ("01 0000 0001", frames.ILLEGAL_ADDRESS),
        ("02 000c 0001", frames.ILLEGAL_ADDRESS),
        ("03 ffff 0002", frames.ILLEGAL_ADDRESS),
        ("03 800c 0001", frames.ILLEGAL_ADDRESS),
        ("03 0000 0000", frames.ILLEGAL_VALUE),
        ("03 0000 007e", frames.ILLEGAL_VALUE),
        ("01 0014 07d1", frames.ILLEGAL_VALUE),
        ("03 0000 00", frames.ILLEGAL_VALUE),
        ("03 0000 0002 00", frames.ILLEGAL_VALUE),
    ],
)
def test_what_cannot_be_answered_has_the_exception_of_the_standard(pdu, exception):
    ward = Ward(READ_ONLY)
    data = bytes.fromhex(pdu)
    assert ward.ask(pdu) == bytes((data[0] | 0x80, exception))
    assert ward.server.refused == {exception: 1}


@pytest.mark.parametrize(
    ("pdu", "exception"),
    [
        ("05 0015 ff00", frames.ILLEGAL_ADDRESS),
        ("05 0005 ff00", frames.ILLEGAL_ADDRESS),
        ("06 0004 0001", frames.ILLEGAL_ADDRESS),
        ("06 0006 0001", frames.ILLEGAL_ADDRESS),
        ("10 0005 0003 06 000100000000", frames.ILLEGAL_ADDRESS),
        ("05 0014 0001", frames.ILLEGAL_VALUE),
        ("0f 0014 0002 01 03", frames.ILLEGAL_VALUE),
        ("10 0006 0002 03 000000", frames.ILLEGAL_VALUE),
        ("10 0006 0002 04 00007fc0", frames.ILLEGAL_VALUE),
        ("10 0006 0002 04 00007f80", frames.ILLEGAL_VALUE),
        ("06 0005 8000", frames.ILLEGAL_VALUE),
    ],
)
def test_what_cannot_be_written(ward, pdu, exception):
    assert ward.ask(pdu) == bytes((bytes.fromhex(pdu)[0] | 0x80, exception))


def test_a_unit_that_is_not_there_is_a_device_that_does_not_answer(ward):
    assert ward.ask("03 0000 0002", unit=2) == bytes((0x83, frames.UNREACHED))


@pytest.mark.parametrize(
    ("pdu", "point", "value"),
    [
        ("05 0014 0000", "relay_1", 0),
        ("0f 0014 0001 01 01", "relay_1", 1),
        ("06 0005 ff6a", "flow", Fraction("-1.5")),
        ("10 0005 0001 02 0096", "flow", Fraction("1.5")),
        ("10 0006 0002 04 00004120", "setpoint", 10),
    ],
)
def test_a_write_is_somebody_elses_to_decide(ward, pdu, point, value):
    write = ward.ask(pdu)
    assert isinstance(write, Write)
    assert (write.entry.point, write.value) == (point, value)
    assert ward.server.decided(write, DONE) == bytes.fromhex(pdu)[:5]
    assert ward.server.decided(write, frames.DEVICE_FAILURE) == bytes((write.answer[0] | 0x80, 4))


@pytest.mark.parametrize(
    ("other", "taken"),
    [
        (Entry(1, 1, "b", "y", "uint16"), "1: a/x has it"),
        (Entry(1, QUALITY_FROM - 1, "b", "y", "float32"), "32768: 32768 and up have it"),
    ],
)
def test_two_points_at_one_address_are_a_mistake(other, taken):
    with pytest.raises(PaifangError, match=f"b/y at unit 1, address {taken}") as refused:
        RegisterMap([Entry(1, 0, "a", "x", "float32"), other])
    assert "address of its own" in refused.value.hint


# Bytes of a connection


def test_requests_come_in_any_pieces():
    dice = random.Random(1)
    lengths = (1, 253, *(dice.randint(1, 253) for _ in range(200)))
    sent = [Adu(number, number % 3, dice.randbytes(length)) for number, length in enumerate(lengths)]
    stream = b"".join(adu.data for adu in sent)
    adus, found = Adus(), []
    while stream:
        length = dice.randint(1, 300)
        found += adus.feed(stream[:length])
        stream = stream[length:]
    assert found == sent


@pytest.mark.parametrize("data", ["0001 0001 0006 01", "0001 0000 0001 01", "0001 0000 00ff 01"])
def test_what_is_no_modbus_tcp_is_refused(data):
    with pytest.raises(FrameError) as refused:
        Adus().feed(bytes.fromhex(data))
    assert refused.value.reason in {"shape", "length"}


def test_spoiled_requests_are_answered_or_refused_and_nothing_else(ward, fuzz):
    frames_ = [
        Adu(1, 1, bytes.fromhex(pdu)).data
        for pdu in (
            "03 0000 000c",
            "04 8000 000c",
            "01 0014 0002",
            "02 0000 000c",
            "05 0014 ff00",
            "06 0005 0001",
            "0f 0014 0001 01 01",
            "10 0006 0002 04 00004120",
        )
    ]

    def answer(data):
        for adu in Adus().feed(data):
            found = ward.server.answer(adu.unit, adu.pdu)
            pdu = found.answer if isinstance(found, Write) else found
            assert pdu[0] & 0x7F == adu.pdu[0] & 0x7F
            assert 2 <= len(pdu) <= 253

    seen = fuzz(answer, frames_)
    assert seen["taken"] > 1000
    assert seen["shape"] > 500
    assert ward.server.refused[frames.ILLEGAL_ADDRESS] > 100
