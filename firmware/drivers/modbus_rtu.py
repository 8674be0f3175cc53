"""Modbus RTU as a client speaks it: CRC, request and answer (Modbus over serial line V1.02, clause 2.5)."""

import struct

from micropython import const

from paifang_wire.messages import FAULT, GARBLED

from .faults import SensorFault

_EXCEPTION_BIT = const(0x80)


def crc16(data: bytes) -> int:
    """CRC-16/Modbus (clause 6.2.2); it goes onto the line low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def read_request(unit: int, function: int, address: int, count: int) -> bytes:
    """The frame that asks `unit` for `count` registers from `address` on (function 3 or 4)."""
    body = struct.pack(">BBHH", unit, function, address, count)
    return body + struct.pack("<H", crc16(body))


def read_answer(frame: bytes, unit: int, function: int, count: int) -> bytes:
    """The register bytes (2 x count, high byte first) of a valid answer.

    Raises SensorFault: GARBLED for a wrong CRC, unit, function or length, FAULT for an exception answer.
    """
    if len(frame) < 5 or crc16(frame[:-2]) != frame[-2] | frame[-1] << 8:
        raise SensorFault(GARBLED, "CRC or length wrong in %d bytes" % len(frame))
    if frame[0] == unit and frame[1] == function | _EXCEPTION_BIT:
        raise SensorFault(FAULT, "Modbus exception %d" % frame[2])
    if frame[0] != unit or frame[1] != function or frame[2] != 2 * count or len(frame) != 5 + 2 * count:
        raise SensorFault(GARBLED, "answer is not for this request")
    return frame[3:-2]


def answer_complete(count: int):
    """A test for `Line.ask`: a whole answer of `count` registers, or a whole exception answer."""

    def complete(frame: bytes) -> bool:
        return len(frame) >= 5 + 2 * count or (len(frame) == 5 and bool(frame[1] & _EXCEPTION_BIT))

    return complete
