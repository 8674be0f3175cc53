"""The rest of `machine`: what a node uses rarely, or once."""

import struct
import time

import bench
import machine
import uselect
from micropython import const

_OP_ADC = const(6)
_OP_UART = const(11)
_OP_SLEEP = const(15)

PWRON_RESET = const(1)
HARD_RESET = const(2)
WDT_RESET = const(3)
DEEPSLEEP_RESET = const(4)
SOFT_RESET = const(5)


def soft_reset():
    machine.reset(b"\x05")


def deepsleep(time_ms=0):
    while True:
        bench.ask(_OP_SLEEP, struct.pack("<I", time_ms))


def lightsleep(time_ms=0):
    time.sleep_ms(time_ms)


def idle():
    time.sleep_ms(1)


def unique_id():
    return bench.UNIQUE_ID


def freq(hertz=None):
    return 160000000


def disable_irq():
    return 0


def enable_irq(state):
    pass


class ADC:
    ATTN_0DB = const(0)
    ATTN_2_5DB = const(1)
    ATTN_6DB = const(2)
    ATTN_11DB = const(3)

    def __init__(self, pin, *, atten=ATTN_0DB):
        self._id = pin._id if isinstance(pin, machine.Pin) else pin

    def read_u16(self):
        return struct.unpack("<HI", bench.ask(_OP_ADC, bytes((self._id,))))[0]

    def read_uv(self):
        return struct.unpack("<HI", bench.ask(_OP_ADC, bytes((self._id,))))[1]


def wait_readable(uart, timeout_ms):
    poll = uselect.poll()
    poll.register(uart, uselect.POLLIN)
    poll.poll(max(1, timeout_ms // bench.SPEED))


def pin_method(pin, name):
    """What `pin.name` is."""
    if name == "OPEN_DRAIN":
        return 7
    if name not in ("on", "off", "init"):
        raise AttributeError(name)
    if name == "init":
        return lambda mode=0, pull=None, **settings: machine.Pin.__init__(pin, pin._id, mode, pull, **settings)
    return lambda: pin.value(name == "on")


def _readline(uart):
    line = b""
    while not line.endswith(b"\n"):
        more = uart.read(1)
        if not more:
            break
        line += more
    return line or None


_UART = {
    "readline": _readline,
    "deinit": lambda uart: None,
    "flush": lambda uart: None,
    "txdone": lambda uart: True,
    "sendbreak": lambda uart: None,
}


def uart_method(uart, name):
    """What `uart.name` is."""
    if name not in _UART:
        raise AttributeError(name)
    return lambda: _UART[name](uart)
