"""PMS5003: frames captured from real sensors, noise around them, and every way in which it can fail."""

from drivers.faults import SensorFault
from drivers.pms5003 import Pms5003, find_frame, parse
from paifang_wire.messages import ABSENT, FAULT, GARBLED, GOOD, IMPLAUSIBLE, MUTE, SETTLING

from .fakes import Clock, Random, Uart, complete, raises

READ = bytes.fromhex("424de2000001 71".replace(" ", ""))
PASSIVE = bytes.fromhex("424de10000 0170".replace(" ", ""))
SLEEP = bytes.fromhex("424de400000173")
WAKE = bytes.fromhex("424de400010174")
PASSIVE_ANSWER = bytes.fromhex("424d0004e1000174")

CAPTURED = (
    ("424d001c0002000a000a0002000a000a024600af00310016000000009700 02ac", (2, 10, 10, 582)),
    ("424d001c0009000b000c0009000b000c095a01e3002b000400010000910002f3", (9, 11, 12, 2394)),
    ("424d001c0029003e0046001f002e003c19ec07bf0169003600080000910004e5", (31, 46, 60, 6636)),
)
FRAMES = [(bytes.fromhex(text.replace(" ", "")), values) for text, values in CAPTURED]
BAD_SUM = bytes.fromhex("424d001c00050008000a00050008000a" + "00" * 14 + "013a")


def sensor(answer, chunk=9, start_ms=0):
    clock = Clock(start_ms)
    uart = Uart({READ: answer, PASSIVE: PASSIVE_ANSWER}, chunk)
    return Pms5003(uart, clock), uart, clock


def with_sum(frame):
    return frame[:-2] + (sum(frame[:-2]) & 0xFFFF).to_bytes(2, "big")


def test_captured_frames():
    for frame, values in FRAMES:
        assert len(frame) == 32
        assert find_frame(frame) == frame
        assert parse(frame) == values


def test_bad_sum_is_no_frame():
    assert len(BAD_SUM) == 32
    assert find_frame(BAD_SUM) == b""
    driver, _, _ = sensor(BAD_SUM)
    assert raises(SensorFault, complete, driver.read()).quality == GARBLED


def test_resynchronises_inside_noise():
    frame, values = FRAMES[0]
    for noise in (b"\x42", b"\x42\x4d", b"\x42\x4d\x00\x1c\x00", frame[7:], PASSIVE_ANSWER, BAD_SUM):
        for chunk in (1, 5, 64):
            driver, _, _ = sensor(noise + frame, chunk)
            assert complete(driver.read())[0] == values


def test_every_flipped_bit_is_refused_or_seen():
    frame, _ = FRAMES[2]
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit >> 3] ^= 1 << (bit & 7)
        assert find_frame(bytes(broken)) == b""


def test_random_bytes_never_crash():
    random = Random(5)
    for _ in range(200):
        noise = bytes([(0x42, 0x4D, 0, 0x1C, random.below(256))[random.below(5)] for _ in range(random.below(120))])
        frame = find_frame(noise)
        assert frame == b"" or (len(frame) == 32 and sum(frame[:-2]) == frame[-2] << 8 | frame[-1])


def test_settles_for_30_s_and_then_is_good():
    driver, uart, clock = sensor(FRAMES[1][0])
    assert complete(driver.read()) == (FRAMES[1][1], SETTLING)
    clock.ms = 29_999 - 200
    assert complete(driver.read())[1] == SETTLING
    clock.ms = 30_000
    assert complete(driver.read())[1] == GOOD
    assert uart.written.count(PASSIVE) == 1
    assert uart.written.count(READ) == 3


def test_error_byte():
    frame = bytearray(FRAMES[0][0])
    frame[29] = 0x04
    driver, _, _ = sensor(with_sum(bytes(frame)))
    assert raises(SensorFault, complete, driver.read()).quality == FAULT


def test_a_part_greater_than_the_whole_is_implausible():
    frame = bytearray(FRAMES[0][0])
    frame[10:12] = b"\x00\x0b"  # PM1 11 above PM2.5 10
    driver, _, _ = sensor(with_sum(bytes(frame)))
    assert raises(SensorFault, complete, driver.read()).quality == IMPLAUSIBLE


def test_absent_then_mute_then_back_in_passive_mode():
    driver, uart, clock = sensor(b"")
    del uart.answers[PASSIVE]
    assert raises(SensorFault, complete, driver.read()).quality == ABSENT
    uart.answers[READ] = FRAMES[0][0]
    clock.ms += 3_000
    complete(driver.read())
    uart.answers[READ] = b""
    assert raises(SensorFault, complete, driver.read()).quality == MUTE
    uart.answers[READ] = FRAMES[0][0]
    clock.ms += 1_000_000
    uart.written.clear()
    assert complete(driver.read())[0] == FRAMES[0][1]
    assert uart.written[:2] == [WAKE, PASSIVE]


def test_settles_anew_after_it_was_mute():
    driver, uart, clock = sensor(FRAMES[0][0])
    clock.ms = 60_000
    assert complete(driver.read())[1] == GOOD
    uart.answers[READ] = b""
    raises(SensorFault, complete, driver.read())
    uart.answers[READ] = FRAMES[0][0]
    clock.ms += 3_000
    assert complete(driver.read())[1] == SETTLING


def test_a_late_answer_is_not_taken_for_the_next():
    driver, uart, _ = sensor(FRAMES[0][0])
    complete(driver.read())
    uart.pending = FRAMES[2][0]
    assert complete(driver.read())[0] == FRAMES[0][1]


def test_an_endless_talker_ends():
    class Talker:
        def write(self, data):
            pass

        def read(self, count):
            return b"\x55" * count

    driver = Pms5003(Talker(), Clock())
    assert raises(SensorFault, complete, driver.read()).quality == GARBLED


def test_sleeps_between_readings():
    clock = Clock()
    uart = Uart({READ: FRAMES[0][0], PASSIVE: PASSIVE_ANSWER})
    driver = Pms5003(uart, clock, sleep_between=True)
    complete(driver.read())
    assert uart.written[-1] == SLEEP
    before_ms = clock.ms
    assert complete(driver.read())[1] == GOOD
    assert clock.ms - before_ms >= 30_000
    assert uart.written.count(WAKE) == 3  # at first, to wake, and with the mode after it
