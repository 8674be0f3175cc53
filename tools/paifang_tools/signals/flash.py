"""Site record and plans as a signal node gets them over USB: files of its flash, entries of its NVS."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from paifang_tools import nvs
from paifang_tools.provision import NAMESPACE
from paifang_wire import cbor, orders

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLOT = 0
_HEADER = ">6sIHI"


def site_file(payload: bytes, signatures: Sequence[bytes]) -> bytes:
    """Content of the file that holds a site record with its two detached signatures."""
    return cbor.encode([payload, *signatures])


def plan_file(payload: bytes) -> bytes:
    """Content of the file of an encoded plan. It was checked against no site record yet: the node does at its start."""
    return struct.pack(_HEADER, hashlib.sha256(payload).digest()[:6], 0, 0, 0) + payload


def files(site: bytes, plans: Sequence[bytes] = ()) -> dict[str, bytes]:
    """{path: content} of a `site_file`, and encoded plans in the slots from 1 on."""
    found = {f"site.{_SLOT}": site}
    return found | {f"plan.{slot}": plan_file(plan) for slot, plan in enumerate(plans, 1)}


def pointer(site: bytes) -> bytes:
    """The entry of the NVS that makes a `site_file` the one that counts."""
    payload: bytes = cbor.decode(site, 2 * cbor.LIMIT)[0]
    edition: int = orders.decode_site(payload)[1]
    return edition.to_bytes(8, "big") + bytes((_SLOT,)) + hashlib.sha256(site).digest()


def enter(partition: bytes, site: bytes, selected: int = 0) -> bytes:
    """The NVS partition with the pointer to a `site_file`; `selected`: the plan's slot, 0: by the day plans."""
    medium = nvs.Medium(partition)
    entries = nvs.Nvs(medium)
    entries.set(NAMESPACE, "site", pointer(site))
    entries.set(NAMESPACE, "plan", selected)
    return bytes(medium.data)
