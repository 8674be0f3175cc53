"""Questions and answers of Modbus, as published and captured; and the lines that carry them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.bridges.errors import FrameError
from paifang.bridges.modbus import frames
from paifang.bridges.modbus.line import RtuLine, timing
from paifang.bridges.modbus.tcp_line import TcpLine

VOLTAGE = frames.read(1, "input", 0, 2)


@pytest.mark.parametrize(
    ("request_", "shown"),
    [
        (VOLTAGE, "01 04 00 00 00 02 71 CB"),
        (frames.read(1, "input", 0, 10), "01 04 00 00 00 0A 70 0D"),
        (frames.read(1, "holding", 0x0BD3, 2), "01 03 0B D3 00 02 37 D6"),
        (frames.write_coil(1, 0, on=True), "01 05 00 00 FF 00 8C 3A"),
        # The examples that most introductions have, with unit 17.
        (frames.write_registers(17, 1, bytes.fromhex("0003")), "11 06 00 01 00 03 9A 9B"),
        (frames.write_registers(17, 1, bytes.fromhex("000A0102")), "11 10 00 01 00 02 04 00 0A 01 02 C6 F0"),
        (frames.Request(17, 15, 19, 10, bytes.fromhex("CD01")), "11 0F 00 13 00 0A 02 CD 01 BF 0B"),
    ],
)
def test_requests_as_published(request_, shown):
    assert frames.rtu(request_).hex(" ").upper() == shown


def test_some_devices_want_one_value_written_as_several():
    assert frames.write_registers(17, 1, bytes.fromhex("0003"), 16).pdu.hex(" ") == "10 00 01 00 01 02 00 03"
    assert frames.write_coil(17, 19, on=True, function=15).pdu.hex(" ") == "0f 00 13 00 01 01 01"


@pytest.mark.parametrize(
    ("request_", "frame", "data"),
    [
        (VOLTAGE, "01 04 04 43 66 33 34 1B 38", "43 66 33 34"),
        (VOLTAGE, "01 04 04 43 66 66 66 A5 95", "43 66 66 66"),
        (frames.read(1, "coil", 0, 8), "01 01 01 05 91 8B", "05"),
        (frames.write_coil(1, 0, on=True), "01 05 00 00 FF 00 8C 3A", ""),
        (frames.write_registers(17, 1, bytes.fromhex("000A0102")), "11 10 00 01 00 02 12 98", ""),
    ],
)
def test_answers_as_captured(request_, frame, data):
    assert frames.rtu_answer(request_, bytes.fromhex(frame)) == frames.Answer(bytes.fromhex(data))


def with_checksum(body):
    data = bytes.fromhex(body)
    return data + frames.checksum(data)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\x01\x04\x04", "length"),
        (bytes.fromhex("01 04 04 43 66 33 34 1B 39"), "checksum"),
        (with_checksum("02 04 04 43 66 33 34"), "address"),
        (with_checksum("01 03 04 43 66 33 34"), "function"),
        (with_checksum("01 04 02 43 66"), "length"),
        (with_checksum("01 04 06 43 66 33 34"), "length"),
        (with_checksum("01 84 02 00"), "length"),
    ],
)
def test_what_is_no_answer_says_why(frame, reason):
    with pytest.raises(FrameError) as refused:
        frames.rtu_answer(VOLTAGE, frame)
    assert refused.value.reason == reason


def test_an_echo_of_another_value_is_no_receipt():
    with pytest.raises(FrameError) as refused:
        frames.rtu_answer(frames.write_coil(1, 0, on=True), with_checksum("01 05 00 00 00 00"))
    assert refused.value.reason == "value"


def test_a_refusal_has_its_code():
    answer = frames.rtu_answer(VOLTAGE, with_checksum("01 84 02"))
    assert (answer.exception, frames.refusal(answer.exception)) == (2, "exception 2, illegal data address")
    assert frames.refusal(77) == "exception 77, of its own"


def test_modbus_tcp_has_a_number_for_each_question():
    assert frames.tcp(VOLTAGE, 0x1234).hex(" ") == "12 34 00 00 00 06 01 04 00 00 00 02"
    answer = bytes.fromhex("12 34 00 00 00 07 01 04 04 43 66 33 34")
    assert frames.tcp_answer(VOLTAGE, 0x1234, answer).data == bytes.fromhex("43 66 33 34")
    for frame, reason in (
        (answer[:1] + b"\x35" + answer[2:], "sequence"),
        (answer[:2] + b"\x00\x01" + answer[4:], "shape"),
        (answer[:5] + b"\x08" + answer[6:], "length"),
        (answer[:6] + b"\x02" + answer[7:], "address"),
    ):
        with pytest.raises(FrameError) as refused:
            frames.tcp_answer(VOLTAGE, 0x1234, frame)
        assert refused.value.reason == reason


ASKED = [
    (VOLTAGE, "01 04 04 43 66 33 34"),
    (frames.read(1, "coil", 0, 8), "01 01 01 05"),
    (frames.write_registers(17, 1, bytes.fromhex("000A0102")), "11 10 00 01 00 02"),
    (frames.write_coil(1, 0, on=True), "01 05 00 00 FF 00"),
    (VOLTAGE, "01 84 02"),
]


def repaired(data):
    return data[:-2] + frames.checksum(data[:-2]) if len(data) > 2 else data


@pytest.mark.parametrize("request_", [request for request, _ in ASKED[:4]])
def test_spoiled_answers_are_taken_or_refused(fuzz, request_):
    seen = fuzz(lambda data: frames.rtu_answer(request_, data), [with_checksum(body) for _, body in ASKED], repaired)
    assert {"taken", "checksum", "length", "address", "function"} <= seen.keys()


def test_spoiled_answers_over_tcp(fuzz):
    def decode(data):
        return frames.tcp_answer(VOLTAGE, 7, data)

    seen = fuzz(decode, [frames.mbap(7, body[0], body[1:]) for body in (bytes.fromhex(text) for _, text in ASKED)])
    assert {"taken", "sequence", "shape", "length", "address", "function"} <= seen.keys()


@given(
    function=st.sampled_from(["coil", "discrete", "input", "holding"]),
    unit=st.integers(1, 247),
    address=st.integers(0, 0xFFFF),
    count=st.integers(1, 125),
    data=st.data(),
)
def test_an_answer_of_any_shape_comes_back_in_any_pieces(function, unit, address, count, data):
    request = frames.read(unit, function, address, count)
    values = data.draw(st.binary(min_size=request.answer_bytes, max_size=request.answer_bytes))
    body = bytes((unit, request.function, len(values))) + values
    cut = data.draw(st.integers(0, len(body) + 1))
    noise = data.draw(st.sampled_from([b"", b"\x00", b"\xff\xff"]))
    line = RtuLine(timing(9600))
    line.ask(request, 0, 1_000_000)
    whole = noise + body + frames.checksum(body)
    outcomes = [line.receive(whole[:cut], 20_000), line.receive(whole[cut:], 30_000)]
    [outcome] = [each for each in outcomes if each]
    assert (outcome.request, outcome.answer) == (request, frames.Answer(values))
    assert not line.is_open


# The line of Modbus TCP


def asked(line, transaction=1):
    line.ask(VOLTAGE, 0, 1_000_000)
    return frames.mbap(transaction, 1, bytes.fromhex("04 04 43 66 33 34"))


def test_a_late_answer_over_tcp_is_told_by_its_number():
    line = TcpLine()
    late = asked(line)
    outcome = line.tick(1_000_000)
    assert (outcome.answer, outcome.fault) == (None, "silent")
    answer = asked(line, transaction=2)
    assert line.receive(late, 1_100_000) is None
    assert line.receive(answer, 1_200_000).answer.data == bytes.fromhex("43 66 33 34")
    assert line.receive(answer, 1_300_000) is None
    assert line.faults == {"silent": 1, "late": 2}


def test_tcp_in_pieces_and_after_noise():
    line = TcpLine()
    answer = asked(line)
    assert line.receive(b"no modbus", 1) is None
    assert line.receive(answer[:5], 2) is None
    assert line.receive(answer[5:], 3).answer
    assert line.faults == {"noise": 1}


def test_tcp_gives_up_in_time_and_when_the_connection_is_gone():
    line = TcpLine()
    asked(line)
    assert (line.wake_us, line.tick(999_999)) == (1_000_000, None)
    assert line.abandon(5).fault == "silent"
    assert (line.is_open, line.wake_us, line.abandon(6)) == (False, None, None)


def test_a_unit_behind_tcp_rests_too():
    line = TcpLine()
    line.ask(VOLTAGE, 0, 1_000_000, rest_us=50_000)
    line.receive(frames.mbap(1, 1, bytes.fromhex("04 04 43 66 33 34")), 10_000)
    assert line.free_us(VOLTAGE, 20_000) == 60_000
    assert line.free_us(frames.read(2, "input", 0, 2), 20_000) == 20_000
