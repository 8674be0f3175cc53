"""The kinds of advertisements there are, and what one of them says: items of a profile, and which measurement it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.bridges.ble import atc, bthome, ruuvi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from paifang.bridges.ble.advertisement import Advertisement
    from paifang.bridges.matching import Item
    from paifang.bridges.values import Value


@dataclass(frozen=True, slots=True)
class Said:
    """`number`: counts measurements and starts again; `counter`: of what is encrypted, and only grows."""

    items: tuple[Item, ...]
    number: int | None = None
    counter: int | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """`find`: its bytes in an advertisement; `decode(bytes, address, key)` raises FrameError; `sealable`: has keys."""

    find: Callable[[Advertisement], bytes | None]
    decode: Callable[[bytes, bytes, bytes | None], Said]
    sealable: bool


def _bthome(data: bytes, address: bytes, key: bytes | None) -> Said:
    packet = bthome.decode(data, address, key)
    return Said(packet.measured, packet.packet_id, packet.counter)


def _ruuvi(data: bytes, address: bytes, _key: bytes | None) -> Said:
    values = ruuvi.decode(data, address)
    return Said(values, _number(values, "sequence"))


def _atc(data: bytes, address: bytes, key: bytes | None) -> Said:
    values = atc.decode(data, address, key)
    return Said(values, _number(values, "counter"))


def _number(values: Iterable[Value], name: str) -> int | None:
    content: Any = next((value.content for value in values if value.name == name), None)
    return None if content is None else int(content)


KINDS: dict[str, Kind] = {
    "bthome": Kind(lambda heard: heard.service_data.get(bthome.SERVICE), _bthome, sealable=True),
    "ruuvi": Kind(lambda heard: heard.manufacturer.get(ruuvi.COMPANY), _ruuvi, sealable=False),
    "atc": Kind(lambda heard: heard.service_data.get(atc.SERVICE), _atc, sealable=True),
}
"""Protocol of a profile -> its advertisements."""


def kinds_in(heard: Advertisement) -> tuple[str, ...]:
    """Protocols that an advertisement speaks, whatever it says."""
    return tuple(protocol for protocol, kind in KINDS.items() if kind.find(heard) is not None)
