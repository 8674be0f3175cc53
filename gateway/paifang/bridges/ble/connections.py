"""Who is connected next: the longest overdue first, in as many slots as the adapter has, the lost ones in one of them.

Sans-IO: `step` says whom to visit; during a visit the shell asks what is due, and tells what was read and how it ended.
Times are of any clock that only goes forward, in microseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.ble.peripheral import Peripheral

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paifang.bridges.ble.devices import BleDevice
    from paifang.bridges.ble.gatt import Place
    from paifang.bridges.ble.peripheral import Trouble
    from paifang.bridges.party import Readings, Standing

SLOTS = 3
"""Connections at a time that the usual adapters hold beside a scan."""


class Connections:
    """All that is read through connections of one adapter."""

    def __init__(self, devices: Iterable[BleDevice], now_us: int, slots: int = SLOTS) -> None:
        self.peripherals: dict[str, Peripheral] = {}
        self._by_address: dict[str, list[Peripheral]] = {}
        self.slots = slots
        self._visited: set[str] = set()
        self._events: list[Readings | Standing] = []
        for device in devices:
            self.add(device, now_us)

    def add(self, device: BleDevice, now_us: int) -> None:
        """From now on it is visited."""
        peripheral = self.peripherals[device.name] = Peripheral(device, now_us)
        self._by_address.setdefault(device.address, []).append(peripheral)

    def remove(self, name: str) -> None:
        """A visit that is under way keeps its slot until it has `ended`."""
        peripheral = self.peripherals.pop(name)
        for peripherals in self._by_address.values():
            if peripheral in peripherals:
                peripherals.remove(peripheral)

    @property
    def wake_us(self) -> int | None:
        """When there will be somebody to visit, or somebody stale; None: not before a visit ends."""
        stale_us = (each.presence.stale_us for each in self.peripherals.values())
        visits_us = (each.visit_us for name, each in self.peripherals.items() if self._may_visit(name))
        return min((*visits_us, *(each for each in stale_us if each is not None)), default=None)

    def step(self, now_us: int) -> list[str]:
        """Whom to visit from now on: each has a slot until `ended`."""
        begun: list[str] = []
        for name in self._overdue(now_us):
            if self._may_visit(name):
                self._visited.add(name)
                begun.append(name)
        for peripheral in self.peripherals.values():
            self._events += peripheral.tick(now_us)
        return begun

    def due(self, name: str, now_us: int) -> list[Place]:
        """What to read in a visit."""
        return self.peripherals[name].due(now_us)

    def read(self, name: str, found: Mapping[Place, bytes | None], now_us: int) -> None:
        """What places of a visited device say, asked or not; None: it does not have it, or does not give it."""
        self._events += self.peripherals[name].read(found, now_us)

    def may_stay(self, name: str, now_us: int) -> bool:
        """Whether a connection is kept until the next reading: it is soon, and nobody waits for the slot."""
        if not self.peripherals[name].is_frequent:
            return False
        waiting = [other for other in self._overdue(now_us) if not self._is_lost(other)]
        return len(self._visited) < self.slots or not waiting

    def ended(self, name: str, now_us: int, trouble: Trouble | None = None, detail: str = "") -> None:
        """A visit is over."""
        self._visited.discard(name)
        if name in self.peripherals:
            self._events += self.peripherals[name].ended(now_us, trouble, detail)

    def heard(self, address: str, now_us: int) -> bool:
        """A device advertises. Whether there is something to do sooner for that."""
        sooner = [peripheral.heard(now_us) for peripheral in self._by_address.get(address, ())]
        return any(sooner)

    def deaf(self, why: str, now_us: int) -> None:
        """The adapter is gone, and every device is down."""
        for peripheral in self.peripherals.values():
            self._events += peripheral.presence.down(why, now_us)

    def take_events(self) -> list[Readings | Standing]:
        """What has come of it since the last time."""
        events, self._events = self._events, []
        return events

    def _overdue(self, now_us: int) -> list[str]:
        waiting = (
            (each.visit_us, name)
            for name, each in self.peripherals.items()
            if name not in self._visited and each.visit_us <= now_us
        )
        return [name for _, name in sorted(waiting)]

    def _may_visit(self, name: str) -> bool:
        """Whether a slot is free for it: of several, those that are down share one."""
        if name in self._visited or len(self._visited) >= self.slots:
            return False
        return self.slots == 1 or not (self._is_lost(name) and any(map(self._is_lost, self._visited)))

    def _is_lost(self, name: str) -> bool:
        return name in self.peripherals and self.peripherals[name].presence.is_up is False
