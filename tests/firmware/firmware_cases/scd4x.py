"""SCD4x: the data sheet's examples, a chip that knows its commands, and every way in which it can fail."""

from drivers.faults import SensorFault
from drivers.scd4x import Scd4x, convert, parse, seal
from node.config import ConfigError, sections
from paifang_wire.messages import ABSENT, EV_RECOVERED, EV_SENSOR_GARBLED, GARBLED, GOOD, IMPLAUSIBLE, MUTE
from roles import air_quality
from roles.shared.sensing import Sensor

from .fakes import Clock, Records, complete, raises

EXAMPLE = b"\x01\xf4\x33\x66\x67\xa2\x5e\xb9\x3c"  # section 3.5.2: 500 ppm, 25 degC, 37 %RH
NOT_READY = b"\x80\x00\xa2"  # section 3.8.2
READY = b"\x80\x06\x04"
STOP, ALTITUDE, START = b"\x3f\x86", b"\x24\x27", b"\x21\xb1"
ASK_READY, READ = b"\xe4\xb8", b"\xec\x05"
ROW = (9, "co2", "ppm", 0, 0, 0, 40_000, 0, None)


class Chip:
    """Takes what the data sheet lets it take, at the time it does, and measures every 5 s; `fault` is an OSError."""

    def __init__(self, clock, measuring=False):
        self.clock = clock
        self.next_ms = 0 if measuring else None
        self.busy_until_ms = 0
        self.answer_ms = 0
        self.asked = None
        self.read_at_ms = None
        self.written = []
        self.data = EXAMPLE
        self.fault = None

    def writeto(self, address, data):
        self.check(address)
        self.written.append(bytes(data))
        command, now_ms = bytes(data[:2]), self.clock.ms
        if self.next_ms is not None and command not in (STOP, ASK_READY, READ):
            raise OSError(19, "ENODEV")
        self.asked, self.answer_ms = command, now_ms + 1
        if command == STOP:
            self.next_ms, self.busy_until_ms = None, now_ms + 500
        if command == START:
            self.next_ms = now_ms + 5_000

    def readfrom(self, address, count):
        self.check(address)
        if self.clock.ms < self.answer_ms:
            raise OSError(19, "ENODEV")
        is_ready = self.next_ms is not None and self.clock.ms >= self.next_ms
        if self.asked == ASK_READY:
            return (READY if is_ready else NOT_READY)[:count]
        if self.asked != READ or not is_ready:
            raise OSError(19, "ENODEV")
        self.next_ms = self.clock.ms + 5_000
        return self.data[:count]

    def check(self, address):
        if self.fault:
            raise self.fault
        if address != 0x62 or self.clock.ms < self.busy_until_ms:
            raise OSError(19, "ENODEV")


class Machine:
    """Takes any wiring and answers nothing."""

    class UART:
        def __init__(self, *wiring, **more):
            pass

    class I2C(UART):
        pass

    class Pin(UART):
        IN = OUT = PULL_DOWN = PULL_UP = 0

        def value(self, level=None):
            return 0

        def __call__(self, level=None):
            return 0


def started(altitude_m=0):
    """(driver, chip, clock) with a first measurement that is over."""
    clock = Clock(1_000)
    chip = Chip(clock)
    driver = Scd4x(chip, clock, altitude_m)
    assert complete(driver.read()) is None
    clock.ms += 5_000
    return driver, chip, clock


def test_checksums_of_the_data_sheet():
    for word, checksum in ((0xBEEF, 0x92), (0xF896, 0x31), (0x9F07, 0xC2), (0x3BBE, 0x89), (0x8000, 0xA2)):
        assert seal(word) == bytes((word >> 8, word & 0xFF, checksum))


def test_example_of_the_data_sheet():
    assert parse(EXAMPLE) == [500, 0x6667, 0x5EB9]
    assert convert(500, 0x6667, 0x5EB9) == (500, 2500, 3700)
    assert parse(b"") == []


def test_conversion_agrees_with_the_floating_point_form():
    assert convert(0, 0, 0) == (0, -4500, 0)
    assert convert(40_000, 0xFFFF, 0xFFFF) == (40_000, 13_000, 10_000)
    for word in range(0, 0x10000, 251):
        _, celsius, percent = convert(0, word, word)
        assert abs(celsius - (-4500 + 17500 * word / 65535)) <= 0.51
        assert abs(percent - 10000 * word / 65535) <= 0.51


