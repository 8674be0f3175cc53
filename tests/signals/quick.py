"""Small explorations, each a second or less, for mutants: what they find, and how many states there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shipped  # noqa: F401
import sites
from explorations import pair_of, uneven
from explorer import explore

if TYPE_CHECKING:
    from collections.abc import Callable


def _four_groups() -> list[Any]:
    groups = [sites.group("US", sites.VEHICLE, f"g{i}") for i in range(4)]
    return uneven(sites.record(groups, ((0, 1), (2, 3)), "US"))


EXPLORATIONS: dict[str, tuple[Callable[[], list[Any]], int]] = {
    "dual ring": (lambda: sites.dual_ring("US"), 1000),
    "phases 1 and 6, red-amber": (lambda: pair_of(sites.junction("UK"), 0, 5), 500),
    "phases 1 and 2, flashing green": (lambda: pair_of(uneven(sites.junction("CN")), 0, 1), 100),
    "phase 3 and a crossing": (lambda: pair_of(uneven(sites.junction("US")), 2, 8), 100),
    "two crossings": (lambda: pair_of(sites.junction("DE"), 8, 9), 100),
    "four groups of uneven times": (_four_groups, 500),
}
STATES = {
    "dual ring": 1_109,
    "phases 1 and 6, red-amber": 880,
    "phases 1 and 2, flashing green": 726,
    "phase 3 and a crossing": 771,
    "two crossings": 711,
    "four groups of uneven times": 1_379,
}


def explore_all() -> None:
    """Raises what `explore` raises, and AssertionError where a state more or less is reached."""
    for name, (record, tick_ms) in EXPLORATIONS.items():
        found = explore(name, record(), tick_ms, limit=20_000)
        assert (found.states, found.twins, found.missing) == (STATES[name], 0, set()), name
