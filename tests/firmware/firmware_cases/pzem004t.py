"""PZEM-004T and Modbus RTU: a captured answer, published frames, and every way in which it can fail."""

from drivers.faults import SensorFault
from drivers.modbus_rtu import crc16, read_answer, read_request
from drivers.pzem004t import Pzem004t
from paifang_wire.messages import ABSENT, FAULT, GARBLED, GOOD, IMPLAUSIBLE, MUTE

from .fakes import Clock, Uart, complete, raises

REQUEST = bytes.fromhex("01040000000a700d")
ANSWER = bytes.fromhex("010414" + "08d1006c000000f400000026000001f400640000" + "5134")
VALUES = (2257, 108, 244, 38, 500, 100, 0)


def with_crc(body):
    return body + crc16(body).to_bytes(2, "little")


def meter(answer, chunk=7):
    uart = Uart({REQUEST: answer}, chunk)
    uart.clock = Clock()
    return Pzem004t(uart, uart.clock), uart


def quality_of(answer):
    return raises(SensorFault, complete, meter(answer)[0].read()).quality


def test_published_frames_have_this_crc():
    for text in (
        "01040000000271cb",
        "010404436633341b38",
        "01040443666666a595",
        "01428011",
        "01050000ff008c3a",
        "01030bd3000237d6",
    ):
        frame = bytes.fromhex(text.replace(" ", ""))
        assert crc16(frame[:-2]) == frame[-2] | frame[-1] << 8, text


def test_request():
    assert read_request(1, 4, 0, 10) == REQUEST


def test_captured_answer():
    for chunk in (1, 7, 64):
        driver, _ = meter(ANSWER, chunk)
        assert complete(driver.read()) == (VALUES, GOOD)


def test_low_word_first():
    registers = bytes.fromhex("096000010002000300040005000601f40064ffff")
    driver, _ = meter(with_crc(b"\x01\x04\x14" + registers))
    assert complete(driver.read())[0] == (2400, 0x20001, 0x40003, 0x60005, 500, 100, 1)


def test_every_flipped_bit_is_refused():
    for bit in range(8 * len(ANSWER)):
        broken = bytearray(ANSWER)
        broken[bit >> 3] ^= 1 << (bit & 7)
        assert raises(SensorFault, read_answer, bytes(broken), 1, 4, 10).quality == GARBLED


def test_absent_then_mute():
    driver, uart = meter(b"")
    assert raises(SensorFault, complete, driver.read()).quality == ABSENT
    uart.answers[REQUEST] = ANSWER
    uart.clock.ms += 3_000
    complete(driver.read())
    uart.answers[REQUEST] = b""
    assert raises(SensorFault, complete, driver.read()).quality == MUTE


def test_wrong_answers():
    assert quality_of(ANSWER[:-1]) == GARBLED
    assert quality_of(b"\x00" + ANSWER) == GARBLED
    assert quality_of(with_crc(b"\x02" + ANSWER[1:-2])) == GARBLED
    assert quality_of(with_crc(b"\x01\x03" + ANSWER[2:-2])) == GARBLED
    assert quality_of(with_crc(b"\x01\x04\x04\x00\x01\x00\x02")) == GARBLED
    assert quality_of(with_crc(b"\x01\x84\x02")) == FAULT
    assert quality_of(with_crc(ANSWER[:-4] + b"\x12\x34")) == IMPLAUSIBLE


def test_a_late_answer_is_not_taken_for_the_next():
    driver, uart = meter(ANSWER)
    uart.pending = with_crc(b"\x01\x04\x14" + bytes(20))
    assert complete(driver.read())[0] == VALUES


def test_after_silence_nothing_is_asked_until_a_late_answer_would_have_come():
    driver, uart = meter(b"")
    for _ in range(4):
        assert raises(SensorFault, complete, driver.read()).quality == ABSENT
        uart.clock.ms += 700
    assert uart.written == [REQUEST]
    uart.pending = ANSWER  # the late one, to the first question
    uart.clock.ms += 3_000
    assert raises(SensorFault, complete, driver.read()).quality == ABSENT
    assert uart.written == [REQUEST, REQUEST]
