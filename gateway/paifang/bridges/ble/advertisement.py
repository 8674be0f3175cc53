"""What a device advertises: AD structures (Bluetooth Core 5.4, volume 3, part C, chapter 11; CSS part A)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paifang.bridges.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHORT_NAME = 0x08
NAME = 0x09
SERVICE_DATA = 0x16
SERVICE_DATA_128 = 0x21
MANUFACTURER = 0xFF

_BASE = "-0000-1000-8000-00805F9B34FB"
"""The end of a UUID of 128 bits that is one of 16 bits, the first four digits being 0 (volume 3, part B, 2.5.1)."""
_ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_SERVICE_KEYS = {SERVICE_DATA: 2, SERVICE_DATA_128: 16}
"""AD type -> how many bytes of its data are the UUID, the low byte first."""


@dataclass(frozen=True, slots=True)
class Advertisement:
    """`service_data`: by UUID as `short_uuid` has it; `manufacturer`: by company identifier."""

    service_data: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    manufacturer: Mapping[int, bytes] = field(default_factory=dict[int, bytes])
    name: str = ""


def decode(data: bytes) -> Advertisement:
    """An advertisement, with its scan response behind it if there is one; FrameError for structures that do not fit."""
    services: dict[str, bytes] = {}
    makers: dict[int, bytes] = {}
    name = ""
    for kind, content in structures(data):
        if kind in _SERVICE_KEYS:
            uuid, sent = _parted(content, _SERVICE_KEYS[kind])
            services[short_uuid(uuid[::-1].hex())] = sent
        elif kind == MANUFACTURER:
            company, sent = _parted(content, 2)
            makers[int.from_bytes(company, "little")] = sent
        elif kind == NAME or (kind == SHORT_NAME and not name):
            name = content.decode("utf-8", "replace")
    return Advertisement(services, makers, name)


def structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    """AD type and content of each structure; a length of 0 ends them early."""
    rest = data
    while rest and rest[0]:
        length, rest = rest[0], rest[1:]
        if length > len(rest):
            raise FrameError("length", f"a structure of {length} bytes, {len(rest)} are left")
        yield rest[0], rest[1:length]
        rest = rest[length:]


def short_uuid(text: str) -> str:
    """A UUID as profiles have it: four digits where it is one of 16 bits, else 8-4-4-4-12; capitals."""
    digits = text.replace("-", "").upper()
    if len(digits) == 4:
        return digits
    full = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return full[4:8] if full.startswith("0000") and full.endswith(_BASE) else full


def checked_address(text: str) -> str:
    """An address as A4:C1:38:11:22:33, however it is written; FrameError "address" for what is none."""
    digits = text.upper().replace(":", "").replace("-", "")
    address = ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
    if not _ADDRESS.fullmatch(address):
        raise FrameError("address", f"{text!r} is not six bytes, such as A4:C1:38:11:22:33")
    return address


def address_bytes(text: str) -> bytes:
    """The six bytes of an address, as it is written."""
    return bytes.fromhex(checked_address(text).replace(":", ""))


def check_sender(written: bytes, expected: bytes | None, low_bytes: int = 6) -> None:
    """Some devices write their address into what they send; FrameError "address" when it is another's."""
    if expected is not None and written != expected[-low_bytes:]:
        raise FrameError("address", f"it says {written.hex(':').upper()}, expected {expected.hex(':').upper()}")


def _parted(content: bytes, length: int) -> tuple[bytes, bytes]:
    if len(content) < length:
        raise FrameError("length", f"{len(content)} bytes, the identifier alone has {length}")
    return content[:length], content[length:]
