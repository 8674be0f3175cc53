"""The Bluetooth bridge: one adapter, scanned for ever, and visits to the devices that are read through connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

from paifang.bridges.ble.advertisement import Advertisement, checked_address, short_uuid
from paifang.bridges.ble.connections import SLOTS, Connections
from paifang.bridges.ble.devices import GATT
from paifang.bridges.ble.hearing import Hearing
from paifang.bridges.ble.visit import CONNECT_S, FAULTS, Visit
from paifang.bridges.errors import FrameError
from paifang.bridges.party import Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bleak.backends.client import BaseBleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

    from paifang.bridges.ble.devices import BleDevice
    from paifang.profiles.conversion import Reading

RESCAN_FIRST_S = 1.0
RESCAN_LONGEST_S = 30.0
DEAF_S = 120.0
"""Somewhere something advertises: a scan that hears nothing for so long has died, as adapters' firmware does."""
NOT_BEGUN = "the scan has not begun yet"
NO_SYSTEM = "the system's Bluetooth does not answer: is bluetooth.service running?"

_log = logging.getLogger(__name__)


class _Adapter(TypedDict, total=False):
    """What BlueZ's scanner and client are told of it."""

    adapter: str


class BleBridge:
    """`run` never returns. `problem` says why nothing is heard, "" while all is well.

    `on_readings(device, point -> reading, at_us)` and `on_state(device, is_up, why)` are called as things happen; times
    are of `monotonic`. `adapter`: such as hci1, where there are several. `scanner` and `client`: backends of bleak,
    other than the system's.
    """

    def __init__(
        self,
        devices: Iterable[BleDevice],
        on_readings: Callable[[str, Mapping[str, Reading], int], object],
        on_state: Callable[[str, bool, str], object],
        *,
        adapter: str = "",
        slots: int = SLOTS,
        scanner: type[BaseBleakScanner] | None = None,
        client: type[BaseBleakClient] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problem = NOT_BEGUN
        self._on_readings = on_readings
        self._on_state = on_state
        self._bluez: _Adapter = {"adapter": adapter} if adapter else {}
        self._backends = scanner, client
        self._monotonic = monotonic
        self.hearing = Hearing((), self.now_us())
        self.connections = Connections((), self.now_us(), slots)
        self._devices: dict[str, BleDevice] = {}
        self._wanted: set[str] = set()
        self._in_reach: dict[str, BLEDevice] = {}
        self._visits: dict[str, asyncio.Task[None]] = {}
        self._heard_us = self.now_us()
        self._changed = asyncio.Event()
        for device in devices:
            self.add(device)

    def add(self, device: BleDevice) -> None:
        """From now on its readings and states are told; it takes the place of one with its name."""
        if device.name in self._devices:
            self.remove(device.name)
        self._devices[device.name] = device
        self._wanted.add(device.address)
        self._part(device).add(device, self.now_us())
        self._changed.set()

    def remove(self, name: str) -> None:
        """Nothing more is told of it, and its connection is closed."""
        device = self._devices.pop(name)
        self._wanted = {each.address for each in self._devices.values()}
        self._part(device).remove(name)
        if name in self._visits:
            self._visits[name].cancel()

    def _part(self, device: BleDevice) -> Hearing | Connections:
        return self.connections if device.profile.protocol == GATT else self.hearing

    def now_us(self) -> int:
        return round(self._monotonic() * 1e6)

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._scan())
            tasks.create_task(self._drive(tasks))

    async def _scan(self) -> None:
        delay_s = RESCAN_FIRST_S
        while True:
            try:
                async with self._scanner():
                    self.problem, delay_s = "", RESCAN_FIRST_S
                    self._changed.set()
                    await self._until_deaf()
                _log.info("bridges: Bluetooth hears nothing for %d s: the scan begins anew", DEAF_S)
            except FAULTS as error:
                self._is_deaf(str(error) if isinstance(error, BleakError) else f"{NO_SYSTEM} ({error!r})")
            except Exception as error:  # noqa: BLE001 - D-Bus bindings raise what they like, and a scan is for ever
                _log.warning("bridges: the Bluetooth scan failed", exc_info=True)
                self._is_deaf(repr(error))
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, RESCAN_LONGEST_S)

    def _scanner(self) -> BleakScanner:
        """Of BlueZ every packet is wanted: else a sensor whose value stays is not told from one that is gone."""
        backend, _ = self._backends
        return BleakScanner(self._heard, bluez={"filters": {"DuplicateData": True}, **self._bluez}, backend=backend)

    async def _until_deaf(self) -> None:
        self._heard_us = self.now_us()
        # One timer, instead of a task that each packet wakes.
        while (left_s := DEAF_S - (self.now_us() - self._heard_us) / 1e6) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left_s)

    def _is_deaf(self, why: str) -> None:
        if why != self.problem:
            _log.warning("bridges: Bluetooth: %s; trying again", why)
        self.problem = why
        now_us = self.now_us()
        self.hearing.deaf(f"Bluetooth: {why}", now_us)
        self.connections.deaf(f"Bluetooth: {why}", now_us)
        self._hand_on()

    def _heard(self, device: BLEDevice, data: AdvertisementData) -> None:
        now_us = self._heard_us = self.now_us()
        with contextlib.suppress(FrameError):  # a system that hides addresses gives names of its own
            address = checked_address(device.address)
            services = {short_uuid(uuid): content for uuid, content in data.service_data.items()}
            heard = Advertisement(services, data.manufacturer_data, data.local_name or "")
            if address in self._wanted:
                self._in_reach[address] = device
            self.hearing.hear(address, heard, data.rssi, now_us)
            sooner = self.connections.heard(address, now_us)
            if self._hand_on() or sooner:
                self._changed.set()

    async def _drive(self, tasks: asyncio.TaskGroup) -> None:
        """Begin the visits that are due, hand on what has come, and wait for the next."""
        while True:
            self._changed.clear()
            now_us = self.now_us()
            self.hearing.tick(now_us)
            for name in [] if self.problem else self.connections.step(now_us):
                self._visits[name] = tasks.create_task(self._visit(self._devices[name]))
            self._hand_on()
            await self._until(None if self.problem else self.wake_us)

    @property
    def wake_us(self) -> int | None:
        """When there is something to do, if nothing happens before."""
        times_us = (self.hearing.wake_us, self.connections.wake_us)
        return min((each for each in times_us if each is not None), default=None)

    async def _until(self, wake_us: int | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if wake_us is None else max(wake_us - self.now_us(), 0) / 1e6):
                await self._changed.wait()

    async def _visit(self, device: BleDevice) -> None:
        name, (_, backend) = device.name, self._backends
        target = self._in_reach.get(device.address, device.address)
        client = partial(BleakClient, target, timeout=CONNECT_S, bluez=self._bluez, backend=backend)
        trouble, detail = None, ""
        try:
            trouble, detail = await Visit(name, self.connections, client, self.now_us, self._hand_on).run()
        except Exception as error:  # noqa: BLE001 - as of the scan: one visit must not end those to the others
            _log.warning("bridges: the visit to %s failed", name, exc_info=True)
            trouble, detail = "lost", repr(error)
        finally:
            # Without an adapter it is not the device that does not answer.
            self.connections.ended(name, self.now_us(), None if self.problem else trouble, detail)
            self._changed.set()

    def _hand_on(self) -> bool:
        """Whether there was anything."""
        events = (*self.hearing.take_events(), *self.connections.take_events())
        for event in events:
            if isinstance(event, Readings):
                self._on_readings(event.device, event.readings, event.at_us)
            else:
                self._on_state(event.device, event.is_up, event.why)
        return bool(events)
