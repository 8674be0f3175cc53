"""Wi-Fi as a station: bring it up, and bring it up again."""

from micropython import const

_CONNECT_MS = const(20_000)
_POLL_MS = const(250)


class Wifi:
    """`wlan` is a `network.WLAN` in station mode."""

    def __init__(self, wlan, ssid: str, password: str, uptime) -> None:
        self._wlan = wlan
        self._ssid = ssid
        self._password = password
        self._uptime = uptime

    async def up(self) -> None:
        """Return at once when connected, else connect. Raises OSError when no access point takes us within 20 s."""
        wlan = self._wlan
        if wlan.isconnected():
            return
        wlan.active(True)
        try:
            wlan.disconnect()  # an attempt that hangs since the access point went away would refuse the next one
        except OSError:
            pass
        wlan.connect(self._ssid, self._password)
        deadline_ms = self._uptime.now_ms() + _CONNECT_MS
        while not wlan.isconnected():
            if self._uptime.now_ms() >= deadline_ms:
                raise OSError("no Wi-Fi from " + self._ssid)
            await self._uptime.sleep_ms(_POLL_MS)
