"""`network.WLAN` over the bench: a station that takes a while to connect, and may lose the access point."""

import struct

import bench
from micropython import const

_OP_WLAN = const(8)
_ACTIVE = const(1)
_CONNECT = const(2)
_DISCONNECT = const(3)
_STATUS = const(4)
_RSSI = const(5)

STA_IF = const(0)
AP_IF = const(1)
STAT_IDLE = const(1000)
STAT_CONNECTING = const(1001)
STAT_GOT_IP = const(1010)
STAT_NO_AP_FOUND = const(201)
STAT_WRONG_PASSWORD = const(202)
STAT_BEACON_TIMEOUT = const(200)
STAT_ASSOC_FAIL = const(203)
STAT_HANDSHAKE_TIMEOUT = const(204)


def hostname(name=None):
    return "mpy-esp32"


def country(code=None):
    return "XX"


class WLAN:
    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    def __init__(self, interface=STA_IF):
        if interface != STA_IF:
            raise OSError("the simulated board has a station only")
        self._active = False

    def active(self, is_active=None):
        if is_active is not None:
            self._active = bool(is_active)
            bench.ask(_OP_WLAN, bytes((_ACTIVE, self._active)))
        return self._active

    def connect(self, ssid=None, key=None, *, bssid=None):
        if not self._active:
            raise OSError("Wifi Not Started")
        bench.ask(_OP_WLAN, bytes((_CONNECT,)) + (ssid or "").encode() + b"\0" + (key or "").encode())

    def disconnect(self):
        bench.ask(_OP_WLAN, bytes((_DISCONNECT,)))

    def isconnected(self):
        return self.status() == STAT_GOT_IP

    def status(self, parameter=None):
        if parameter == "rssi":
            return struct.unpack("<b", bench.ask(_OP_WLAN, bytes((_RSSI,))))[0]
        return struct.unpack("<H", bench.ask(_OP_WLAN, bytes((_STATUS,))))[0]

    def ifconfig(self):
        address = "127.0.0.1" if self.isconnected() else "0.0.0.0"
        return address, "255.0.0.0", "0.0.0.0", "0.0.0.0"

    def config(self, parameter=None, **settings):
        if parameter == "mac":
            return bench.UNIQUE_ID
        if parameter:
            raise ValueError("unknown config param")
        return None
