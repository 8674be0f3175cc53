"""Sensirion SCD4x (SCD40, SCD41) at its I2C address: the commands of data sheet "SCD4x", version 1.3, section 3.

A command is 16 bits; every word of an answer or an argument carries a checksum of its own (section 3.11).
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paifang_rig.simulated.models.sensor import I2cSensor

if TYPE_CHECKING:
    from collections.abc import Mapping

CO2 = 9
START, READ, STOP, READY = 0x21B1, 0xEC05, 0x3F86, 0xE4B8
SERIAL, SET_ALTITUDE, GET_ALTITUDE, SET_PRESSURE = 0x3682, 0x2427, 0x2322, 0xE000
WHILE_MEASURING = {READ, READY, STOP, SET_PRESSURE}
"""Table 9: every other command is not acknowledged while a periodic measurement runs."""

NOT_READY, READY_WORD = 0x8000, 0x8006
"""Only the low 11 bits count (section 3.8.2); the chip sets the highest one in either case."""

POWER_UP_MS, STOP_MS, COMMAND_MS, INTERVAL_MS = 1_000, 500, 1, 5_000
SERIAL_WORDS = (0xF896, 0x9F07, 0x3BBE)
"""The example of section 3.9.2."""

FIRST_PPM, LAST_PPM = 500, 40_000


class Raw(NamedTuple):
    co2: int
    temperature: int
    humidity: int


DATA_SHEET = Raw(0x01F4, 0x6667, 0x5EB9)
"""The worked example of section 3.5.2: 500 ppm, 25 °C, 37 %RH; on the wire 01F4 33 6667 A2 5EB9 3C."""


def crc8(word: bytes) -> int:
    """Polynomial 0x31, initial 0xFF, nothing reflected: crc8(BE EF) is 0x92."""
    crc = 0xFF
    for byte in word:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x31 if crc & 0x80 else 0)) & 0xFF
    return crc


def sealed(*words: int) -> bytes:
    """Each word, high byte first, and its checksum."""
    return b"".join(data + bytes((crc8(data),)) for data in (word.to_bytes(2, "big") for word in words))


@dataclass
class Scd4x(I2cSensor):
    """Faults: "absent" nobody acknowledges (and who is plugged in again starts from power-on), "mute" the bus hangs,
    "garbled" a measurement has a wrong checksum, "implausible" its words are at their end, "no-co2" its CO2 is 0,
    "not-ready" no measurement ever ends.
    """

    FAULTS: ClassVar = ("absent", "mute", "garbled", "implausible", "no-co2", "not-ready")

    address: int = 0x62

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kind = "scd4x"
        self._count = 0
        self._start_up(0)

    @staticmethod
    def key_of(values: Mapping[int, int]) -> tuple[object, ...] | None:
        return ("scd4x", values[CO2]) if CO2 in values else None

    @property
    def altitude_m(self) -> int:
        """As the driver set it."""
        return self._altitude_m

    def power(self, on: bool) -> None:
        self._start_up(self._now_ms())

    def transfer(self, written: bytes, count: int) -> bytes:
        if self.fault == "mute":
            raise OSError(errno.ETIMEDOUT, "the bus hangs")
        now_ms = self._now_ms()
        if self.fault == "absent":
            self._start_up(now_ms)
        if not self._is_over(self._busy_until_ms) or self.fault == "absent":
            raise _not_acknowledged()
        self._measure(now_ms)
        if written:
            self._command(written, now_ms)
        return self._answer(count) if count else b""

    def _start_up(self, now_ms: float) -> None:
        """Everything volatile as at power-on; the altitude is volatile as long as nobody persists it."""
        self._altitude_m = 0
        self._busy_until_ms = now_ms + POWER_UP_MS
        self._next_ms: float | None = None  # when a running measurement ends, None in idle mode
        self._measured: tuple[int, Raw] | None = None
        self._asked: tuple[int, float] | None = None

    def _now_ms(self) -> float:
        return self.port.node_ms() if self.port else 0

    def _is_over(self, due_ms: float) -> bool:
        return self.port is None or self.port.is_over(due_ms)

    def _measure(self, now_ms: float) -> None:
        """A measurement that ended since replaces the one before it, read or not."""
        while self._next_ms is not None and now_ms >= self._next_ms:
            self._next_ms += INTERVAL_MS
            if self.fault != "not-ready":
                self._measured = (self._count, self._next_raw())
                self._count += 1

    def _next_raw(self) -> Raw:
        """The data sheet's example first; then another CO2 with each measurement, as long as the range allows it."""
        n = self._count
        if n == 0:
            return DATA_SHEET
        ppm = FIRST_PPM + n % (LAST_PPM - FIRST_PPM)
        return Raw(ppm, DATA_SHEET.temperature + n % 3_000, DATA_SHEET.humidity + n % 9_000)

    def _command(self, written: bytes, now_ms: float) -> None:
        if len(written) not in {2, 5}:
            raise _not_acknowledged()
        command, argument = int.from_bytes(written[:2], "big"), written[2:]
        if self._next_ms is not None and command not in WHILE_MEASURING:
            raise _not_acknowledged()
        if argument and argument != sealed(int.from_bytes(argument[:2], "big")):
            raise _not_acknowledged()
        self._asked = (command, now_ms + COMMAND_MS)
        if command == START:
            self._next_ms = now_ms + INTERVAL_MS
        elif command == STOP:
            self._next_ms = self._measured = None
            self._busy_until_ms = now_ms + STOP_MS
        elif command == SET_ALTITUDE and argument:
            (self._altitude_m,) = struct.unpack_from(">H", argument)

    def _answer(self, count: int) -> bytes:
        """What the last command left to be read; an ended answer goes on as the pull-ups have it, 0xFF."""
        command, ready_ms = self._asked or (0, 0)
        self._asked = None
        if not self._is_over(ready_ms):
            raise _not_acknowledged()
        if command == READ:
            data = self._measurement()
        elif command == READY:
            data = sealed(READY_WORD if self._measured else NOT_READY)
        elif command == SERIAL:
            data = sealed(*SERIAL_WORDS)
        elif command == GET_ALTITUDE:
            data = sealed(self._altitude_m)
        else:
            raise _not_acknowledged()
        return data[:count].ljust(count, b"\xff")

    def _measurement(self) -> bytes:
        """Section 3.5.2: read once, then the buffer is empty, and an empty buffer does not acknowledge."""
        if not self._measured:
            raise _not_acknowledged()
        (identity, raw), self._measured = self._measured, None
        if self.fault == "implausible":
            raw = Raw(0xFFFF, 0xFFFF, 0xFFFF)
        elif self.fault == "no-co2":
            raw = raw._replace(co2=0)
        self.emit(identity, {CO2: raw.co2}, valid=self.fault in {None, "not-ready"})
        data = sealed(*raw)
        return data[:-1] + bytes((data[-1] ^ 0x01,)) if self.fault == "garbled" else data


def _not_acknowledged() -> OSError:
    return OSError(errno.ENODEV, "no acknowledge")
