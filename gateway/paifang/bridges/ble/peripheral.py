"""One device that is read through connections: when it is due, how patient one is with it, and its bond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from paifang.bridges.ble.gatt import Characteristics
from paifang.bridges.ble.presence import Presence
from paifang.bridges.errors import FrameError
from paifang.profiles.conversion import NO_SENSE, NOT_THERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paifang.bridges.ble.devices import BleDevice
    from paifang.bridges.ble.gatt import Place
    from paifang.bridges.party import Readings, Standing
    from paifang.profiles.conversion import Reading

Trouble = Literal["unreachable", "lost", "bond", "foreign"]
Bond = Literal["not needed", "needed", "made", "refused"]

WHY: dict[Trouble, str] = {
    "unreachable": "it cannot be connected",
    "lost": "the connection broke",
    "bond": "it answers bonded gateways only: have it accept a new one, as its manual says",
    "foreign": "it has none of the characteristics of its profile",
}
"""How a visit may end -> what that means."""
LASTING = frozenset(("bond", "foreign"))
"""What a person has to see to: that a device is heard says nothing of it."""
NOTHING_READ = "nothing is read from it"

RETRY_FIRST_US = 2_000_000
RETRY_LONGEST_US = 300_000_000
HEARD_RETRY_US = 5_000_000
"""A device that is heard need not wait for the backoff, but for so long for each time that it was tried in vain."""
AWAY_US = 60_000_000
"""Who was not heard for so long and is heard now is back, and is tried at once. Devices advertise every few seconds."""
DOWN_AFTER = 3
"""Connections fail now and then: so many, one after the other, and the device is down."""
STAY_US = 30_000_000
"""A device that is read at least so often stays connected: connecting costs it more than staying."""
TOGETHER = 4
"""What is due within a quarter of its interval is read in the same visit."""


class Peripheral:
    """`visit_us`: when to connect. `bond`: what is known of it; a bond is kept by the system's Bluetooth."""

    def __init__(self, device: BleDevice, now_us: int) -> None:
        self.presence = Presence(device, now_us)
        self.bond: Bond = "not needed"
        self.failures = 0
        self.visit_us = now_us
        self._characteristics = Characteristics(device.profile)
        groups, points = device.profile.groups, device.profile.points
        self._intervals_us: dict[Place, int] = {}
        for name, place in self._characteristics.places.items():
            interval_us = 1_000 * groups[points[name].properties.group]
            self._intervals_us[place] = min(interval_us, self._intervals_us.get(place, interval_us))
        self._due_us = dict.fromkeys(self._intervals_us, now_us)
        self._tried_us = self._heard_us = now_us
        self._lasting = False

    @property
    def is_frequent(self) -> bool:
        return min(self._intervals_us.values()) <= STAY_US

    @property
    def places(self) -> frozenset[Place]:
        return frozenset(self._due_us)

    @property
    def next_us(self) -> int:
        """When something is to be read."""
        return min(self._due_us.values())

    def due(self, now_us: int) -> list[Place]:
        """What to read now, and what would be due soon after."""
        if self.next_us > now_us:
            return []
        return [p for p, due_us in self._due_us.items() if due_us - self._intervals_us[p] // TOGETHER <= now_us]

    def read(self, found: Mapping[Place, bytes | None], now_us: int) -> list[Readings | Standing]:
        """Places were read, or told by themselves; None: the device does not have it, or does not give it."""
        self.failures = 0
        readings: dict[str, Reading] = {}
        for place, data in found.items():
            self._due_us[place] = now_us + self._intervals_us[place]
            readings |= self._readings(place, data)
        return self.presence.fresh(readings, now_us)

    def ended(self, now_us: int, trouble: Trouble | None, detail: str) -> list[Standing]:
        """A visit is over. After trouble it is tried again, ever less often, and when it is heard."""
        self._tried_us = now_us
        if trouble is None:
            self.visit_us = max(self.next_us, now_us)
            return []
        self.failures += 1
        self._lasting = trouble in LASTING
        backoff_us = RETRY_LONGEST_US if self._lasting else RETRY_FIRST_US << min(self.failures - 1, 16)
        self.visit_us = now_us + min(backoff_us, RETRY_LONGEST_US)
        why = f"{WHY[trouble]} ({detail})" if detail else WHY[trouble]
        is_down = self._lasting or self.failures >= DOWN_AFTER or self.presence.is_up is False
        return self.presence.down(why, now_us, trouble) if is_down else []

    def heard(self, now_us: int) -> bool:
        """It advertises: what made it unreachable may be over, and it is tried sooner. Whether it is."""
        before_us, away_us = self.visit_us, now_us - self._heard_us
        self._heard_us = now_us
        if self.failures and not self._lasting:
            retry_us = now_us if away_us >= AWAY_US else self._tried_us + self.failures * HEARD_RETRY_US
            self.visit_us = min(before_us, max(now_us, retry_us))
        return self.visit_us < before_us

    def tick(self, now_us: int) -> list[Standing]:
        """It may be stale now."""
        return self.presence.down(NOTHING_READ, now_us) if self.presence.is_stale(now_us) else []

    def _readings(self, place: Place, data: bytes | None) -> dict[str, Reading]:
        service, characteristic = place
        points = [name for name, at in self._characteristics.places.items() if at == place]
        if data is None:
            return dict.fromkeys(points, NOT_THERE)
        try:
            return self._characteristics.readings(characteristic, data, service)
        except FrameError:
            return dict.fromkeys(points, NO_SENSE)
