"""`time` of an ESP32: ticks wrap at 2**30, the epoch is 2000, and the bench says how fast it all runs.

asyncio keeps the interpreter's own clock (its queue, written in C, reads no other): its tests are upstream's. A node's
use of time is what is tried here. The built-in module stays reachable as `utime`.
"""

import bench
import utime
from micropython import const

_PERIOD = const(1 << 30)
_HALF = const(1 << 29)
_UNIX_2000 = const(946684800)
_speed = bench.SPEED
_first = bench.FIRST_TICK
_start_us = utime.ticks_us()


def _elapsed_us():
    return (utime.ticks_us() - _start_us) * _speed


def ticks_ms():
    return (_first + _elapsed_us() // 1000) & (_PERIOD - 1)


def ticks_us():
    return (_first * 1000 + _elapsed_us()) & (_PERIOD - 1)


ticks_cpu = ticks_us


def ticks_add(ticks, delta):
    if not -_HALF <= delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & (_PERIOD - 1)


def ticks_diff(end, start):
    return ((end - start + _HALF) & (_PERIOD - 1)) - _HALF


def sleep_us(us):
    utime.sleep_us((us + _speed - 1) // _speed)


def sleep_ms(ms):
    if ms > 0:
        sleep_us(ms * 1000)


def sleep(seconds):
    sleep_us(int(seconds * 1000000))


def time():
    """Seconds since 2000-01-01 of a clock that nobody has set: the time since power came."""
    return _elapsed_us() // 1000000


def time_ns():
    return _elapsed_us() * 1000


def gmtime(seconds=None):
    return utime.gmtime((time() if seconds is None else seconds) + _UNIX_2000)[:8]


localtime = gmtime


def mktime(parts):
    return int(utime.mktime(parts)) - _UNIX_2000
