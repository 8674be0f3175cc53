"""The control channel's bytes, host side; `simulated/board/bench.py` is the other end."""

from __future__ import annotations

import struct
from enum import IntEnum

HEADER = struct.Struct("<HB")
HELLO = struct.Struct("<HIBH6s")  # speed, first tick in ms, reset cause, flash blocks, unique id


class Op(IntEnum):
    HELLO = 1  # ask: → HELLO
    PIN_MODE = 2  # tell: pin, mode, pull
    PIN_WRITE = 3  # tell: pin, level
    PIN_READ = 4  # ask: pin → level
    I2C = 5  # ask: bus, address, count u16, written bytes → read bytes
    ADC = 6  # ask: pin → u16, microvolts u32
    WDT = 7  # tell: timeout in ms u32 starts it, empty feeds it
    WLAN = 8  # ask: WlanOp, ...
    NVS = 9  # ask: NvsOp, namespace and key each with a length byte, value → value
    STORAGE = 10  # ask: kind, block u16, offset u16, length u16 → GO or TORN
    UART = 11  # tell: number, baud u32
    POWER_LOST = 12  # tell: half of the torn operation is on flash
    SOCKET = 13  # ask: error EHOSTUNREACH without Wi-Fi
    RESET = 14  # tell: reset cause; the board waits for its end
    SLEEP = 15  # tell: ms u32; as RESET, after that time
    SPI = 16  # ask: bus, bytes shifted out → as many bytes shifted in


class WlanOp(IntEnum):
    ACTIVE = 1
    CONNECT = 2
    DISCONNECT = 3
    STATUS = 4
    RSSI = 5


class NvsOp(IntEnum):
    GET_I32 = 1
    SET_I32 = 2
    GET_BLOB = 3
    SET_BLOB = 4
    ERASE = 5
    COMMIT = 6


class ResetCause(IntEnum):
    """The ESP32 port's numbers."""

    POWER_ON = 1
    HARD = 2
    WATCHDOG = 3
    DEEP_SLEEP = 4
    SOFT = 5


GO, TORN = 0, 1
FLASH_KINDS = {1: "flash-program", 2: "flash-erase"}


class MessageSplitter:
    """Bytes from a board in, whole messages out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """(op, payload) of each message now complete."""
        data = self._rest + data if self._rest else data
        messages: list[tuple[int, bytes]] = []
        at = 0
        while len(data) - at >= HEADER.size:
            length, op = HEADER.unpack_from(data, at)
            end = at + HEADER.size + length
            if end > len(data):
                break
            messages.append((op, data[at + HEADER.size : end]))
            at = end
        self._rest = data[at:]
        return messages


def answer(payload: bytes = b"", errno: int = 0) -> bytes:
    return HEADER.pack(len(payload), errno) + payload
