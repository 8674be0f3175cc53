"""Bluetooth without a radio: bumble's controllers on a link in this process, under a real bleak scanner and client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import hci
from bumble.att import ATT_Error
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import AdvertisingEventProperties, AdvertisingParameters, Device, Peer
from bumble.gatt import Characteristic, Service
from bumble.host import Host
from bumble.link import LocalLink
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink

from paifang.bridges.ble import advertisement

if TYPE_CHECKING:
    from collections.abc import Callable

READS_ONLY = "the bridge does not ask for this, and the backend of the rig does not have it"
NO_ADAPTER = "No powered Bluetooth adapters found."
CENTRAL = "F0:F1:F2:F3:F4:F5"
FAULTS = (BaseBumbleError, asyncio.TimeoutError)
_BASE = "0000{}-0000-1000-8000-00805f9b34fb"


class _Controller(Controller):
    """bumble's, which says that it cancels a connection and does not."""

    def on_hci_le_create_connection_cancel_command(self, command: Any) -> Any:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            cancelled = hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
            asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return super().on_hci_le_create_connection_cancel_command(command)


def _device(link: LocalLink, address: str) -> tuple[Device, Controller]:
    controller = _Controller(address, link=link, public_address=address)
    return Device(address=hci.Address(address), host=Host(controller, AsyncPipeSink(controller))), controller


class Air:
    """`adapter`: whether the gateway has one. `connected`: how many connections it holds, `most` it ever held.

    `asked`: what a system's backend would have been told last.
    """

    def __init__(self) -> None:
        self.link = LocalLink()
        self.central, self._controller = _device(self.link, CENTRAL)
        self.adapter = True
        self.connected = self.most = 0
        self.connecting = asyncio.Lock()
        self.asked: dict[str, Any] = {}
        self.scanner = type("AirScanner", (_Scanner,), {"air": self})
        self.client = type("AirClient", (_Client,), {"air": self})

    async def start(self) -> None:
        await self.central.power_on()

    def cut(self, peripheral: Peripheral) -> None:
        """Both sides lose the connection, as when the supervision timeout is over."""
        for controller, other in ((self._controller, peripheral.address), (peripheral.controller, CENTRAL)):
            for address, connection in list(controller.le_connections.items()):
                if address.to_string(with_type_qualifier=False) == other:
                    controller.on_le_disconnected(connection, hci.HCI_CONNECTION_TIMEOUT_ERROR)


class Peripheral:
    """A device that advertises `structures`, and has `services`."""

    def __init__(self, air: Air, address: str, services: tuple[Service, ...] = (), *, bonds: bool = True) -> None:
        self.air = air
        self.address = address
        self.device, self.controller = _device(air.link, address)
        self.device.add_services(list(services))
        self.device.pairing_config_factory = lambda _: PairingConfig(delegate=_Answers(bonds))
        self._is_on = False

    async def advertise(
        self, *structures: tuple[int, bytes], interval_ms: float = 1_000, extended: bool = False
    ) -> None:
        """From now on this, also after a connection."""
        if not self._is_on:
            await self.device.power_on()
            self._is_on = True
        await self.device.stop_advertising()
        data = bytes(AdvertisingData([(AdvertisingData.Type(kind), content) for kind, content in structures]))
        if extended:
            events = AdvertisingEventProperties(is_connectable=False, is_scannable=False, is_legacy=False)
            parameters = AdvertisingParameters(advertising_event_properties=events)
            await self.device.create_advertising_set(parameters, advertising_data=data)
            return
        await self.device.start_advertising(
            auto_restart=True,
            advertising_data=data,
            advertising_interval_min=interval_ms,
            advertising_interval_max=interval_ms,
        )

    async def vanish(self) -> None:
        """Its battery is dead."""
        await self.device.stop_advertising()
        self.air.cut(self)


class _Answers(PairingDelegate):
    def __init__(self, accepts: bool) -> None:
        super().__init__()
        self._accepts = accepts

    async def accept(self) -> bool:
        return self._accepts


def service_data(uuid: str, data: bytes) -> tuple[int, bytes]:
    return advertisement.SERVICE_DATA, bytes.fromhex(uuid)[::-1] + data


def manufacturer(company: int, data: bytes) -> tuple[int, bytes]:
    return advertisement.MANUFACTURER, company.to_bytes(2, "little") + data


def characteristic(uuid: str, value: Any, *, notifies: bool = False, sealed: bool = False) -> Characteristic[Any]:
    """`value`: bytes, or a CharacteristicValue."""
    kinds, allowed = Characteristic.Properties, Characteristic.Permissions
    kind = kinds.READ | kinds.NOTIFY if notifies else kinds.READ
    return Characteristic(uuid, kind, allowed.READ_REQUIRES_ENCRYPTION if sealed else allowed.READABLE, value)


