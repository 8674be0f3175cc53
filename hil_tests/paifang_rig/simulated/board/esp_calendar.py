"""The rest of `time`: the epoch of an ESP32 is 2000-01-01."""

import time as _time

import utime
from micropython import const

_PERIOD = const(1 << 30)
_UNIX_2000 = const(946684800)


def ticks_us():
    return (_time.ticks_ms() * 1000 + _time.time_ns() // 1000 % 1000) & (_PERIOD - 1)


ticks_cpu = ticks_us


def sleep(seconds):
    _time.sleep_ms(int(seconds * 1000))


def sleep_us(us):
    _time.sleep_ms((us + 999) // 1000)


def time():
    return _time.time_ns() // 1000000000


def gmtime(seconds=None):
    return utime.gmtime((time() if seconds is None else seconds) + _UNIX_2000)[:8]


localtime = gmtime


def mktime(parts):
    return int(utime.mktime(parts)) - _UNIX_2000
