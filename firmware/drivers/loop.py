"""A signal's cabinet at the end of a serial line: a bench plays street, lamps and clock, one frame a tick.

For hardware in the loop. Instead of the node's own clock the time of the frames counts: nothing happens between them.
Each frame is answered with what is shown after it.
"""

import asyncio

from micropython import const

from . import loop_frames as frames

RED = AMBER = GREEN = const(0xFFFF)
NO_UNIT = const(255)
"""The mode of a node without a site record."""


def wired(machine, wiring: dict, uptime):
    """The cabinet at the UART of config.json."""
    del uptime
    uart = machine.UART(wiring["uart"], baudrate=wiring["baud"], tx=wiring["tx"], rx=wiring["rx"], timeout=0, rxbuf=512)
    return Loop(uart)


class Loop:
    """As `cabinet.Cabinet`, whatever it reads is what the last frame said."""

    def __init__(self, uart) -> None:
        self._stream = asyncio.StreamReader(uart)
        self._uart = uart
        self._seq = self._t_ms = self._clock_ms = self._level = 0
        self._unit = None
        self._is_asked = False
        self.ticks = False
        self.order = None
        self.red = self.amber = self.green = 0
        self.covered = self.buttons = self.preempts = self.transit = self.flags = 0

    async def wait(self) -> int:
        """Answer the frame before, and wait for the next; its time."""
        if self._is_asked:
            self._answer()
        while True:
            frame = await self._stream.readexactly(frames.DOWN_BYTES)
            try:
                self._take(frames.read_down(frame))
                return self._t_ms
            except frames.FrameError:
                await self._next_frame()

    def utc_ms(self, records_utc_ms):
        """The wall clock of the bench."""
        del records_utc_ms
        return self._t_ms + self._clock_ms

    def show(self, unit) -> None:
        """What the next answer says."""
        self._unit = unit

    def feed(self, level: int) -> None:
        """The level of the pin that would feed the relay."""
        self._level = level

    def _take(self, values: tuple) -> None:
        self._seq, self._t_ms, self.covered, self.buttons, priority, order, phases, currents, flags, clock_ms = values
        self._clock_ms = clock_ms
        self.preempts, self.transit = priority & 15, priority >> 4
        self.order = None if order == frames.NO_ORDER else (order, phases)
        self.red, self.amber, self.green = currents & RED, currents >> 16 & AMBER, currents >> 32 & GREEN
        self.flags = flags & ~frames.SAMPLE_ONLY
        self.ticks = not flags & frames.SAMPLE_ONLY
        self._is_asked = True

    def _answer(self) -> None:
        self._is_asked = False
        unit = self._unit
        shown, mode, lamps, enable, reason = b"", NO_UNIT, 0, 0, 0
        if unit is not None:
            shown, mode, reason = unit.interlock.aspects, unit.interlock.mode, unit.reason
            lamps = unit.red | unit.amber << 16 | unit.green << 32
            enable = self._level | unit.monitor.reason << 1
        self._uart.write(frames.up(self._seq, self._t_ms, shown, lamps, enable, mode, reason))

    async def _next_frame(self) -> None:
        """After a broken frame: whatever is still under way is no frame either."""
        while self._uart.any():
            self._uart.read()
            await asyncio.sleep_ms(5)
