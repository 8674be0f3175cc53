"""What a profile says of its points, as a node would say it: numbered in the profile's order, texts left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.profiles.conversion import row, wire
from paifang.store.points import PointTable, decode_table, description_hash
from paifang_wire import cbor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paifang.profiles.model import AnyProfile

FIRST_NUMBER = 1


@dataclass(frozen=True, slots=True)
class Description:
    """`safe`: by number, what the point is brought to in the safe state; a point that is not there has none."""

    encoded: bytes
    hash: bytes
    table: PointTable
    safe: Mapping[int, int]

    @classmethod
    def of(cls, profile: AnyProfile) -> Description:
        shown = [(name, point.properties) for name, point in profile.points.items() if point.properties.type != "text"]
        encoded = cbor.encode([row(number, *each) for number, each in enumerate(shown, FIRST_NUMBER)])
        safe = {number: wire(found.safe, found) for number, (_, found) in enumerate(shown, FIRST_NUMBER)}
        known = {number: value for number, value in safe.items() if value is not None}
        return cls(encoded, description_hash(encoded), decode_table(encoded), known)
