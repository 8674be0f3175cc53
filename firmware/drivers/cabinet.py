"""Lamps and inputs of a signal's cabinet: chains of shift registers on one SPI bus, and the pin that feeds the relay.

Outputs are 74HC595, three bits a group; inputs are 74HC165. One exchange takes all inputs at one moment (`load` low),
shifts them in while the lamps' levels are shifted out, and shows these at one moment (`latch` up). Behind the outputs
a hold-in relay connects the lamps: it is fed through a charge pump by `enable`, which must go up and down at least five
times a second, and falls to the cabinet's own flasher otherwise (a pin that sticks, a program that hangs, no power).

Bits, the last byte of each chain first on the wire:

| chain | bytes | bit i of group, detector, phase, row i |
|---|---|---|
| out | red, amber, green: `groups` / 8 each | 1: lit |
| | 1: steady 1, beat 2, for a second unit that only watches | |
| in | red, amber, green: as many each | 1: current flows |
| | detectors: `detectors` / 8 | 1: covered |
| | buttons: 1 | 1: pressed, phase i + 1 |
| | preemptions 0-3, priorities 4-7: 1 | 1: asked for |
| | supply right 0, steady 1, beat 2 (of another unit), relay closed 3, flash switch 4, reset 5, door open 6 | `flags` |
"""

from micropython import const

SAMPLE_MS = const(20)
_SAMPLES = const(5)


def wired(machine, wiring: dict, uptime):
    """The cabinet at the pins of config.json; its lamps are dark and its relay is let go."""
    enable = machine.Pin(wiring["enable"], machine.Pin.OUT, value=0)
    latch = machine.Pin(wiring["latch"], machine.Pin.OUT, value=0)
    load = machine.Pin(wiring["load"], machine.Pin.OUT, value=1)
    pins = {name: machine.Pin(wiring[name]) for name in ("sck", "mosi", "miso")}
    spi = machine.SPI(wiring["spi"], baudrate=wiring["baud"], **pins)
    return Cabinet((spi, latch, load, enable), wiring["groups"] // 8, wiring["detectors"] // 8, uptime)


class Cabinet:
    """`red`, `amber`, `green`: groups whose lamp draws current; `covered`, `buttons`, `preempts`, `transit`, `flags`.

    These are as of the last `show`. `ticks`: the sample that is due is a tick too. `order`: (kind, phases) of a panel
    in the cabinet; there is none in this one.
    """

    order = None

    def __init__(self, pins: tuple, group_bytes: int, detector_bytes: int, uptime) -> None:
        self._spi, self._latch, self._load, self._enable = pins
        self._group_bytes = group_bytes
        self._detector_bytes = detector_bytes
        self._in = bytearray(3 * group_bytes + detector_bytes + 3)
        self._out = bytearray(len(self._in))
        self._uptime = uptime
        self._due_ms = uptime.now_ms()
        self._samples = 0
        self.ticks = False
        self.red = self.amber = self.green = 0
        self.covered = self.buttons = self.preempts = self.transit = self.flags = 0

    async def wait(self) -> int:
        """Wait for the next sample; its time. One that is late by more than a sample makes all that follow later.

        So an interval is shorter by less than SAMPLE_MS at the most, and no two samples are ever made up for at once.
        """
        uptime = self._uptime
        await uptime.sleep_ms(max(self._due_ms - uptime.now_ms(), 0))
        now_ms = uptime.now_ms()
        if now_ms - self._due_ms > SAMPLE_MS:
            self._due_ms = now_ms
        self._due_ms += SAMPLE_MS
        self._samples = (self._samples + 1) % _SAMPLES
        self.ticks = not self._samples
        return now_ms

    def utc_ms(self, records_utc_ms):
        """The time of day, as the node knows it."""
        return records_utc_ms()

    def show(self, unit) -> None:
        """Light what the unit says, and read everything as it was until now."""
        size = self._group_bytes
        start = len(self._out) - 3 * size - 1
        for lamps in (unit.red, unit.amber, unit.green):
            self._out[start : start + size] = lamps.to_bytes(size, "little")
            start += size
        self._out[start] = unit.status
        self._load(0)
        self._load(1)
        self._spi.write_readinto(self._out, self._in)
        self._latch(1)
        self._latch(0)
        self._read(size)

    def feed(self, level: int) -> None:
        """The level of the pin that feeds the relay."""
        self._enable(level)

    def _read(self, size: int) -> None:
        data = self._in
        self.red = int.from_bytes(data[:size], "little")
        self.amber = int.from_bytes(data[size : 2 * size], "little")
        self.green = int.from_bytes(data[2 * size : 3 * size], "little")
        self.covered = int.from_bytes(data[3 * size : -3], "little")
        self.buttons = data[-3]
        self.preempts = data[-2] & 15
        self.transit = data[-2] >> 4
        self.flags = data[-1]
