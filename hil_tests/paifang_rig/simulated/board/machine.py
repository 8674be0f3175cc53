"""`machine` over the bench, with the names of the ESP32 port: pins, UARTs, watchdog and reset; the rest at need."""

import io
import struct

import bench
from micropython import const

_OP_PIN_MODE = const(2)
_OP_PIN_WRITE = const(3)
_OP_PIN_READ = const(4)
_OP_WDT = const(7)
_OP_UART = const(11)
_OP_RESET = const(14)
_POLL_READ = const(1)
_STREAM_POLL = const(3)
_STREAM_FILENO = const(10)
_CHUNK = const(256)

uarts = {}  # number → descriptor
floating_fd = ready_fd = None  # what never has data, for a UART that leads nowhere; what always has


def reset(cause=b"\x02"):
    while True:
        bench.ask(_OP_RESET, cause)  # the answer is the end


def reset_cause():
    return bench.RESET_CAUSE


class Pin:
    IN = const(1)
    OUT = const(3)
    PULL_DOWN = const(1)
    PULL_UP = const(2)

    def __init__(self, id, mode=0, pull=None, *, value=None):
        self._id = id
        if value is not None:
            self.value(value)  # before the direction, so that an output comes up at this level
        bench.tell(_OP_PIN_MODE, bytes((id, mode, pull or 0)))

    def value(self, level=None):
        if level is None:
            return bench.ask(_OP_PIN_READ, bytes((self._id,)))[0]
        bench.tell(_OP_PIN_WRITE, bytes((self._id, 1 if level else 0)))
        return None

    __call__ = value

    def __getattr__(self, name):
        return bench.load("machine_more").pin_method(self, name)


class WDT:
    def __init__(self, id=0, timeout=5000):
        bench.tell(_OP_WDT, struct.pack("<I", timeout))

    def feed(self):
        bench.tell(_OP_WDT)


class UART(io.IOBase):
    """8N1 only, like the PTYs and sockets behind it. Never waits unless `timeout` asks for it."""

    def __init__(self, id, baudrate=115200, bits=8, parity=None, stop=1, timeout=0, **settings):
        if parity is not None or bits != 8 or stop != 1:
            raise ValueError("the simulated UART is 8N1 only")
        self._fd = uarts.get(id, floating_fd)
        self._file = open(self._fd, "rb+") if id in uarts else None
        self._pending = b""
        self._timeout = timeout
        bench.tell(_OP_UART, struct.pack("<BI", id, baudrate))

    def any(self):
        if not self._pending and self._file:
            self._pending = self._file.read(_CHUNK) or b""
        return len(self._pending)

    def read(self, count=_CHUNK):
        if self._timeout:
            bench.load("machine_more").wait_readable(self, self._timeout)
        if not self.any():
            return None
        data = self._pending[:count]
        self._pending = self._pending[count:]
        return data

    def readinto(self, buffer, count=_CHUNK):
        data = self.read(min(count, len(buffer)))
        if data is None:
            return None
        buffer[: len(data)] = data
        return len(data)

    def write(self, data):
        return self._file.write(data) if self._file else len(data)

    def ioctl(self, request, argument):
        if request == _STREAM_FILENO:
            return ready_fd if self._pending else self._fd
        if request == _STREAM_POLL:
            return argument & ~_POLL_READ | (_POLL_READ if self.any() else 0)
        return 0

    def __getattr__(self, name):
        return bench.load("machine_more").uart_method(self, name)


def __getattr__(name):
    return getattr(
        bench.load("machine_i2c" if "I2C" in name else "machine_spi" if "SPI" in name else "machine_more"), name
    )
