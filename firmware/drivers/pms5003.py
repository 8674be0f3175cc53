"""Plantower PMS5003 particle sensor on a UART (9600 8N1), in passive mode (data sheet V2.3, appendices I and II).

Passive, because then each reading is asked for and answered once. The laser is rated for about a year of steady
running, so with a long period the sensor sleeps in between.
"""

import struct

from micropython import const

from paifang_wire.messages import ABSENT, FAULT, GARBLED, GOOD, IMPLAUSIBLE, MUTE, SETTLING

from .faults import SensorFault
from .uart_exchange import Line

_READ = b"\x42\x4d\xe2\x00\x00\x01\x71"
_PASSIVE = b"\x42\x4d\xe1\x00\x00\x01\x70"
_SLEEP = b"\x42\x4d\xe4\x00\x00\x01\x73"
_WAKE = b"\x42\x4d\xe4\x00\x01\x01\x74"

_HEAD = b"\x42\x4d\x00\x1c"  # start bytes and the length of a reading; answers to settings have another length
_FRAME_BYTES = const(32)
_ANSWER_LIMIT = const(96)  # a reading behind the tail of another one and an answer to a setting
_ANSWER_TIMEOUT_MS = const(1500)
_MODE_CHANGE_MS = const(100)
_SETTLE_MS = const(30_000)  # appendix I: the fan needs 30 s for a steady flow

# Words of a frame, after the head: 0-2 mass with CF=1, 3-5 mass in atmospheric air, 6-11 counts above 0.3 .. 10 um
# per 0.1 l, 12 version (high byte) and error (low byte), 13 check sum.
_WORDS = ">14H"


def find_frame(data: bytes) -> bytes:
    """The first reading with a right check sum anywhere in `data`, or b"" (a start inside noise is stepped over)."""
    start = data.find(_HEAD)
    while start >= 0:
        frame = data[start : start + _FRAME_BYTES]
        if len(frame) < _FRAME_BYTES:
            return b""
        if sum(frame[:-2]) == frame[-2] << 8 | frame[-1]:
            return frame
        start = data.find(_HEAD, start + 1)
    return b""


def parse(frame: bytes) -> tuple:
    """(PM1, PM2.5, PM10 in ug/m3 of atmospheric air, particles above 0.3 um per 0.1 l) of one checked frame.

    Raises SensorFault: FAULT when the sensor reports an error, IMPLAUSIBLE when a part is greater than its whole.
    """
    words = struct.unpack(_WORDS, frame[4:])
    if words[12] & 0xFF:
        raise SensorFault(FAULT, "error byte 0x%02x" % (words[12] & 0xFF))
    if not words[3] <= words[4] <= words[5]:
        raise SensorFault(IMPLAUSIBLE, "PM1 %d, PM2.5 %d, PM10 %d" % words[3:6])
    return words[3], words[4], words[5], words[6]


class Pms5003:
    """`uart`: read(n) and write(data), non-blocking; `clock`: now_ms() and sleep_ms(n)."""

    def __init__(self, uart, clock, sleep_between: bool = False) -> None:
        self._line = Line(uart, clock)
        self._clock = clock
        self._sleep_between = sleep_between
        self._asleep = False
        self._passive = False
        self._answered = False
        self._awake_since_ms = clock.now_ms()

    async def read(self) -> tuple:
        """((PM1, PM2.5, PM10, particles), GOOD or SETTLING). Raises SensorFault, also ABSENT, MUTE and GARBLED."""
        if self._asleep:
            await self._wake()
        if not self._passive:
            await self._set_passive()
        frame = await self._ask()
        quality = GOOD if self._clock.now_ms() - self._awake_since_ms >= _SETTLE_MS else SETTLING
        if self._sleep_between:
            self._line.write(_SLEEP)
            self._asleep = True
        return parse(frame), quality

    async def _ask(self) -> bytes:
        answer = await self._line.ask(_READ, find_frame, _ANSWER_LIMIT, _ANSWER_TIMEOUT_MS)
        frame = find_frame(answer)
        if frame:
            self._answered = True
            return frame
        self._passive = False  # it may have lost power, and comes back in active mode
        if answer:
            raise SensorFault(GARBLED, "no valid frame in %d bytes" % len(answer))
        self._awake_since_ms = self._clock.now_ms()  # whenever it comes back, it settles anew
        raise SensorFault(MUTE if self._answered else ABSENT, "no answer on the UART")

    async def _set_passive(self) -> None:
        self._line.write(_WAKE)  # nothing to a sensor that runs, and some stop their fan by themselves
        await self._clock.sleep_ms(_MODE_CHANGE_MS)
        self._line.write(_PASSIVE)
        await self._clock.sleep_ms(_MODE_CHANGE_MS)
        self._passive = True

    async def _wake(self) -> None:
        self._line.write(_WAKE)
        self._asleep = False
        self._passive = False
        self._awake_since_ms = self._clock.now_ms()
        await self._clock.sleep_ms(_SETTLE_MS)