class _Scanner(BaseBleakScanner):
    air: ClassVar[Air]

    def __init__(self, callback: Any, uuids: Any, _mode: str, *, bluez: Any, **_: Any) -> None:
        super().__init__(callback, uuids)
        self.air.asked["scanner"] = bluez

    async def start(self) -> None:
        if not self.air.adapter:
            raise BleakError(NO_ADAPTER)
        self.air.central.on("advertisement", self._heard)
        await self.air.central.start_scanning(active=False)

    async def stop(self) -> None:
        self.air.central.remove_all_listeners("advertisement")
        await self.air.central.stop_scanning()

    def _heard(self, found: Any) -> None:
        """Raw bytes, taken apart by our own decoder."""
        if not self.air.adapter:
            return
        heard = advertisement.decode(found.data_bytes)
        services = {_BASE.format(uuid.lower()): data for uuid, data in heard.service_data.items()}
        data = AdvertisementData(heard.name or None, dict(heard.manufacturer), services, [], None, found.rssi, ())
        address = found.address.to_string(with_type_qualifier=False)
        self.call_detection_callbacks(self.create_or_update_device(address, address, None, found, data), data)


class _Client(BaseBleakClient):
    air: ClassVar[Air]

    def __init__(self, target: Any, **arguments: Any) -> None:
        super().__init__(target, **arguments)
        self.air.asked["client"] = arguments["bluez"]
        self._connection: Any = None
        self._handles: dict[int, Any] = {}

    async def connect(self, pair: bool, **_: Any) -> None:  # noqa: ARG002 - the name is that of bleak
        async with self.air.connecting:
            try:
                self._connection = await self.air.central.connect(hci.Address(self.address), timeout=self._timeout / 2)
            except FAULTS as error:
                raise BleakError(f"{type(error).__name__}: {error}") from error
        self.air.connected += 1
        self.air.most = max(self.air.most, self.air.connected)
        self._connection.on("disconnection", self._disconnected)
        self.services = await self._discover(Peer(self._connection))

    def _disconnected(self, _reason: int) -> None:
        self._connection = None
        self.air.connected -= 1
        if self._disconnected_callback:
            self._disconnected_callback()

    async def _discover(self, peer: Peer) -> BleakGATTServiceCollection:
        found = BleakGATTServiceCollection()
        for service in await peer.discover_services():
            ours = BleakGATTService(service, service.handle, _uuid(service.uuid))
            found.add_service(ours)
            for each in await peer.discover_characteristics(service=service):
                kinds: list[Any] = [
                    str(kind.name).lower() for kind in Characteristic.Properties if each.properties & kind
                ]
                self._handles[each.handle] = each
                found.add_characteristic(
                    BleakGATTCharacteristic(each, each.handle, _uuid(each.uuid), kinds, lambda: 20, ours)
                )
        return found

    async def disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.disconnect()

    async def pair(self, *_: Any, **__: Any) -> None:
        await self._asked(self._connection.pair)

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_: Any) -> bytearray:
        return bytearray(await self._asked(self._handles[characteristic.handle].read_value))

    async def start_notify(self, characteristic: BleakGATTCharacteristic, callback: Any, **_: Any) -> None:
        await self._asked(
            lambda: self._handles[characteristic.handle].subscribe(lambda data: callback(bytearray(data)))
        )

    async def _asked(self, ask: Callable[[], Any]) -> Any:
        if self._connection is None:
            raise BleakError("Not connected")
        try:
            return await ask()
        except ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except FAULTS as error:
            raise BleakError(f"{type(error).__name__}: {error}") from error

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    @property
    def mtu_size(self) -> int:
        return 23

    async def unpair(self) -> None:
        raise BleakError(READS_ONLY)

    async def write_gatt_char(self, *_: Any, **__: Any) -> None:
        raise BleakError(READS_ONLY)

    async def read_gatt_descriptor(self, *_: Any, **__: Any) -> bytearray:
        raise BleakError(READS_ONLY)

    async def write_gatt_descriptor(self, *_: Any, **__: Any) -> None:
        raise BleakError(READS_ONLY)

    async def stop_notify(self, *_: Any, **__: Any) -> None:
        raise BleakError(READS_ONLY)


def _uuid(uuid: UUID) -> str:
    text = uuid.to_hex_str("-").lower()
    return _BASE.format(text) if len(text) == 4 else text
