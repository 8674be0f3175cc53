"""`time` of an ESP32: ticks wrap at 2**30, and the bench says how fast it all runs.

asyncio keeps the interpreter's own clock (its queue, written in C, reads no other): its tests are upstream's. A node's
use of time is what is tried here. The built-in module stays reachable as `utime`.
"""

import bench
import utime
from micropython import const

_PERIOD = const(1 << 30)
_HALF = const(1 << 29)
_speed = bench.SPEED
_first = bench.FIRST_TICK
_start_us = utime.ticks_us()


def time_ns():
    """Since power came, as for a clock that nobody has set."""
    return (utime.ticks_us() - _start_us) * _speed * 1000


def ticks_ms():
    return (_first + time_ns() // 1000000) & (_PERIOD - 1)


def ticks_add(ticks, delta):
    if not -_HALF <= delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & (_PERIOD - 1)


def ticks_diff(end, start):
    return ((end - start + _HALF) & (_PERIOD - 1)) - _HALF


def sleep_ms(ms):
    utime.sleep_us(max(0, ms) * 1000 // _speed)


def __getattr__(name):
    return getattr(bench.load("esp_calendar"), name)
