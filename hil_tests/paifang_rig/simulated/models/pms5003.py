"""Plantower PMS5003 at its UART: 9600 8N1, frames of 32 bytes, passive and active mode, sleep.

Layout and commands: PMS5003 series data manual V2.3, appendix I (transport protocol) and its command table.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from paifang_rig.simulated.models.sensor import UartSensor

if TYPE_CHECKING:
    from collections.abc import Mapping

PM1, PM25, PM10, PARTICLES_03UM = 1, 2, 3, 7
_POINTS = (PM1, PM25, PM10, PARTICLES_03UM)
_WORDS = struct.Struct(">13H")
_START, _LENGTH = b"BM", 28
_MODE, _READ, _SLEEP = 0xE1, 0xE2, 0xE4
_COMMAND_LENGTH = 7
ACTIVE_PERIOD_MS = 1000
VERSION = 0x9700

CAPTURED = tuple(
    bytes.fromhex(frame)
    for frame in (
        "424D001C 0002000A000A 0002000A000A 024600AF0031001600000000 9700 02AC",
        "424D001C 0009000B000C 0009000B000C 095A01E3002B000400010000 9100 02F3",
        "424D001C 0029003E0046 001F002E003C 19EC07BF0169003600080000 9100 04E5",
    )
)
"""Frames of real sensors; each power-on of the bench begins by playing them."""


def frame(words: tuple[int, ...]) -> bytes:
    """13 words → the 32 bytes of a data frame with its sum."""
    body = _START + _LENGTH.to_bytes(2, "big") + _WORDS.pack(*words)
    return body + (sum(body) & 0xFFFF).to_bytes(2, "big")


def values_of(data: bytes) -> dict[int, int]:
    """The readings of a frame: atmospheric PM1, PM2.5, PM10 in µg/m³, particles over 0.3 µm in 0.1 l."""
    words = _WORDS.unpack_from(data, 4)
    return dict(zip(_POINTS, (words[3], words[4], words[5], words[6]), strict=True))


@dataclass
class Pms5003(UartSensor):
    """`latency_ms` is the time from command to answer. In the fault "sleeping" the fan stopped by itself: a wake
    command ends it. "absent" is an open connector, "mute" a dead one; on the wire they are the same.
    """

    FAULTS: ClassVar = ("absent", "mute", "garbled", "truncated", "implausible", "sleeping")

    latency_ms: float = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kind = "pms5003"
        self.active = True
        self.asleep = False
        self._count = 0
        self._buffer = b""

    @staticmethod
    def key_of(values: Mapping[int, int]) -> tuple[object, ...] | None:
        key = tuple(values.get(point) for point in _POINTS)
        return None if None in key else ("pms5003", *key)

    def power(self, on: bool) -> None:
        self.active, self.asleep, self._buffer = True, False, b""
        if on:
            self._active_tick()

    def received(self, data: bytes) -> None:
        self._buffer += data
        while (at := self._buffer.find(_START)) >= 0 and len(self._buffer) - at >= _COMMAND_LENGTH:
            command = self._buffer[at : at + _COMMAND_LENGTH]
            if sum(command[:5]) == int.from_bytes(command[5:], "big"):
                self._buffer = self._buffer[at + _COMMAND_LENGTH :]
                self._obey(command[2], command[4])
            else:
                self._buffer = self._buffer[at + 1 :]
        self._buffer = self._buffer[-_COMMAND_LENGTH:]

    def _obey(self, command: int, argument: int) -> None:
        if self.fault in {"absent", "mute"}:
            return
        if command == _SLEEP:
            self.asleep = argument == 0
            if self.fault == "sleeping" and not self.asleep:
                self.fault = None
            if self.asleep:
                self._reply(command, argument)
        elif self.asleep or self.fault == "sleeping":
            return
        elif command == _MODE:
            self.active = argument == 1
            self._reply(command, argument)
            if self.active:
                self._active_tick()
        elif command == _READ and self.port:
            self.port.after(self.latency_ms, self._measure)

    def _reply(self, command: int, argument: int) -> None:
        body = _START + bytes((0, 4, command, argument))
        self.send(body + sum(body).to_bytes(2, "big"), self.latency_ms)

    def _active_tick(self) -> None:
        def tick() -> None:
            if self.active:
                if not self.asleep:
                    self._measure(asked=False)
                self._active_tick()

        if self.port:
            self.port.after(ACTIVE_PERIOD_MS, tick)

    def _measure(self, *, asked: bool = True) -> None:
        if self.fault in {"absent", "mute", "sleeping"}:  # it came while the answer was being made
            return
        data = self._next_frame()
        identity = self._count
        self._count += 1
        if self.fault == "implausible":
            data = frame((0xFFFF,) * 6 + (0, 0xFFFF, 0, 0xFFFF, 0, 0xFFFF) + (VERSION,))
        elif self.fault == "garbled":
            data = data[:9] + bytes((data[9] ^ 0x10,)) + data[10:]
        values = values_of(data)
        if self.fault == "truncated":
            data = data[:20]
        self.emit(identity, values, valid=self.fault is None, asked=asked)
        self.send(data)

    def _next_frame(self) -> bytes:
        """Captured ones first, then generated ones, no two alike within 60,000 × 40."""
        if self._count < len(CAPTURED):
            return CAPTURED[self._count]
        n = self._count
        pm1 = 5 + (n // 50_000 + n) % 40
        pm25 = pm1 + 5 + n % 13
        pm10 = pm25 + n % 7
        counts = [10_000 + n % 50_000 >> shift for shift in (0, 2, 5, 8, 11, 12)]
        return frame((pm1, pm25, pm10, pm1, pm25, pm10, *counts, VERSION))
