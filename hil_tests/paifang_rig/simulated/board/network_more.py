"""The rest of `network`: what a node asks once, or never."""

import bench
from micropython import const

AP_IF = const(1)
STAT_IDLE = const(1000)
STAT_CONNECTING = const(1001)
STAT_BEACON_TIMEOUT = const(200)
STAT_NO_AP_FOUND = const(201)
STAT_WRONG_PASSWORD = const(202)
STAT_ASSOC_FAIL = const(203)
STAT_HANDSHAKE_TIMEOUT = const(204)


def hostname(name=None):
    return "mpy-esp32"


def country(code=None):
    return "XX"


def _ifconfig(wlan):
    return ("127.0.0.1" if wlan.isconnected() else "0.0.0.0", "255.0.0.0", "0.0.0.0", "0.0.0.0")


def _config(wlan, parameter=None, **settings):
    if parameter == "mac":
        return bench.UNIQUE_ID
    if parameter:
        raise ValueError("unknown config param")
    return None


_METHODS = {"ifconfig": _ifconfig, "config": _config}
_CONSTANTS = {"IF_AP": 1, "PM_NONE": 0, "PM_PERFORMANCE": 1, "PM_POWERSAVE": 2}


def method(wlan, name):
    """What `wlan.name` is."""
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if name not in _METHODS:
        raise AttributeError(name)
    return lambda *arguments, **settings: _METHODS[name](wlan, *arguments, **settings)
