"""A Bluetooth adapter in the place of a bus: its devices come and go like units, and nothing is ordered over it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from paifang.bridges.ble.bridge import BleBridge
from paifang.bridges.party import Readings, Standing
from paifang.errors import resource_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paifang.bridges.ble.devices import BleDevice
    from paifang.bridges.ble.hearing import Neighbour
    from paifang.bridges.meter import Wish
    from paifang.bridges.party import Heard
    from paifang.profiles.conversion import Reading

ANY_ADAPTER = "default"


class Radio:
    """With the interface of a `bus.Bus`, which is its own party too. `backends`: those of `BleBridge`, for tests."""

    def __init__(
        self, place: str, on_heard: Callable[[Heard], object], monotonic: Callable[[], float], **backends: Any
    ) -> None:
        self.place = place
        self.talk = self
        self.taps: set[Callable[[str, bytes], object]] = set()
        self._on_heard = on_heard
        self._names: set[str] = set()
        adapter = "" if place == ANY_ADAPTER else place
        self._ble = BleBridge((), self._readings, self._state, adapter=adapter, monotonic=monotonic, **backends)
        self._task: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str:
        return self._ble.problem

    @property
    def faults(self) -> Mapping[str, int]:
        """Packets that were not taken, by reason."""
        found = Counter[str]()
        for beacon in self._ble.hearing.beacons.values():
            found.update({str(reason): count for reason, count in beacon.refused.items()})
        return found

    @property
    def counters(self) -> dict[str, int]:
        """The last counter of each device that encrypts."""
        return self._ble.hearing.counters

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._ble.run(), name=f"bluetooth {self.place}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """It never sleeps."""

    def add(self, name: str, member: object) -> None:
        self._names.add(name)
        self._ble.add(cast("BleDevice", member))

    def remove(self, name: str) -> None:
        if name in self._names:
            self._names.discard(name)
            self._ble.remove(name)

    def order(self, device: str, wish: Wish) -> None:
        raise ValueError(f"{device} cannot be told anything, such as {wish.point}")

    def _readings(self, device: str, readings: Mapping[str, Reading], at_us: int) -> None:
        self._on_heard(Readings(device, readings, at_us))

    def _state(self, device: str, is_up: bool, why: str) -> None:
        self._on_heard(Standing(device, is_up, why, self._ble.now_us()))


async def in_reach(adapter: str, for_s: float, **backends: Any) -> list[Neighbour]:
    """Everybody who advertises, the latest last. Raises PaifangError when the adapter cannot be had."""
    named = "" if adapter == ANY_ADAPTER else adapter
    ble = BleBridge((), _nobody, _nobody, adapter=named, monotonic=time.monotonic, **backends)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(for_s):
            await ble.run()
    if ble.problem:
        raise resource_error(f"Bluetooth: {ble.problem}", "`bluetoothctl list` shows the adapters there are")
    return list(ble.hearing.neighbours.values())


def _nobody(_device: str, *_: object) -> None:
    """Nobody is configured, and of nobody is anything told."""
