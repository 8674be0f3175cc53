"""The 16-bit checksums of the protocols here that go by the low bit first; they differ in polynomial and start."""

from __future__ import annotations


def table(polynomial: int) -> tuple[int, ...]:
    """What `crc16` needs of a polynomial, its bits in reverse."""
    return tuple(_shifted(byte, polynomial) for byte in range(256))


def crc16(data: bytes, of: tuple[int, ...], start: int) -> int:
    found = start
    for byte in data:
        found = found >> 8 ^ of[(found ^ byte) & 0xFF]
    return found


def _shifted(value: int, polynomial: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (polynomial if value & 1 else 0)
    return value


IBM = table(0xA001)
"""x16 + x15 + x2 + 1: Modbus from FFFF on, P1 from 0 on."""
CCITT = table(0x8408)
"""x16 + x12 + x5 + 1: HDLC from FFFF on, and inverted in the end."""
