"""What became of every reading the bench emitted: stored, declared lost, still on the node, or gone with the power.

The bench's own list is counted, not the node's word; what nothing explains is said so.
"""

from __future__ import annotations

import collections
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from paifang_rig.simulated.models.bme280 import Bme280
from paifang_rig.simulated.models.pms5003 import Pms5003
from paifang_rig.simulated.models.pzem004t import Pzem004t
from paifang_rig.simulated.models.scd4x import Scd4x

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from paifang_rig.simulated.models.sensor import Emission

Key = tuple[object, ...]
UNACKNOWLEDGED = 32  # records a node may have on the way at once: these may arrive in any order
KEYS: tuple[Callable[[Mapping[int, int]], Key | None], ...] = (
    Pzem004t.key_of,
    Pms5003.key_of,
    Bme280.key_of,
    Scd4x.key_of,
)
"""Which sensor a stored set of points came from: the richer sets first."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Counts of valid readings that were asked for.

    emitted = stored + buffered + dropped + lost_in_cut + unexplained. `duplicated` counts readings stored more than
    once, `foreign` stored readings that no sensor emitted: both must be 0, and so must `unexplained`.
    """

    emitted: int
    stored: int
    buffered: int
    dropped: int
    lost_in_cut: int
    unexplained: int
    duplicated: int
    foreign: int

    def __str__(self) -> str:
        return " ".join(f"{field.name}={getattr(self, field.name)}" for field in fields(self))


def balance(
    emitted: Iterable[Emission],
    stored: Iterable[Mapping[str, Any]],
    *,
    dropped: Mapping[str, int] | int = 0,
    buffered: Mapping[str, int] | int = 0,
    ended: Mapping[str, Mapping[int, str]] | None = None,
    keys: tuple[Callable[[Mapping[int, int]], Key | None], ...] = KEYS,
) -> Balance:
    """`stored`: records with "node" and "values" (point number → integer or None); others are passed over.

    `dropped` and `buffered` are the nodes' own declarations, in readings. `ended[board][boot]` says how a boot ended:
    readings after the last one stored of a boot that lost its RAM count as lost with it, and so do gaps among the last
    UNACKNOWLEDGED; a hole before those does not.
    """
    valid = [emission for emission in emitted if emission.valid and emission.asked]
    wanted = collections.Counter((emission.board, emission.key) for emission in valid)
    found = collections.Counter(
        (str(record["node"]), key) for record in stored if (key := key_of(record.get("values"), keys)) is not None
    )
    matched = wanted & found
    missing = _missing(valid, matched)
    lost = sum(_lost_with_power(emissions, gone, ended or {}) for emissions, gone in missing.values())
    left = sum(len(gone) for _, gone in missing.values()) - lost
    took = [min(left, _total(dropped)), 0]
    took[1] = min(left - took[0], _total(buffered))
    return Balance(
        emitted=len(valid),
        stored=matched.total(),
        buffered=took[1],
        dropped=took[0],
        lost_in_cut=lost,
        unexplained=left - sum(took),
        duplicated=sum(max(0, found[key] - wanted[key]) for key in wanted),
        foreign=sum(count for key, count in found.items() if key not in wanted),
    )


def key_of(
    values: Mapping[int, int | None] | None, keys: Iterable[Callable[[Mapping[int, int]], Key | None]] = KEYS
) -> Key | None:
    """What finds a stored set of points in the bench's list; None for a set that no sensor gave whole."""
    present = {point: value for point, value in (values or {}).items() if value is not None}
    return next((key for key_of in keys if (key := key_of(present)) is not None), None)


def _missing(
    valid: list[Emission], matched: collections.Counter[tuple[str, Key]]
) -> dict[tuple[str, int, str], tuple[list[Emission], list[int]]]:
    """Board, boot and sensor → its emissions in order, and the places of those that are not stored."""
    left = matched.copy()
    groups: dict[tuple[str, int, str], tuple[list[Emission], list[int]]] = {}
    for emission in valid:
        emissions, gone = groups.setdefault((emission.board, emission.power_cycle, emission.sensor), ([], []))
        identity = (emission.board, emission.key)
        if left[identity]:
            left[identity] -= 1
        else:
            gone.append(len(emissions))
        emissions.append(emission)
    return groups


def _lost_with_power(emissions: list[Emission], gone: list[int], ended: Mapping[str, Mapping[int, str]]) -> int:
    if not gone:
        return 0
    first = emissions[0]
    if first.power_cycle not in ended.get(first.board, {}):
        return 0
    holes = set(gone)
    last_stored = max((place for place in range(len(emissions)) if place not in holes), default=-1)
    return sum(place > last_stored - UNACKNOWLEDGED for place in gone)


def _total(count: Mapping[str, int] | int) -> int:
    return count if isinstance(count, int) else sum(count.values())
