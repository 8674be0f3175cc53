"""Whether a device is up: since something new came of it, and until its least patient point is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.ble.freshness import Thinning
from paifang.bridges.party import Readings, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paifang.bridges.ble.devices import BleDevice
    from paifang.profiles.conversion import Reading


class Presence:
    """`is_up` None: not known yet."""

    def __init__(self, device: BleDevice, now_us: int) -> None:
        self.name = device.name
        self.is_up: bool | None = None
        self._thinning = Thinning(device.profile)
        self._patience_us = 1_000 * min(map(device.profile.stale_ms, device.profile.points))
        self._fresh_us = now_us
        self._told = ""

    @property
    def stale_us(self) -> int | None:
        """When it is down if nothing comes; None: it is down already."""
        return None if self.is_up is False else self._fresh_us + self._patience_us

    def is_stale(self, now_us: int) -> bool:
        return self.stale_us is not None and now_us >= self.stale_us

    def fresh(self, readings: Mapping[str, Reading], now_us: int) -> list[Readings | Standing]:
        """Something new has come of it."""
        came = [] if self.is_up else [Standing(self.name, True, "", now_us)]
        self.is_up, self._fresh_us, self._told = True, now_us, ""
        passed = self._thinning.passed(readings, now_us)
        return [*came, Readings(self.name, passed, now_us)] if passed else [*came]

    def down(self, why: str, now_us: int, kind: str = "") -> list[Standing]:
        """It is down; said once for each kind of why."""
        kind = kind or why
        if self.is_up is False and self._told == kind:
            return []
        self.is_up, self._told = False, kind
        return [Standing(self.name, False, why, now_us)]
