"""Bosch BME280 on I2C, in forced mode: temperature, humidity, pressure (data sheet BST-BME280-DS002, 4.2 and 5.4).

The compensation is the data sheet's integer one: an ESP32 has 32-bit floats, too coarse for a pressure in pascals.
"""

import errno
import struct

from micropython import const

from paifang_wire.messages import ABSENT, GARBLED, GOOD, MUTE

from .faults import SensorFault

_CHIP_ID = const(0x60)
_REG_ID = const(0xD0)
_REG_CALIBRATION_1 = const(0x88)  # 26 bytes: T1-T3, P1-P9, one reserved, H1
_REG_CALIBRATION_2 = const(0xE1)  # 7 bytes: H2-H6
_REG_CTRL_HUM = const(0xF2)
_REG_STATUS = const(0xF3)
_REG_CTRL_MEAS = const(0xF4)
_REG_DATA = const(0xF7)  # 8 bytes: pressure 20 bits, temperature 20 bits, humidity 16 bits

_HUMIDITY_X1 = b"\x01"
_FORCED_X1 = b"\x25"  # temperature x1, pressure x1, forced
_MEASURING = const(0x08)
_MEASURE_MS = const(10)  # clause 9.1: at most 9.3 ms with everything x1
_STATUS_READS = const(10)
_SKIPPED_20 = const(0x80000)  # clause 5.4.7 and 8: what the registers hold when a measurement was not made
_SKIPPED_16 = const(0x8000)


def parse_calibration(block_1: bytes, block_2: bytes) -> tuple:
    """(T1..T3, P1..P9, H1..H6), 18 integers, from the two calibration blocks (table 16)."""
    low = struct.unpack("<HhhHhhhhhhhhxB", block_1)
    h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", block_2)
    return low + (h2, h3, e4 * 16 + (e5 & 0x0F), e6 * 16 + (e5 >> 4), h6)


def compensate_temperature(raw: int, t: tuple) -> tuple:
    """(temperature in 0.01 degC, fine temperature for the other two) (clause 4.2.3)."""
    coarse = ((raw >> 3) - (t[0] << 1)) * t[1] >> 11
    delta = (raw >> 4) - t[0]
    fine = coarse + ((delta * delta >> 12) * t[2] >> 14)
    return (fine * 5 + 128) >> 8, fine


def compensate_pressure(raw: int, fine: int, p: tuple) -> int:
    """Pressure in Pa, rounded (clause 4.2.3, 64-bit variant). 0 when the calibration leaves no divisor."""
    offset = fine - 128000
    scale = offset * offset * p[5] + (offset * p[4] << 17) + (p[3] << 35)
    divisor = (offset * offset * p[2] >> 8) + (offset * p[1] << 12)
    divisor = ((1 << 47) + divisor) * p[0] >> 33
    if not divisor:
        return 0
    value = ((1048576 - raw << 31) - scale) * 3125 // divisor
    square = p[8] * (value >> 13) * (value >> 13) >> 25
    value = (value + square + (p[7] * value >> 19) >> 8) + (p[6] << 4)
    return (value + 128) >> 8


def compensate_humidity(raw: int, fine: int, h: tuple) -> int:
    """Relative humidity in 0.01 %, within 0 .. 100 % (clause 4.2.3)."""
    offset = fine - 76800
    linear = ((raw << 14) - (h[3] << 20) - h[4] * offset + 16384) >> 15
    slope = ((offset * h[5] >> 10) * ((offset * h[2] >> 11) + 32768) >> 10) + 2097152
    value = linear * (slope * h[1] + 8192 >> 14)
    value -= ((value >> 15) * (value >> 15) >> 7) * h[0] >> 4
    value = min(max(value, 0), 419430400) >> 12  # now in 1/1024 %
    return (value * 100 + 512) >> 10


class Bme280:
    """`i2c`: readfrom_mem and writeto_mem; `clock`: sleep_ms(n)."""

    def __init__(self, i2c, clock, address: int = 0x76) -> None:
        self._i2c = i2c
        self._clock = clock
        self._address = address
        self._calibration = None

    async def read(self) -> tuple:
        """((temperature 0.01 degC, humidity 0.01 %, pressure Pa), GOOD), or SensorFault ABSENT, MUTE or GARBLED."""
        try:
            if self._calibration is None:
                self._calibration = self._identify()
            return self._compensate(await self._measure(), self._calibration), GOOD
        except OSError as error:
            self._calibration = None  # what answers next may be another module
            quality = ABSENT if error.errno == errno.ENODEV else MUTE  # nobody there, or somebody who holds the bus
            raise SensorFault(quality, "I2C address 0x%02x: %s" % (self._address, error))

    def _identify(self) -> tuple:
        chip = self._get(_REG_ID, 1)[0]
        if chip != _CHIP_ID:
            raise SensorFault(ABSENT, "chip id 0x%02x, a BME280 has 0x60" % chip)
        blocks = self._calibration_blocks()
        # Every later value stands on these bytes and they carry no check: read twice, and take them only when equal.
        if blocks != self._calibration_blocks() or blocks[0][:2] in (b"\x00\x00", b"\xff\xff"):
            raise SensorFault(GARBLED, "calibration cannot be read")
        return parse_calibration(*blocks)

    def _calibration_blocks(self) -> tuple:
        return self._get(_REG_CALIBRATION_1, 26), self._get(_REG_CALIBRATION_2, 7)

    async def _measure(self) -> bytes:
        self._i2c.writeto_mem(self._address, _REG_CTRL_HUM, _HUMIDITY_X1)  # takes effect with the next write
        self._i2c.writeto_mem(self._address, _REG_CTRL_MEAS, _FORCED_X1)
        for _ in range(_STATUS_READS):
            await self._clock.sleep_ms(_MEASURE_MS)
            if not self._get(_REG_STATUS, 1)[0] & _MEASURING:
                return self._get(_REG_DATA, 8)
        raise SensorFault(MUTE, "the measurement does not end")

    def _get(self, register: int, count: int) -> bytes:
        return self._i2c.readfrom_mem(self._address, register, count)

    @staticmethod
    def _compensate(data: bytes, calibration: tuple) -> tuple:
        pressure = data[0] << 12 | data[1] << 4 | data[2] >> 4
        temperature = data[3] << 12 | data[4] << 4 | data[5] >> 4
        humidity = data[6] << 8 | data[7]
        if data == b"\xff" * 8:
            raise SensorFault(GARBLED, "the bus is stuck high")
        if temperature == _SKIPPED_20 or pressure == _SKIPPED_20 or humidity == _SKIPPED_16:
            raise SensorFault(MUTE, "the chip made no measurement")
        celsius, fine = compensate_temperature(temperature, calibration[:3])
        percent = compensate_humidity(humidity, fine, calibration[12:])
        return celsius, percent, compensate_pressure(pressure, fine, calibration[3:12])
