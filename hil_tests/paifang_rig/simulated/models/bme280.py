"""Bosch BME280 at its I2C address: the register map of data sheet BST-BME280-DS002, section 5, and the measurement.

The model knows the weather (temperature, humidity, pressure) and answers the raw numbers that the data sheet's own
compensation (section 4.2.3, appendix 8.1 in double precision) turns into it.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paifang_rig.simulated.models.sensor import I2cSensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TEMPERATURE, HUMIDITY, PRESSURE = 4, 5, 6
ID, RESET, CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
CHIP_ID, BMP280_ID, RESET_WORD = 0x60, 0x58, 0xB6
DATA_LENGTH = 8
MEASURING = 0x08
_SLEEP, _NORMAL = 0, 3
_SKIPPED_20, _SKIPPED_16 = 0x80000, 0x8000
CONVERSION_MS = 10

T1, T2, T3 = 27504, 26435, -1000
P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
H1, H2, H3, H4, H5, H6 = 75, 370, 0, 313, 50, 30


class Raw(NamedTuple):
    temperature: int
    pressure: int
    humidity: int


DATA_SHEET = Raw(519888, 415148, 30000)
"""The worked example of BST-BMP280-DS001 section 3.12: 25.08 °C and 100653.27 Pa with the calibration above."""


def temperature_fine(raw: int) -> float:
    a = (raw / 16384 - T1 / 1024) * T2
    return a + (raw / 131072 - T1 / 8192) ** 2 * T3


def pressure_pa(raw: int, fine: float) -> float:
    a = fine / 2 - 64000
    b = a * a * P[5] / 32768 + a * P[4] * 2
    b = b / 4 + P[3] * 65536
    a = (P[2] * a * a / 524288 + P[1] * a) / 524288
    a = (1 + a / 32768) * P[0]
    p = (1048576 - raw - b / 4096) * 6250 / a
    return p + (P[8] * p * p / 2147483648 + p * P[7] / 32768 + P[6]) / 16


def humidity_percent(raw: int, fine: float) -> float:
    h = fine - 76800
    h = (raw - (H4 * 64 + H5 / 16384 * h)) * (H2 / 65536 * (1 + H6 / 67108864 * h * (1 + H3 / 67108864 * h)))
    return min(100.0, max(0.0, h * (1 - H1 * h / 524288)))


def calibration() -> dict[int, int]:
    """Register → byte, for 0x88..0xA1 and 0xE1..0xE7."""
    low = struct.pack("<Hhh", T1, T2, T3) + struct.pack("<H8h", *P) + bytes((0, H1))
    high = struct.pack("<hB", H2, H3) + bytes((H4 >> 4, H4 & 0xF | (H5 & 0xF) << 4, H5 >> 4)) + struct.pack("<b", H6)
    return {0x88 + i: byte for i, byte in enumerate(low)} | {0xE1 + i: byte for i, byte in enumerate(high)}


def raw_for(centi_celsius: int, centi_percent: int, pascal: int) -> Raw:
    """The raw numbers a chip with this calibration shows in this weather."""
    t = _solve(lambda raw: temperature_fine(raw) / 51.2, centi_celsius, 20)
    fine = temperature_fine(t)
    return Raw(
        t,
        _solve(lambda raw: -pressure_pa(raw, fine), -pascal, 20),
        _solve(lambda raw: humidity_percent(raw, fine) * 100, centi_percent, 16),
    )


def values_of(raw: Raw) -> dict[int, int]:
    """What a right driver makes of it: 0.01 °C, 0.01 %, Pa; integer arithmetic may differ by 1."""
    fine = temperature_fine(raw.temperature)
    return {
        TEMPERATURE: round(fine / 51.2),
        HUMIDITY: round(humidity_percent(raw.humidity, fine) * 100),
        PRESSURE: round(pressure_pa(raw.pressure, fine)),
    }


@dataclass
class Bme280(I2cSensor):
    """Faults: "absent" nobody acknowledges, "mute" the bus hangs, "implausible" the raw numbers are at their end,
    "wrong-chip" another chip id (a BMP280), "stuck" a measurement never ends.
    """

    FAULTS: ClassVar = ("absent", "mute", "implausible", "wrong-chip", "stuck")

    address: int = 0x76

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kind = "bme280"
        self._count = 0
        self._reset()

    @staticmethod
    def key_of(values: Mapping[int, int]) -> tuple[object, ...] | None:
        """Weather on the model's own grid (5 centi-degrees, 7 Pa): a driver's rounding does not matter."""
        t, p = values.get(TEMPERATURE), values.get(PRESSURE)
        return None if t is None or p is None else ("bme280", round((t - 3) / 5), round((p - 95_004) / 7))

    def power(self, on: bool) -> None:
        self._reset()

    def transfer(self, written: bytes, count: int) -> bytes:
        if self.fault == "absent":
            raise OSError(errno.ENODEV, "no acknowledge")
        if self.fault == "mute":
            raise OSError(errno.ETIMEDOUT, "the bus hangs")
        if written:
            self._pointer = written[0]
        if len(written) > 1 and not count:
            for register, value in zip(written[::2], written[1::2], strict=False):
                self._write(register, value)
        return self._read(count) if count else b""

    def _reset(self) -> None:
        self._registers = calibration() | {ID: CHIP_ID, CTRL_HUM: 0, STATUS: 0, CTRL_MEAS: 0, CONFIG: 0}
        self._pointer = 0
        self._humidity_on = 0  # ctrl_hum takes effect with the next write of ctrl_meas
        self._shown: tuple[int, Raw] | None = None

    def _write(self, register: int, value: int) -> None:
        if register == RESET and value == RESET_WORD:
            self._reset()
        elif register in {CTRL_HUM, CTRL_MEAS, CONFIG}:
            self._registers[register] = value
        if register == CTRL_MEAS:
            self._humidity_on = self._registers[CTRL_HUM] & 7
            if value & 3 != _SLEEP:
                self._begin()

    def _begin(self) -> None:
        self._registers[STATUS] |= MEASURING
        if self.port and self.fault != "stuck":
            self.port.after(CONVERSION_MS, self._finish)

    def _finish(self) -> None:
        self._registers[STATUS] &= ~MEASURING
        self._shown = (self._count, self._next_raw())
        self._count += 1
        if self._registers[CTRL_MEAS] & 3 != _NORMAL:
            self._registers[CTRL_MEAS] &= ~3

    def _read(self, count: int) -> bytes:
        self._registers[ID] = BMP280_ID if self.fault == "wrong-chip" else CHIP_ID
        first, self._pointer = self._pointer, self._pointer + count
        if first <= DATA and first + count >= DATA + DATA_LENGTH:
            self._show()
        if self._registers[CTRL_MEAS] & 3 == _NORMAL and first == DATA:
            self._begin()
        return bytes(self._registers.get(register & 0xFF, 0) for register in range(first, first + count))

    def _show(self) -> None:
        """Latch the data registers, as a burst read does, and put it on the list."""
        raw = self._shown[1] if self._shown else Raw(_SKIPPED_20, _SKIPPED_20, _SKIPPED_16)
        raw = Raw(
            raw.temperature if self._registers[CTRL_MEAS] >> 5 else _SKIPPED_20,
            raw.pressure if self._registers[CTRL_MEAS] >> 2 & 7 else _SKIPPED_20,
            raw.humidity if self._humidity_on else _SKIPPED_16,
        )
        if self.fault == "implausible":
            raw = Raw(0xFFFFF, 0xFFFFF, 0xFFFF)
        data = (raw.pressure << 4).to_bytes(3, "big") + (raw.temperature << 4).to_bytes(3, "big")
        for i, byte in enumerate(data + raw.humidity.to_bytes(2, "big")):
            self._registers[DATA + i] = byte
        if self._shown:
            # What ended before the chip stuck is a measurement like any other.
            self.emit(self._shown[0], values_of(raw), valid=self.fault in {None, "stuck"})
            self._shown = None if self._registers[CTRL_MEAS] & 3 != _NORMAL else self._shown

    def _next_raw(self) -> Raw:
        """The data sheet's example first, then weather that differs each time by a step of the key's grid."""
        n = self._count
        if n == 0:
            return DATA_SHEET
        return raw_for(1_003 + 5 * (n // 1_500 % 500), 4_000 + n % 2_000, 95_004 + 7 * (n % 1_500))


def _solve(function: Callable[[int], float], wanted: float, bits: int) -> int:
    """The integer of `bits` bits where the rising `function` is nearest to `wanted`."""
    low, high = 0, (1 << bits) - 1
    while low < high:
        middle = (low + high) // 2
        if function(middle) < wanted:
            low = middle + 1
        else:
            high = middle
    before = max(0, low - 1)
    return before if abs(function(before) - wanted) < abs(function(low) - wanted) else low
