"""`network.WLAN` over the bench: a station that takes a while to connect, and may lose the access point."""

import struct

import bench
from micropython import const

_OP_WLAN = const(8)

STA_IF = const(0)
STAT_GOT_IP = const(1010)


def _ask(op, payload=b""):
    return bench.ask(_OP_WLAN, op + payload)


class WLAN:
    def __init__(self, interface=STA_IF):
        if interface != STA_IF:
            raise OSError("the simulated board has a station only")

    def active(self, is_active=None):
        return _ask(b"\x01", b"" if is_active is None else bytes((bool(is_active),)))[0] == 1

    def connect(self, ssid=None, key=None, *, bssid=None):
        if not self.active():
            raise OSError("Wifi Not Started")
        _ask(b"\x02", (ssid or "").encode() + b"\0" + (key or "").encode())

    def disconnect(self):
        _ask(b"\x03")

    def isconnected(self):
        return self.status() == STAT_GOT_IP

    def status(self, parameter=None):
        if parameter == "rssi":
            return struct.unpack("<b", _ask(b"\x05"))[0]
        return struct.unpack("<H", _ask(b"\x04"))[0]

    def __getattr__(self, name):
        return bench.load("network_more").method(self, name)


WLAN.IF_STA = STA_IF


def __getattr__(name):
    return getattr(bench.load("network_more"), name)
