"""BME280: the data sheet's vector, a register-level chip, and every way in which it can fail."""

from drivers.bme280 import Bme280, compensate_humidity, compensate_pressure, compensate_temperature, parse_calibration
from drivers.faults import SensorFault
from paifang_wire.messages import ABSENT, GARBLED, GOOD, MUTE

from .fakes import Clock, complete, raises

T = (27504, 26435, -1000)
P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
H = (75, 355, 0, 333, 50, 30)
RAW_T = 519888
RAW_P = 415148
RAW_H = 30281


def two(value):
    return (value & 0xFFFF).to_bytes(2, "little")


def calibration():
    block_1 = b"".join([two(value) for value in T + P]) + b"\x00" + bytes((H[0],))
    low = (H[3] & 0x0F) | (H[4] & 0x0F) << 4
    return block_1, two(H[1]) + bytes((H[2], H[3] >> 4 & 0xFF, low, H[4] >> 4 & 0xFF, H[5] & 0xFF))


class Chip:
    """Registers behind an I2C bus; `status` counts how often it still says that it measures."""

    def __init__(self, address=0x76):
        block_1, block_2 = calibration()
        data = (RAW_P << 4).to_bytes(3, "big") + (RAW_T << 4).to_bytes(3, "big") + RAW_H.to_bytes(2, "big")
        self.memory = {0xD0: b"\x60", 0x88: block_1, 0xE1: block_2, 0xF7: data}
        self.address = address
        self.status = 1
        self.written = []

    def readfrom_mem(self, address, register, count):
        if address != self.address:
            raise OSError(19, "ENODEV")
        if register == 0xF3:
            self.status -= 1
            return b"\x08" if self.status >= 0 else b"\x00"
        assert len(self.memory[register]) == count
        return self.memory[register]

    def writeto_mem(self, address, register, data):
        if address != self.address:
            raise OSError(19, "ENODEV")
        self.written.append((register, bytes(data)))


def float_humidity(raw, fine):
    """The data sheet's floating-point form, as a check of the integer one."""
    h = fine - 76800.0
    h = (raw - (H[3] * 64.0 + H[4] / 16384.0 * h)) * (
        H[1] / 65536.0 * (1.0 + H[5] / 67108864.0 * h * (1.0 + H[2] / 67108864.0 * h))
    )
    return h * (1.0 - H[0] * h / 524288.0)


def test_vector_of_the_data_sheet():
    celsius, fine = compensate_temperature(RAW_T, T)
    assert celsius == 2508
    assert fine == 128422
    assert compensate_pressure(RAW_P, fine, P) == 100653


def test_humidity_agrees_with_the_floating_point_form():
    for raw in range(20000, 45000, 997):
        for raw_t in (400000, 519888, 560000):
            fine = compensate_temperature(raw_t, T)[1]
            wanted = min(max(float_humidity(raw, fine), 0.0), 100.0)
            assert abs(compensate_humidity(raw, fine, H) - wanted * 100) < 6, (raw, fine)


def test_signed_calibration():
    block_1, block_2 = calibration()
    assert parse_calibration(block_1, block_2) == T + P + H
    negative = block_2[:3] + b"\xff\x1f\xfe\x9c"  # H4 = -1 * 16 + 15, H5 = -2 * 16 + 1, H6 = -100
    assert parse_calibration(block_1, negative)[15:] == (-1, -31, -100)


def test_reads_and_configures_each_time():
    chip = Chip()
    driver = Bme280(chip, Clock())
    values, quality = complete(driver.read())
    assert values[0] == 2508
    assert values[2] == 100653
    assert quality == GOOD
    assert chip.written == [(0xF2, b"\x01"), (0xF4, b"\x25")]
    chip.memory[0x88] = None  # the calibration is read once
    assert complete(driver.read())[0] == values


def test_absent_and_back_with_another_calibration():
    chip = Chip()
    driver = Bme280(chip, Clock())
    complete(driver.read())
    chip.address = 0x77
    fault = raises(SensorFault, complete, driver.read())
    assert fault.quality == ABSENT
    assert "0x76" in fault.detail
    chip.address = 0x76
    chip.memory[0x88] = two(27000) + chip.memory[0x88][2:]
    assert complete(driver.read())[0][0] != 2508


def test_another_chip():
    chip = Chip()
    chip.memory[0xD0] = b"\x58"
    fault = raises(SensorFault, complete, Bme280(chip, Clock()).read())
    assert fault.quality == ABSENT
    assert "0x58" in fault.detail


def test_measurement_that_does_not_end():
    chip = Chip()
    chip.status = 10_000
    assert raises(SensorFault, complete, Bme280(chip, Clock()).read()).quality == MUTE


def test_skipped_measurements_and_a_stuck_bus():
    for data, quality in (
        (b"\x80\x00\x00" + b"\x7e\xed\x00" + b"\x76\x49", MUTE),
        (b"\x65\x5a\xc0" + b"\x80\x00\x00" + b"\x76\x49", MUTE),
        (b"\x65\x5a\xc0" + b"\x7e\xed\x00" + b"\x80\x00", MUTE),
        (b"\xff" * 8, GARBLED),
    ):
        chip = Chip()
        chip.memory[0xF7] = data
        assert raises(SensorFault, complete, Bme280(chip, Clock()).read()).quality == quality


def test_calibration_that_cannot_be_believed():
    class Flicker(Chip):
        reads = 0

        def readfrom_mem(self, address, register, count):
            data = super().readfrom_mem(address, register, count)
            if register == 0x88:
                self.reads += 1
                return data[:-1] + bytes((self.reads,))
            return data

    assert raises(SensorFault, complete, Bme280(Flicker(), Clock()).read()).quality == GARBLED
    chip = Chip()
    chip.memory[0x88] = b"\xff" * 26
    assert raises(SensorFault, complete, Bme280(chip, Clock()).read()).quality == GARBLED


def test_no_divisor_is_no_crash():
    assert compensate_pressure(RAW_P, 128422, (0,) * 9) == 0


def test_a_bus_that_hangs_is_mute():
    chip = Chip()
    driver = Bme280(chip, Clock())
    complete(driver.read())

    def hang(address, register, data):
        raise OSError(110, "ETIMEDOUT")

    chip.writeto_mem = hang
    assert raises(SensorFault, complete, driver.read()).quality == MUTE
