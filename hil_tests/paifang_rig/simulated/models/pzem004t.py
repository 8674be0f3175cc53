"""Peacefair PZEM-004T v3 at its UART: Modbus RTU at 9600 8N1, 32-bit values low word first.

Registers and functions: PZEM-004T V3.0 user manual, section 2 (communication protocol).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from paifang_rig.simulated.models.sensor import UartSensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paifang_rig.simulated.models.relay import Relay

VOLTAGE, CURRENT, POWER, ENERGY, FREQUENCY, POWER_FACTOR, ALARM = range(1, 8)
READ_HOLDING, READ_INPUT, WRITE_SINGLE, RESET_ENERGY = 0x03, 0x04, 0x06, 0x42
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_DATA, DEVICE_FAILURE = 1, 2, 3, 4
GENERAL_ADDRESS = 0xF8
INPUTS, HOLDING_ALARM, HOLDING_ADDRESS = 10, 1, 2
ALARM_ON = 0xFFFF
LATE_MS = 2_000
_REQUEST_LENGTHS = {READ_HOLDING: 8, READ_INPUT: 8, WRITE_SINGLE: 8, RESET_ENERGY: 4}

CAPTURED_REQUEST = bytes.fromhex("01 04 00 00 00 0A 70 0D")
CAPTURED = bytes.fromhex("01 04 14 08 D1 00 6C 00 00 00 F4 00 00 00 26 00 00 01 F4 00 64 00 00 51 34")
"""A real meter's answer: 225.7 V, 0.108 A, 24.4 W, 38 Wh, 50.0 Hz, power factor 1.00."""


def crc16(data: bytes) -> bytes:
    """Modbus over serial line V1.02, section 6.2.2: polynomial 0xA001, initial 0xFFFF, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def sealed(body: bytes) -> bytes:
    return body + crc16(body)


def input_words(values: Mapping[int, int]) -> tuple[int, ...]:
    """The ten input registers for values in the meter's own units (0.1 V, mA, 0.1 W, Wh, 0.1 Hz, 0.01)."""
    return (
        values[VOLTAGE],
        *_low_first(values[CURRENT]),
        *_low_first(values[POWER]),
        *_low_first(values[ENERGY]),
        values[FREQUENCY],
        values[POWER_FACTOR],
        ALARM_ON if values[ALARM] else 0,
    )


