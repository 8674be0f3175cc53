"""Who is heard: advertisements in, readings and states of the configured devices out; and who else is in reach.

Sans-IO: times are of any clock that only goes forward, in microseconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.bridges.ble.advertisement import address_bytes
from paifang.bridges.ble.beacons import KINDS, kinds_in
from paifang.bridges.ble.freshness import Repetition
from paifang.bridges.ble.presence import Presence
from paifang.bridges.errors import FrameError
from paifang.bridges.matching import Matcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paifang.bridges.ble.advertisement import Advertisement
    from paifang.bridges.ble.devices import BleDevice
    from paifang.bridges.errors import Reason
    from paifang.bridges.party import Readings, Standing
    from paifang.profiles.conversion import Reading

NEIGHBOURS_MOST = 1_000
"""Phones change their address every quarter of an hour: of strangers, only the last ones are kept."""
NOT_HEARD = "nothing new is heard from it"
IN_VAIN_MOST = 3
"""So many packets one after the other that cannot be taken are the reason why a device is down."""


@dataclass(slots=True)
class Neighbour:
    """Who was heard at all. `kinds`: protocols of profiles that its advertisements speak."""

    address: str
    name: str
    kinds: frozenset[str]
    rssi_dbm: int
    heard_us: int
    packets: int = 0


class Beacon:
    """One configured device. `refused`: packets that were not taken, by reason; `repeated`: heard again.

    Packets that cannot be taken do not bring down a device that is heard: anybody can send them in its name.
    """

    def __init__(self, device: BleDevice, now_us: int) -> None:
        self.presence = Presence(device, now_us)
        self.repetition = Repetition(device.counter)
        self.refused: Counter[Reason] = Counter()
        self.repeated = 0
        self._device = device
        self._address = address_bytes(device.address)
        self._kind = KINDS[device.profile.protocol]
        self._matcher = Matcher(device.profile)
        self._in_vain: list[FrameError] = []

    def hear(self, heard: Advertisement, now_us: int) -> list[Readings | Standing]:
        """What an advertisement of its address says."""
        data = self._kind.find(heard)
        if data is None:
            return []
        try:
            readings = self._read(data)
        except FrameError as error:
            return self._refuse(error, now_us)
        if readings is None:
            self.repeated += 1
            return []
        self._in_vain = []
        return self.presence.fresh(readings, now_us)

    def tick(self, now_us: int) -> list[Standing]:
        """It may be stale now."""
        if not self.presence.is_stale(now_us):
            return []
        if len(self._in_vain) < IN_VAIN_MOST:
            return self.presence.down(NOT_HEARD, now_us)
        return self._down_because(self._in_vain[-1], now_us)

    def _read(self, data: bytes) -> Mapping[str, Reading] | None:
        """None: the same measurement again."""
        said = self._kind.decode(data, self._address, self._device.key)
        return self._matcher.readings(said.items) if self.repetition.is_new(data, said) else None

    def _refuse(self, error: FrameError, now_us: int) -> list[Readings | Standing]:
        self.refused[error.reason] += 1
        self._in_vain = [*self._in_vain[1 - IN_VAIN_MOST :], error]
        if self.presence.is_up or len(self._in_vain) < IN_VAIN_MOST:
            return []
        return [*self._down_because(error, now_us)]

    def _down_because(self, error: FrameError, now_us: int) -> list[Standing]:
        return self.presence.down(str(error), now_us, error.reason)


class Hearing:
    """All that is heard on one adapter."""

    def __init__(self, devices: Iterable[BleDevice], now_us: int) -> None:
        self.beacons: dict[str, Beacon] = {}
        self.neighbours: dict[str, Neighbour] = {}
        self._by_address: dict[str, list[Beacon]] = {}
        self._events: list[Readings | Standing] = []
        for device in devices:
            self.add(device, now_us)

    def add(self, device: BleDevice, now_us: int) -> None:
        """From now on it is listened to."""
        beacon = self.beacons[device.name] = Beacon(device, now_us)
        self._by_address.setdefault(device.address, []).append(beacon)

    def remove(self, name: str) -> None:
        beacon = self.beacons.pop(name)
        for beacons in self._by_address.values():
            if beacon in beacons:
                beacons.remove(beacon)

    @property
    def wake_us(self) -> int | None:
        """When `tick` is due; None: not before something is heard."""
        stale_us = (each.presence.stale_us for each in self.beacons.values())
        return min((each for each in stale_us if each is not None), default=None)

    @property
    def counters(self) -> dict[str, int]:
        """Device -> last counter of its encryption: with these a next run refuses what this one has taken."""
        found = {name: each.repetition.counter for name, each in self.beacons.items()}
        return {name: counter for name, counter in found.items() if counter is not None}

    def hear(self, address: str, heard: Advertisement, rssi_dbm: int, now_us: int) -> None:
        """An advertisement. `address` as `checked_address` has it."""
        self._note(address, heard, rssi_dbm, now_us)
        for beacon in self._by_address.get(address, ()):
            self._events += beacon.hear(heard, now_us)

    def tick(self, now_us: int) -> None:
        for beacon in self.beacons.values():
            self._events += beacon.tick(now_us)

    def deaf(self, why: str, now_us: int) -> None:
        """The adapter hears nothing any more, and every device is down."""
        for beacon in self.beacons.values():
            self._events += beacon.presence.down(why, now_us)

    def take_events(self) -> list[Readings | Standing]:
        """What has come of it since the last time."""
        events, self._events = self._events, []
        return events

    def _note(self, address: str, heard: Advertisement, rssi_dbm: int, now_us: int) -> None:
        """Who was heard last stands last."""
        before = self.neighbours.pop(address, None)
        found = before or Neighbour(address, "", frozenset(), rssi_dbm, now_us)
        found.name = heard.name or found.name
        found.kinds |= frozenset(kinds_in(heard))
        found.rssi_dbm, found.heard_us = rssi_dbm, now_us
        found.packets += 1
        self.neighbours[address] = found
        if len(self.neighbours) > NEIGHBOURS_MOST:
            del self.neighbours[next(iter(self.neighbours))]
