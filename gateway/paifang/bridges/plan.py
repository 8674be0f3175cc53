"""What the settings of bridges come to with the profiles they name: buses that can be opened, or what does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.bridges.carriers import Place
from paifang.bridges.lines import problem_of
from paifang.config.bridges import split_remote
from paifang.config.explain import nearest
from paifang.errors import EXIT_USAGE, PaifangError
from paifang.ports import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from paifang.config.bridges import BridgeSettings, DeviceSettings
    from paifang.profiles.catalogue import Catalogue
    from paifang.profiles.model import AnyProfile

SERIAL_UNITS = range(1, 248)
"""Modbus over serial line 1.02, 2.2."""
TWO_PERSONS_CLASS = 2
BY_UNIT = ("modbus",)
"""Protocols whose devices are known by a unit id; others by an address."""
SENDING = ("p1", "dlms")
"""Protocols whose one device sends without being asked: it needs neither."""
BY_RADIO = ("bthome", "ruuvi", "atc", "gatt")


@dataclass(frozen=True, slots=True)
class Planned:
    """A device with its profile."""

    settings: DeviceSettings
    profile: AnyProfile

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def address(self) -> int | str:
        """What it is called on its line."""
        return self.settings.address or "" if self.settings.unit is None else self.settings.unit


@dataclass(frozen=True, slots=True)
class PlannedBus:
    """`format` of a serial line, also of one behind a serial server."""

    settings: BridgeSettings
    devices: tuple[Planned, ...]
    format: Format

    @property
    def place(self) -> str:
        return self.settings.place

    @property
    def protocol(self) -> str:
        return self.devices[0].profile.protocol

    @property
    def is_serial_line(self) -> bool:
        """Whether frames go over it as over a serial line: there, and through a serial server."""
        return self.settings.serial is not None or self.settings.framing == "rtu" or self.protocol not in BY_UNIT


def plan(bridges: Sequence[BridgeSettings], catalogue: Catalogue) -> list[PlannedBus]:
    """Every bus with its devices' profiles. Raises PaifangError with each thing that does not fit, in the file's order.

    A profile that has mistakes itself raises its own ProfileError.
    """
    buses: list[PlannedBus] = []
    wrong: list[str] = []
    for number, settings in enumerate(bridges, 1):
        devices = tuple(
            Planned(device, _profile(catalogue, device, f"bridges[{number}].devices[{at}]"))
            for at, device in enumerate(settings.devices, 1)
        )
        found = PlannedBus(settings, devices, _format(settings, devices[0].profile))
        wrong += [f"bridges[{number}]{what}" for check in _CHECKS for what in check(found)]
        buses.append(found)
    if wrong:
        raise _misfit(wrong)
    return buses


def _misfit(wrong: Sequence[str]) -> PaifangError:
    return PaifangError(
        "\n".join(wrong), "correct the settings, then: paifang check", code="config", exit_code=EXIT_USAGE
    )


def _profile(catalogue: Catalogue, device: DeviceSettings, place: str) -> AnyProfile:
    """Raises PaifangError naming the device; what is wrong in a profile itself names its file."""
    try:
        catalogue.file(device.profile)
    except PaifangError as error:
        raise _misfit([f"{place}.profile: {device.name}: {error.message}; {error.hint}"]) from error
    return catalogue.load(device.profile)


def place_of(bus: PlannedBus) -> Place:
    remote = None if bus.settings.tcp is None else split_remote(bus.settings.tcp)
    return Place(bus.place, bus.format, remote)


def _format(settings: BridgeSettings, profile: AnyProfile) -> Format:
    line = profile.line
    return Format(
        settings.baud or line.baud,
        line.data_bits,
        settings.parity or line.parity,
        settings.stop_bits or line.stop_bits,
    )


def _one_protocol(bus: PlannedBus) -> Iterator[str]:
    protocols = sorted({device.profile.protocol for device in bus.devices})
    if len(protocols) > 1 and not set(protocols) <= set(BY_RADIO):
        yield f": one protocol a bus, not {' and '.join(protocols)}"
    if bus.settings.ble is not None and bus.protocol not in BY_RADIO:
        yield f".ble: {bus.protocol} goes over serial or tcp"
    if bus.settings.ble is None and bus.protocol in BY_RADIO:
        yield f": {bus.protocol} goes over ble"


def _one_format(bus: PlannedBus) -> Iterator[str]:
    for device in bus.devices:
        wanted = _format(bus.settings, device.profile)
        if bus.settings.serial is not None and wanted != bus.format:
            differ = f"{bus.devices[0].name} wants {_words(bus.format)}, {device.name} {_words(wanted)}"
            yield f": {differ}: give the bus its baud, parity and stop_bits, and set the devices to them"


def _addresses(bus: PlannedBus) -> Iterator[str]:
    for number, device in enumerate(bus.devices, 1):
        place, given, protocol = f".devices[{number}]", device.settings, device.profile.protocol
        if protocol in BY_UNIT:
            if given.unit is None:
                yield f"{place}.unit: missing: the unit id of {device.name}"
            elif bus.is_serial_line and given.unit not in SERIAL_UNITS:
                yield f"{place}.unit: {given.unit} is no unit of a serial line, which are 1 to 247"
        elif given.unit is not None:
            yield f"{place}.unit: {protocol} has no unit ids, but an address"
        elif given.address is None and protocol not in SENDING:
            yield f"{place}.address: missing: the address of {device.name}, as printed on it"
        elif problem := problem_of(device):
            yield f"{place}: {problem}"
    if bus.protocol in SENDING and len(bus.devices) > 1:
        yield f".devices: a {bus.protocol} port has one meter"


def _two_persons(bus: PlannedBus) -> Iterator[str]:
    for number, device in enumerate(bus.devices, 1):
        for point in device.settings.two_persons:
            found = device.profile.points.get(point)
            if found is None:
                near = nearest(point, list(device.profile.points))
                meant = f'; did you mean "{near}"?' if near else ""
                yield f'.devices[{number}].two_persons: {device.settings.profile} has no point "{point}"{meant}'
            elif found.properties.point_class != TWO_PERSONS_CLASS:
                of_class = f"of class {found.properties.point_class}, not {TWO_PERSONS_CLASS}"
                yield f".devices[{number}].two_persons: {point} is {of_class}"


_CHECKS: Sequence[Callable[[PlannedBus], Iterator[str]]] = (_one_protocol, _one_format, _addresses, _two_persons)


def _words(how: Format) -> str:
    return f"{how.baud} baud {how.data_bits}{how.parity[0].upper()}{how.stop_bits}"
