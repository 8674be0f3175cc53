"""`machine` over the bench: pins, UARTs, I2C, ADC, watchdog and reset, with the names of the ESP32 port."""

import io
import struct

import bench
import time
import uselect
from micropython import const

_OP_PIN_MODE = const(2)
_OP_PIN_WRITE = const(3)
_OP_PIN_READ = const(4)
_OP_I2C = const(5)
_OP_ADC = const(6)
_OP_WDT = const(7)
_OP_UART = const(11)
_OP_RESET = const(14)
_OP_SLEEP = const(15)

_POLL_READ = const(1)
_STREAM_POLL = const(3)
_STREAM_FILENO = const(10)

PWRON_RESET = const(1)
HARD_RESET = const(2)
WDT_RESET = const(3)
DEEPSLEEP_RESET = const(4)
SOFT_RESET = const(5)

_uart_fds = {}
_floating_fd = -1
_ready_fd = -1


def wire(uart_fds, floating_fd, ready_fd):
    """Which descriptor each UART is; one that never has data for the others; one that always has."""
    global _floating_fd, _ready_fd
    _uart_fds.update(uart_fds)
    _floating_fd = floating_fd
    _ready_fd = ready_fd


def reset():
    bench.end(_OP_RESET, b"\x02")


def soft_reset():
    bench.end(_OP_RESET, b"\x05")


def deepsleep(time_ms=0):
    bench.end(_OP_SLEEP, struct.pack("<I", time_ms))


def lightsleep(time_ms=0):
    time.sleep_ms(time_ms)


def idle():
    time.sleep_ms(1)


def reset_cause():
    return bench.RESET_CAUSE


def unique_id():
    return bench.UNIQUE_ID


def freq(hertz=None):
    return 160000000


def disable_irq():
    return 0


def enable_irq(state):
    pass


class Pin:
    IN = const(1)
    OUT = const(3)
    OPEN_DRAIN = const(7)
    PULL_DOWN = const(1)
    PULL_UP = const(2)

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self._id = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        if value is not None:
            self.value(value)  # before the direction, so that an output comes up at this level
        if mode != -1:
            bench.tell(_OP_PIN_MODE, bytes((self._id, mode, pull if pull and pull > 0 else 0)))

    def value(self, level=None):
        if level is None:
            return bench.ask(_OP_PIN_READ, bytes((self._id,)))[0]
        bench.tell(_OP_PIN_WRITE, bytes((self._id, 1 if level else 0)))
        return None

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


class ADC:
    ATTN_0DB = const(0)
    ATTN_2_5DB = const(1)
    ATTN_6DB = const(2)
    ATTN_11DB = const(3)

    def __init__(self, pin, *, atten=ATTN_0DB):
        self._id = pin._id if isinstance(pin, Pin) else pin

    def read_u16(self):
        return struct.unpack("<HI", bench.ask(_OP_ADC, bytes((self._id,))))[0]

    def read_uv(self):
        return struct.unpack("<HI", bench.ask(_OP_ADC, bytes((self._id,))))[1]


class WDT:
    def __init__(self, id=0, timeout=5000):
        bench.tell(_OP_WDT, struct.pack("<I", timeout))

    def feed(self):
        bench.tell(_OP_WDT)


class I2C:
    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._id = id

    def scan(self):
        return [address for address in range(8, 0x78) if self._acknowledges(address)]

    def writeto(self, address, data, stop=True):
        self._transfer(address, data, 0)
        return len(data)

    def readfrom(self, address, count, stop=True):
        return self._transfer(address, b"", count)

    def readfrom_into(self, address, buffer, stop=True):
        buffer[:] = self._transfer(address, b"", len(buffer))

    def writeto_mem(self, address, register, data, *, addrsize=8):
        self._transfer(address, _register(register, addrsize) + bytes(data), 0)

    def readfrom_mem(self, address, register, count, *, addrsize=8):
        return self._transfer(address, _register(register, addrsize), count)

    def readfrom_mem_into(self, address, register, buffer, *, addrsize=8):
        buffer[:] = self._transfer(address, _register(register, addrsize), len(buffer))

    def _acknowledges(self, address):
        try:
            self._transfer(address, b"", 0)
        except OSError:
            return False
        return True

    def _transfer(self, address, data, count):
        return bench.ask(_OP_I2C, struct.pack("<BBH", self._id, address, count) + data)


SoftI2C = I2C


def _register(number, addrsize):
    return number.to_bytes(addrsize // 8, "big")


class UART(io.IOBase):
    """8N1 only, like the PTYs and sockets behind it. Never blocks unless `timeout` asks for it."""

    INV_TX = const(0)

    def __init__(self, id, baudrate=115200, bits=8, parity=None, stop=1, **settings):
        if parity is not None or bits != 8 or stop != 1:
            raise ValueError("the simulated UART is 8N1 only")
        self._id = id
        self._fd = _uart_fds.get(id, _floating_fd)
        self._file = open(self._fd, "rb+") if id in _uart_fds else None
        self._pending = b""
        self.init(baudrate, **settings)

    def init(self, baudrate=115200, *, timeout=0, timeout_char=0, **settings):
        self._timeout = timeout
        bench.tell(_OP_UART, struct.pack("<BI", self._id, baudrate))

    def deinit(self):
        pass

    def any(self):
        if not self._pending and self._file:
            self._pending = self._file.read(256) or b""
        return len(self._pending)

    def read(self, count=-1):
        if not self._wait():
            return None
        if count < 0:
            count = 256
        if self._pending:
            data, self._pending = self._pending[:count], self._pending[count:]
            return data
        return self._file.read(count) or None

    def readinto(self, buffer, count=-1):
        data = self.read(len(buffer) if count < 0 else min(count, len(buffer)))
        if data is None:
            return None
        buffer[: len(data)] = data
        return len(data)

    def readline(self):
        line = b""
        while not line.endswith(b"\n") and self._wait():
            line += self.read(1) or b""
        return line or None

    def write(self, data):
        return self._file.write(data) if self._file else len(data)

    def flush(self):
        pass

    def txdone(self):
        return True

    def sendbreak(self):
        pass

    def ioctl(self, request, argument):
        if request == _STREAM_FILENO:
            return _ready_fd if self._pending else self._fd
        if request == _STREAM_POLL:
            return argument & ~_POLL_READ | (_POLL_READ if self.any() else 0)
        return 0

    def _wait(self):
        if not self._file:
            return False
        if self._timeout and not self._pending:
            poll = uselect.poll()
            poll.register(self._fd_object(), uselect.POLLIN)
            poll.poll(max(1, self._timeout // bench.SPEED))
        return True

    def _fd_object(self):
        return self._file
