"""The parties of buses, by what their devices speak."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from paifang.bridges import engines
from paifang.bridges.ble.devices import BleDevice
from paifang.bridges.errors import FrameError
from paifang.bridges.meter import Configured
from paifang.bridges.modbus import party as modbus
from paifang.bridges.party import Party
from paifang.errors import EXIT_USAGE, PaifangError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from paifang.bridges.asking import Address
    from paifang.bridges.bus import AnyBus
    from paifang.bridges.meter import Item, Meter, Wish
    from paifang.bridges.party import Heard, Member
    from paifang.bridges.plan import Planned, PlannedBus
    from paifang.bridges.poller import Poller
    from paifang.bridges.unit import Unit
    from paifang.bridges.writes import Order
    from paifang.profiles.conversion import Reading


def party_of(
    bus: PlannedBus, now_us: int, counters: Mapping[str, int] | None = None
) -> tuple[Party | None, dict[str, Any]]:
    """The party of a bus, still empty, and who may be in it by name. Raises PaifangError for what cannot be there.

    A Bluetooth adapter has no party, and devices of its own kind; `counters`: those of the ones that encrypt.
    """
    if bus.settings.ble is not None:
        if find_spec("bleak") is None:
            hint = "pip install 'paifang[ble]'"
            raise PaifangError("Bluetooth needs bleak", hint, code="config", exit_code=EXIT_USAGE)
        return None, {device.name: _ble(device, (counters or {}).get(device.name)) for device in bus.devices}
    return modbus.party(bus, now_us) if bus.protocol == "modbus" else _meters(bus, now_us)


def problem_of(device: Planned) -> str:
    """What is wrong with the address, key or password of a device, "" if nothing is."""
    try:
        if device.profile.protocol in engines.PROTOCOLS:
            engines.engine_of(device.profile.protocol, [_configured(device)], device.profile.line.baud)
        elif device.profile.protocol != "modbus":
            _ble(device, None)
    except PaifangError as error:
        return error.detail if isinstance(error, FrameError) else error.message
    return ""


def radio(place: str, on_heard: Callable[[Heard], object], monotonic: Callable[[], float]) -> AnyBus:
    """What listens for the devices of a Bluetooth adapter."""
    from paifang.bridges.ble.radio import Radio  # noqa: PLC0415 - bleak is an extra

    return Radio(place, on_heard, monotonic)


def _ble(device: Planned, counter: int | None) -> BleDevice:
    key = None if device.settings.key is None else bytes.fromhex(device.settings.key)
    return BleDevice(device.name, device.profile, str(device.address), key, counter)


def _meters(bus: PlannedBus, now_us: int) -> tuple[Party, dict[str, Member]]:
    configured = [_configured(device) for device in bus.devices]
    found = engines.engine_of(bus.protocol, configured, bus.format.baud, now_us)
    poller = cast("Poller[Any, Any, Any]", found.engine) if bus.protocol in engines.ASKED else None
    members: dict[str, Member] = {}
    for device, (address, meter) in zip(bus.devices, found.meters.items(), strict=True):
        unit = None if poller is None else poller.units[address]
        members[device.name] = MeterMember(address, cast("Meter[Any, Any]", meter), unit, found.refusal)
        if poller is not None:
            poller.remove(address)
    return Party(found.engine, poller, found.faults), members


class MeterMember:
    """A meter of `engines` as a member of its line."""

    def __init__(
        self, address: Address, meter: Meter[Any, Any], unit: Unit[Any] | None, refusal: Callable[[int], str]
    ) -> None:
        self.address = address
        self.unit = unit
        self.refusal = refusal
        self._meter = meter

    def readings(self, block: Item, data: Any) -> Mapping[str, Reading]:
        return self._meter.readings(block, data)

    def denied(self, block: Item) -> Iterable[str]:
        return block.points

    def order(self, wish: Wish) -> Order[Any]:
        return self._meter.order(wish)

    def read_back(self, point: str, data: Any) -> Reading:
        items = (item for group in self._meter.items().values() for item in group)
        return self.readings(next(item for item in items if point in item.points), data)[point]


def _configured(device: Planned) -> Configured:
    settings = device.settings
    found = Configured(device.profile, str(device.address))
    password, operator = (bytes.fromhex(text or "") for text in (settings.password, settings.operator))
    return replace(found, password=password or found.password, operator=operator or found.operator)
