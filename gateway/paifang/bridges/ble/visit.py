"""One visit to a GATT server with bleak: connect, read what is due, listen while it may last."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bleak.exc import BleakError, BleakGATTProtocolError, BleakGATTProtocolErrorCode

from paifang.bridges.ble.advertisement import short_uuid

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic

    from paifang.bridges.ble.connections import Connections
    from paifang.bridges.ble.gatt import Place
    from paifang.bridges.ble.peripheral import Trouble

CONNECT_S = 20.0
READ_S = 10.0
DISCONNECT_S = 5.0

FAULTS = (BleakError, OSError, EOFError)
"""What bleak raises when a device, the adapter or the system's Bluetooth does not do as asked; a timeout is an OSError.
EOFError: the connection to D-Bus is gone."""
_BOND_WANTED = frozenset(
    (
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
    )
)


class _NoBondError(Exception):
    """The device wants a bond, and does not make one."""


class Visit:
    """`client(disconnected)` makes that of the device; `told`: called when `connections` has events."""

    def __init__(
        self,
        name: str,
        connections: Connections,
        client: Callable[[Callable[[BleakClient], None]], BleakClient],
        now_us: Callable[[], int],
        told: Callable[[], object],
    ) -> None:
        self._name = name
        self._connections = connections
        self._peripheral = connections.peripherals[name]
        self._now_us = now_us
        self._told = told
        self._gone = asyncio.Event()
        self._limit: asyncio.Timeout | None = None
        self._client = client(self._is_lost)
        self._found: dict[Place, BleakGATTCharacteristic] = {}

    async def run(self) -> tuple[Trouble | None, str]:
        """How it ended, and what the system says of it."""
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._client.connect()
        except FAULTS as error:
            return "unreachable", _words(error)
        try:
            return await self._talk()
        except _NoBondError as error:
            return "bond", str(error)
        except FAULTS as error:
            return "lost", _words(error)
        finally:
            with contextlib.suppress(*FAULTS):
                async with asyncio.timeout(DISCONNECT_S):
                    await self._client.disconnect()

    async def _talk(self) -> tuple[Trouble | None, str]:
        for service in self._client.services:
            for each in service.characteristics:
                self._found.setdefault((short_uuid(service.uuid), short_uuid(each.uuid)), each)
        if not self._found.keys() & self._peripheral.places:
            return "foreign", ""
        await self._read_due()
        if self._peripheral.is_frequent:
            await self._listen()
        while self._connections.may_stay(self._name, self._now_us()):
            if await self._is_gone_before(self._peripheral.next_us):
                return "lost", ""
            await self._read_due()
        return None, ""

    async def _read_due(self) -> None:
        found: dict[Place, bytes | None] = {}
        try:
            for place in self._connections.due(self._name, self._now_us()):
                characteristic = self._found.get(place)
                found[place] = None if characteristic is None else await self._read(characteristic)
        finally:
            self._heard(found)

    async def _read(self, characteristic: BleakGATTCharacteristic) -> bytes | None:
        """None: the device refuses it."""
        for _ in range(2):
            try:
                async with self._while_connected(READ_S):
                    return bytes(await self._client.read_gatt_char(characteristic))
            except BleakGATTProtocolError as error:
                if error.code not in _BOND_WANTED:
                    return None
                await self._make_bond(_words(error))
        return None

    async def _make_bond(self, wanted: str) -> None:
        self._peripheral.bond = "needed"
        try:
            async with self._while_connected(CONNECT_S):
                await self._client.pair()
        except FAULTS as error:
            self._peripheral.bond = "refused"
            raise _NoBondError(f"{wanted}; {_words(error)}") from error
        self._peripheral.bond = "made"

    async def _listen(self) -> None:
        """Have it tell by itself, where it can."""
        for place in self._peripheral.places:
            characteristic = self._found.get(place)
            if characteristic is not None and "notify" in characteristic.properties:
                async with self._while_connected(READ_S):
                    await self._client.start_notify(characteristic, self._hears(place))

    def _hears(self, place: Place) -> Callable[[BleakGATTCharacteristic, bytearray], None]:
        return lambda _, data: self._heard({place: bytes(data)})

    def _heard(self, found: Mapping[Place, bytes | None]) -> None:
        """Of a device that has been removed meanwhile, or replaced, nothing is told."""
        if found and self._connections.peripherals.get(self._name) is self._peripheral:
            self._connections.read(self._name, found, self._now_us())
            self._told()

    def _is_lost(self, _client: BleakClient) -> None:
        """Nothing will be answered any more: what waits for it need not wait for its time to be over."""
        self._gone.set()
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())

    @contextlib.asynccontextmanager
    async def _while_connected(self, at_most_s: float) -> AsyncGenerator[None]:
        """TimeoutError when the time is over, or the connection."""
        async with asyncio.timeout(0 if self._gone.is_set() else at_most_s) as limit:
            self._limit = limit
            try:
                yield
            finally:
                self._limit = None

    async def _is_gone_before(self, until_us: int) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(until_us - self._now_us(), 0) / 1e6):
                await self._gone.wait()
        return self._gone.is_set()


def _words(error: BaseException) -> str:
    """What an error says; a timeout says nothing."""
    return str(error) or "no answer in time"
