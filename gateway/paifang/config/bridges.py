"""The settings of bridges: buses and connections, and the third-party devices on them."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.tables import FilePath, Table

REMOTE_EXPECTED = 'HOST:PORT, such as "192.168.1.20:502" or "[fd00::20]:502"'
DEVICE_EXPECTED = 'a short name of letters, digits, "-", "_" and "." (64 at most), such as "meter-1"'
HEX_EXPECTED = 'bytes as hexadecimal digits, such as "00 11 22"'

_REMOTE = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

UNIT_MOST = 255
"""Modbus TCP: 255 is a device that has no units behind it. On a serial line units go up to 247."""


def split_remote(remote: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT"; ValueError naming what was expected."""
    match = _REMOTE.fullmatch(remote)
    if match is None or not 0 < int(match["port"]) <= 65535:
        raise ValueError(REMOTE_EXPECTED)
    return match["six"] or match["host"], int(match["port"])


def _remote(value: str) -> str:
    split_remote(value)
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(DEVICE_EXPECTED)
    return value


def _hex(value: str) -> str:
    try:
        found = bytes.fromhex(value)
    except ValueError:
        found = b""
    if not found:
        raise ValueError(HEX_EXPECTED)
    return value


DeviceName = Annotated[str, AfterValidator(_name)]
Remote = Annotated[str, AfterValidator(_remote)]
Strings = Annotated[tuple[str, ...], Field(strict=False)]


class DeviceSettings(Table):
    name: DeviceName = Field(description="What it is called in the ward: readings and commands go by this name.")
    profile: str = Field(min_length=1, description="What it is: `paifang profile list` shows those there are.")
    unit: Annotated[int, Field(ge=0, le=UNIT_MOST)] | None = Field(
        default=None, description="Of a Modbus device: its unit id."
    )
    address: str | None = Field(
        default=None,
        min_length=1,
        description="Of other protocols: its address, as printed on it; of M-Bus the primary address will do as well.",
    )
    key: Annotated[str, AfterValidator(_hex)] | None = Field(
        default=None, description="Of a device that encrypts: its key, as hexadecimal digits."
    )
    password: Annotated[str, AfterValidator(_hex)] | None = Field(
        default=None,
        description="Of a DL/T 645 meter whose relay is switched: P0 P1 P2, or PA before them, in hexadecimal.",
    )
    operator: Annotated[str, AfterValidator(_hex)] | None = Field(
        default=None, description="And its operator code C0 to C3, as hexadecimal digits."
    )
    two_persons: Strings = Field(
        default=(),
        description="Points of class 2 that a second person approves. The gateway enforces this: the device cannot.",
    )
    locked: bool = Field(
        default=False, description="Neither read nor commanded, until `paifang bridge unlock` says otherwise."
    )


def _each_device_once(devices: tuple[DeviceSettings, ...]) -> tuple[DeviceSettings, ...]:
    if not devices:
        raise ValueError("at least one [[bridges.devices]]")
    of_unit: dict[int, str] = {}
    for device in devices:
        if device.unit in of_unit:
            raise ValueError(f"each unit of a bus once: {of_unit[device.unit]} and {device.name} have {device.unit}")
        if device.unit is not None:
            of_unit[device.unit] = device.name
    return devices


class BridgeSettings(Table):
    serial: FilePath | None = Field(
        default=None, description="The serial port; /dev/serial/by-id/... stays the same over reboots."
    )
    tcp: Remote | None = Field(default=None, description="Or where a device or a serial server listens.")
    ble: str | None = Field(default=None, min_length=1, description='Or a Bluetooth adapter, such as "hci0".')
    framing: Literal["tcp", "rtu"] = Field(
        default="tcp",
        description="Of Modbus behind `tcp`: tcp, or rtu for a serial server that passes bytes on as they are.",
    )
    baud: Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] | None = Field(
        default=None, description="Speed of the serial line; without it, that of its devices' profiles."
    )
    parity: Literal["none", "even", "odd"] | None = Field(
        default=None, description="Its parity; without it, that of its devices' profiles."
    )
    stop_bits: Literal[1, 2] | None = Field(
        default=None, description="Its stop bits; without it, those of its devices' profiles."
    )
    devices: Annotated[tuple[DeviceSettings, ...], Field(strict=False), AfterValidator(_each_device_once)] = Field(
        default=(), validate_default=True, description="The devices on it, one such table each."
    )

    @property
    def place(self) -> str:
        """What it is known by: its port, address or adapter."""
        return str(self.serial or self.tcp or self.ble)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(each is not None for each in (self.serial, self.tcp, self.ble)) != 1:
            raise ValueError("one of serial, tcp and ble")
        if self.framing != "tcp" and self.tcp is None:
            raise ValueError("framing only with tcp")
        return self


def each_once(bridges: tuple[BridgeSettings, ...]) -> tuple[BridgeSettings, ...]:
    """ValueError unless every place has one owner, and every device its own name."""
    places = [bridge.place for bridge in bridges]
    names = [device.name for bridge in bridges for device in bridge.devices]
    for what, found in (("port or address", places), ("device name", names)):
        twice = next((each for each in found if found.count(each) > 1), None)
        if twice is not None:
            raise ValueError(f"each {what} once, {twice} is there twice")
    return bridges


def example() -> BridgeSettings:
    """What a new settings file shows."""
    device = DeviceSettings(name="meter-1", profile="eastron-sdm630", unit=1)
    return BridgeSettings(serial=Path("/dev/serial/by-id/usb-FTDI_USB-RS485-if00-port0"), devices=(device,))
