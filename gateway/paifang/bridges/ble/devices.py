"""A configured Bluetooth device: its profile, its address, and its key if it has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.bridges.ble.advertisement import checked_address
from paifang.bridges.ble.beacons import KINDS
from paifang.bridges.ble.sealed import KEY_LENGTH
from paifang.bridges.errors import FrameError
from paifang.errors import bad_argument

if TYPE_CHECKING:
    from paifang.profiles.model import AnyProfile

GATT = "gatt"


@dataclass(frozen=True, slots=True)
class BleDevice:
    """`counter`: the last one of its encryption that is known, from `Hearing.counters` of an earlier run.

    Raises PaifangError for an address, a key or a profile that cannot be of such a device.
    """

    name: str
    profile: AnyProfile
    address: str
    key: bytes | None = None
    counter: int | None = None

    def __post_init__(self) -> None:
        protocol, kind = self.profile.protocol, KINDS.get(self.profile.protocol)
        if kind is None and protocol != GATT:
            known = ", ".join((*KINDS, GATT))
            raise bad_argument(f"{self.name}: {self.profile.name} speaks {protocol}", f"Bluetooth has {known}")
        if self.key is not None and (kind is None or not kind.sealable):
            raise bad_argument(f"{self.name}: devices of {protocol} have no key", "leave the key out")
        if self.key is not None and len(self.key) != KEY_LENGTH:
            hint = f"a key is {2 * KEY_LENGTH} hexadecimal digits, as the device's app shows it"
            raise bad_argument(f"{self.name}: its key has {len(self.key)} bytes, not {KEY_LENGTH}", hint)
        try:
            object.__setattr__(self, "address", checked_address(self.address))
        except FrameError as error:
            raise bad_argument(f"{self.name}: {error.detail}", "it stands on the device, or in its app") from error
