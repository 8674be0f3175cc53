"""The air of one board: how long it takes to join the access point, and whether there is one."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang_rig.control import WlanOp

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
BEACON_TIMEOUT, NO_AP_FOUND, WRONG_PASSWORD = 200, 201, 202


@dataclass
class Wifi:
    """`up` False: the access point is gone, what is connected drops at once. `ssid` or `password` None takes any.

    Open sockets stall only as far as a `Tap` stalls them. `wired` is a board on Ethernet: sockets need no station.
    """

    up: bool = True
    connect_ms: int = 200
    ssid: str | None = None
    password: str | None = None
    rssi_dbm: int = -61
    wired: bool = False

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The station is off, as after power-on."""
        self._active = False
        self._asked: tuple[str, str] | None = None
        self._connected_at_ms: float | None = None
        self._was_up = False

    def handle(self, payload: bytes, now_ms: Callable[[], float]) -> bytes:
        """Answer to one WLAN request; `now_ms` is node time."""
        op, rest = WlanOp(payload[0]), payload[1:]
        if op is WlanOp.ACTIVE:
            self._active = bool(rest[0]) if rest else self._active
            return bytes((self._active,))
        if op is WlanOp.CONNECT:
            ssid, _, password = rest.partition(b"\0")
            self._asked = (ssid.decode(), password.decode())
            self._connected_at_ms = now_ms() + self.connect_ms
            self._was_up = False
        elif op is WlanOp.DISCONNECT:
            self._asked = None
        elif op is WlanOp.STATUS:
            return struct.pack("<H", self.status(now_ms()))
        elif op is WlanOp.RSSI:
            return struct.pack("<b", self.rssi_dbm)
        return b""

    def status(self, now_ms: float) -> int:
        """The ESP32 port's status number. As there, a station that lost its access point keeps looking for it."""
        if not self._active or self._asked is None:
            return IDLE
        if not self.up:
            self._connected_at_ms = None
            return BEACON_TIMEOUT if self._was_up else NO_AP_FOUND
        if self.ssid is not None and self._asked[0] != self.ssid:
            return NO_AP_FOUND
        if self.password is not None and self._asked[1] != self.password:
            return WRONG_PASSWORD
        if self._connected_at_ms is None:
            self._connected_at_ms = now_ms + self.connect_ms
        if now_ms < self._connected_at_ms:
            return CONNECTING
        self._was_up = True
        return GOT_IP

    def carries(self, now_ms: float) -> bool:
        """A socket would find a route."""
        return self.wired or self.status(now_ms) == GOT_IP