@dataclass
class Pzem004t(UartSensor):
    """`load` is the relay before the consumer: while it is open no current flows. `energy_wh` survives power cuts.

    `voltage_dv` (0.1 V) is the mains of every reading from then on; without it each one is a little different.

    Faults: "absent" and "mute" say nothing, "late" answers after 2 s, "exception" is Modbus exception 4,
    "other-unit" answers under a foreign address, "garbled" has a wrong CRC, "truncated" stops in the middle,
    "implausible" has registers at their end.
    """

    FAULTS: ClassVar = ("absent", "mute", "late", "exception", "other-unit", "garbled", "truncated", "implausible")

    unit: int = 1
    latency_ms: float = 30
    load: Relay | None = None
    alarm_w: int = 23_000
    voltage_dv: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kind = "pzem004t"
        self.energy_wh = 38
        self._count = 0
        self._buffer = b""
        self._functions: dict[int, Callable[[bytes], bytes]] = {
            READ_INPUT: self._read_input,
            READ_HOLDING: self._read_holding,
            WRITE_SINGLE: self._write_single,
            RESET_ENERGY: self._reset_energy,
        }

    @staticmethod
    def key_of(values: Mapping[int, int]) -> tuple[object, ...] | None:
        key = (values.get(VOLTAGE), values.get(ENERGY), values.get(FREQUENCY))
        return None if None in key else ("pzem004t", *key)

    def power(self, on: bool) -> None:
        self._buffer = b""

    def received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 4:
            length = _REQUEST_LENGTHS.get(self._buffer[1], 4)
            if len(self._buffer) < length:
                return
            request, self._buffer = self._buffer[:length], self._buffer[length:]
            if crc16(request[:-2]) != request[-2:]:
                self._buffer = b""  # as after the silence that ends a frame; a damaged request gets no answer
                return
            self._serve(request)

    def _serve(self, request: bytes) -> None:
        if self.fault in {"absent", "mute"} or request[0] not in {self.unit, GENERAL_ADDRESS}:
            return
        function = self._functions.get(request[1])
        if self.fault == "exception":
            answer = _exception(request, DEVICE_FAILURE)
        else:
            answer = function(request) if function else _exception(request, ILLEGAL_FUNCTION)
        self.send(self._spoil(answer), LATE_MS if self.fault == "late" else self.latency_ms)

    def _spoil(self, body: bytes) -> bytes:
        """The frame of `body` as the fault lets it out."""
        if self.fault == "other-unit":
            return sealed(bytes((body[0] % 0xF7 + 1,)) + body[1:])
        data = sealed(body)
        if self.fault == "garbled":
            return data[:-3] + bytes((data[-3] ^ 0x40,)) + data[-2:]
        return data[: len(data) // 2] if self.fault == "truncated" else data

    def _read_input(self, request: bytes) -> bytes:
        start, count = struct.unpack_from(">HH", request, 2)
        if not 0 < count <= INPUTS or start + count > INPUTS:
            return _exception(request, ILLEGAL_ADDRESS)
        identity, values = self._measure()
        words = input_words(values)
        if self.fault == "implausible":
            words = (0xFFFF,) * INPUTS
            values = dict.fromkeys(values, 0xFFFF)
        self.emit(identity, values, valid=self.fault is None and count == INPUTS)
        return request[:2] + bytes((2 * count,)) + struct.pack(f">{count}H", *words[start : start + count])

    def _measure(self) -> tuple[int, dict[int, int]]:
        """The captured reading first; then each reading is another watt-hour, so that no two are alike."""
        n = self._count
        self._count += 1
        if n:
            self.energy_wh += 1
        flows = self.load is None or self.load.closed
        voltage = self.voltage_dv or (2257 if n == 0 else 2200 + n % 97)
        current = 108 if n == 0 else 100 + n % 9_000
        power = 244 if n == 0 else voltage * current // 1000
        if not flows:
            current = power = 0
        factor = 100 if flows else 0
        alarm = int(power > self.alarm_w * 10)
        numbers = (voltage, current, power, self.energy_wh, 500, factor, alarm)
        return n, dict(zip(range(VOLTAGE, ALARM + 1), numbers, strict=True))

    def _read_holding(self, request: bytes) -> bytes:
        start, count = struct.unpack_from(">HH", request, 2)
        held = {HOLDING_ALARM: self.alarm_w, HOLDING_ADDRESS: self.unit}
        if not count or any(register not in held for register in range(start, start + count)):
            return _exception(request, ILLEGAL_ADDRESS)
        words = [held[register] for register in range(start, start + count)]
        return request[:2] + bytes((2 * count,)) + struct.pack(f">{count}H", *words)

    def _write_single(self, request: bytes) -> bytes:
        register, value = struct.unpack_from(">HH", request, 2)
        if register == HOLDING_ALARM and value <= 23_000:
            self.alarm_w = value
        elif register == HOLDING_ADDRESS and 1 <= value <= 0xF7:
            self.unit = value
        else:
            known = register in {HOLDING_ALARM, HOLDING_ADDRESS}
            return _exception(request, ILLEGAL_DATA if known else ILLEGAL_ADDRESS)
        return request[:-2]

    def _reset_energy(self, request: bytes) -> bytes:
        self.energy_wh = 0
        return request[:-2]


def _low_first(value: int) -> tuple[int, int]:
    return value & 0xFFFF, value >> 16


def _exception(request: bytes, code: int) -> bytes:
    return bytes((request[0], request[1] | 0x80, code))