def test_every_flipped_bit_is_seen():
    for bit in range(8 * len(EXAMPLE)):
        data = bytearray(EXAMPLE)
        data[bit // 8] ^= 1 << bit % 8
        assert raises(SensorFault, parse, bytes(data)).quality == GARBLED


def test_starts_the_chip_and_gives_each_measurement_once():
    driver, chip, clock = started(altitude_m=520)
    assert chip.written[:3] == [STOP, ALTITUDE + seal(520), START]
    assert complete(driver.read()) == ((500, 2500, 3700), GOOD)
    assert complete(driver.read()) is None
    clock.ms += 5_000
    assert complete(driver.read()) == ((500, 2500, 3700), GOOD)
    assert chip.written.count(START) == 1


def test_asks_nothing_of_a_chip_that_is_starting_up():
    clock = Clock(0)
    chip = Chip(clock)
    driver = Scd4x(chip, clock)
    assert complete(driver.read()) is None
    assert chip.written == []


def test_takes_over_a_chip_that_measures():
    clock = Clock(9_000)
    chip = Chip(clock, measuring=True)
    driver = Scd4x(chip, clock)
    assert complete(driver.read()) is None
    assert chip.next_ms > clock.ms


def test_a_low_bit_is_not_the_high_one():
    """Only the low 11 bits say that a measurement is over."""
    driver, chip, _ = started()
    for word, is_over in ((0x8000, False), (0xF800, False), (0x0400, True), (0x0001, True)):
        answer = seal(word)
        chip.readfrom = lambda address, count, answer=answer: answer if count == 3 else EXAMPLE
        assert (complete(driver.read()) is not None) == is_over, word


def test_absent_and_back():
    driver, chip, clock = started()
    complete(driver.read())
    chip.fault = OSError(19, "ENODEV")
    fault = raises(SensorFault, complete, driver.read())
    assert fault.quality == ABSENT
    assert "0x62" in fault.detail
    chip.__init__(clock)  # another one, which is not measuring
    assert complete(driver.read()) is None
    clock.ms += 5_000
    assert complete(driver.read())[1] == GOOD


def test_a_bus_that_hangs_is_mute():
    driver, chip, _ = started()
    complete(driver.read())
    chip.fault = OSError(110, "ETIMEDOUT")
    assert raises(SensorFault, complete, driver.read()).quality == MUTE


def test_a_measurement_that_does_not_end_is_started_again():
    driver, chip, clock = started()
    chip.next_ms += 1_000_000
    assert complete(driver.read()) is None
    clock.ms += 12_000
    assert raises(SensorFault, complete, driver.read()).quality == MUTE
    assert complete(driver.read()) is None
    assert chip.written.count(START) == 2
    clock.ms += 5_000
    assert complete(driver.read())[1] == GOOD


def test_a_long_period_is_not_taken_for_a_measurement_that_does_not_end():
    driver, _, clock = started()
    for _ in range(3):
        assert complete(driver.read())[1] == GOOD
        clock.ms += 3_600_000


def test_garbled_again_and_again_is_not_taken_for_a_measurement_that_does_not_end():
    driver, chip, clock = started()
    chip.data = EXAMPLE[:-1] + b"\x00"
    for _ in range(5):
        assert raises(SensorFault, complete, driver.read()).quality == GARBLED
        clock.ms += 4_900
        assert complete(driver.read()) is None
        clock.ms += 100


def test_no_co2_is_no_reading():
    driver, chip, _ = started()
    chip.data = seal(0) + EXAMPLE[3:]
    assert raises(SensorFault, complete, driver.read()).quality == MUTE


def test_a_sensor_reports_only_what_is_new():
    driver, chip, clock = started()
    records = Records()
    sensor = Sensor("SCD4x", driver, (ROW,), records)
    for _ in range(2):
        complete(sensor.poll())
    assert records.reports == [({9: 500}, {})]
    chip.data = EXAMPLE[:-1] + b"\x00"
    clock.ms += 5_000
    for _ in range(2):
        complete(sensor.poll())
    assert records.reports[1:] == [({9: None}, {9: GARBLED})]
    chip.data = EXAMPLE
    clock.ms += 5_000
    complete(sensor.poll())
    assert [event[:2] for event in records.events] == [(EV_SENSOR_GARBLED, 9), (EV_RECOVERED, 9)]
    chip.data = seal(0xFFFF) * 3
    clock.ms += 5_000
    complete(sensor.poll())
    assert records.reports[-1] == ({9: None}, {9: IMPLAUSIBLE})


def test_only_a_node_that_has_one_knows_of_it():
    def wired(raw):
        return sections("hardware", raw, air_quality.HARDWARE, air_quality.OPTIONAL)

    assert "scd4x" not in wired({})
    assert wired({"scd4x": {}})["scd4x"] == {"altitude_m": 0}
    assert wired({"scd4x": {"altitude_m": 520}})["scd4x"]["altitude_m"] == 520
    for raw, word in (({"scd4x": {"altitude": 5}}, "altitude_m"), ({"scd4x": {"altitude_m": 9_000}}, "3000")):
        assert word in str(raises(ConfigError, wired, raw))
    assert air_quality.build(wired({}), Machine, Clock(), 1).POINTS == air_quality.POINTS
    assert air_quality.build(wired({"scd4x": {}}), Machine, Clock(), 1).POINTS == air_quality.POINTS + (ROW,)
