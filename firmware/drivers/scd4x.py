"""Sensirion SCD4x (SCD40, SCD41) on I2C, which measures CO2 every 5 s (data sheet "SCD4x", version 1.3, section 3)."""

import errno

from micropython import const

from paifang_wire.messages import ABSENT, GARBLED, GOOD, MUTE

from .faults import SensorFault

_ADDRESS = const(0x62)  # the only one it has
_START = const(0x21B1)  # start_periodic_measurement
_STOP = const(0x3F86)  # stop_periodic_measurement
_ALTITUDE = const(0x2427)  # set_sensor_altitude, in metres
_READY = const(0xE4B8)  # get_data_ready_status
_READ = const(0xEC05)  # read_measurement: CO2, temperature, humidity

_POWER_UP_MS = const(1_000)  # table 6: the chip acknowledges nothing before
_STOP_MS = const(510)  # table 9: 500; one tick may be short
_COMMAND_MS = const(3)  # table 9: 1
_OVERDUE_MS = const(12_000)  # two intervals of 5 s, and what the chip's clock may be off
_READY_MASK = const(0x7FF)  # section 3.8.2: the low 11 bits
_POLYNOMIAL = const(0x3100)  # section 3.11: 0x31, in the place of a word's high byte


def seal(word: int) -> bytes:
    """The word as it goes over the wire: high byte, low byte, checksum (initial 0xFF, not reflected)."""
    crc = 0xFF00 ^ word
    for _ in range(16):
        crc = (crc << 1 ^ (_POLYNOMIAL if crc & 0x8000 else 0)) & 0xFFFF
    return bytes((word >> 8, word & 0xFF, crc >> 8))


def parse(data: bytes) -> list:
    """The words in an answer. SensorFault GARBLED when one does not match its checksum."""
    words = [data[at] << 8 | data[at + 1] for at in range(0, len(data), 3)]
    if b"".join([seal(word) for word in words]) != data:
        raise SensorFault(GARBLED, "wrong checksum: " + data.hex())
    return words


def convert(co2: int, temperature: int, humidity: int) -> tuple:
    """(ppm, 0.01 degC, 0.01 %RH) of the three words of a measurement, rounded (section 3.5.2)."""
    return co2, (temperature * 17500 + 32767) // 65535 - 4500, (humidity * 10000 + 32767) // 65535


class Scd4x:
    """`i2c`: writeto and readfrom; `clock`: now_ms() since power came, sleep_ms(n). `altitude_m`: where it hangs."""

    def __init__(self, i2c, clock, altitude_m: int = 0) -> None:
        self._i2c = i2c
        self._clock = clock
        self._altitude_m = altitude_m
        self._since_ms = None  # when it was started or last read; None: it has to be started

    async def read(self):
        """((CO2 ppm, temperature 0.01 degC, humidity 0.01 %RH), GOOD), or None while the next measurement is not over.

        Each measurement is given once. Raises SensorFault ABSENT, MUTE or GARBLED.
        """
        if self._clock.now_ms() < _POWER_UP_MS:
            return None
        try:
            if self._since_ms is None:
                await self._start()
            return await self._newest()
        except OSError as error:
            self._since_ms = None  # what answers next may be another module
            quality = ABSENT if error.errno == errno.ENODEV else MUTE  # nobody there, or somebody who holds the bus
            raise SensorFault(quality, "I2C address 0x%02x: %s" % (_ADDRESS, error))

    async def _start(self) -> None:
        """Whatever it is doing: a node that was reset finds it measuring, when it takes no other command than stop."""
        await self._command(_STOP, wait_ms=_STOP_MS)
        await self._command(_ALTITUDE, seal(self._altitude_m))
        await self._command(_START)
        self._since_ms = self._clock.now_ms()

    async def _newest(self):
        now_ms = self._clock.now_ms()
        if not (await self._command(_READY, words=1))[0] & _READY_MASK:
            if now_ms - self._since_ms > _OVERDUE_MS:
                self._since_ms = None
                raise SensorFault(MUTE, "the measurement does not end")
            return None
        self._since_ms = now_ms
        words = await self._command(_READ, words=3)
        if not words[0]:
            raise SensorFault(MUTE, "the chip made no CO2 measurement")
        return convert(*words), GOOD

    async def _command(self, command: int, argument: bytes = b"", words: int = 0, wait_ms: int = _COMMAND_MS) -> list:
        """The words of its answer."""
        self._i2c.writeto(_ADDRESS, command.to_bytes(2, "big") + argument)
        await self._clock.sleep_ms(wait_ms)
        return parse(self._i2c.readfrom(_ADDRESS, 3 * words)) if words else []
