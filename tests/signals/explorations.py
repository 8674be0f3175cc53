"""The explorations by name, as a program: `explorations.py NAME...` prints a line of JSON for each.

`dual-ring` and `junction` are single ones; `pairs` is every pair of groups of a junction, in each country. Pairs whose
tables are the same, byte for byte, are explored once. The names with `-uneven` have other times for each group.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import shipped  # noqa: F401
import sites
from explorer import Summary, explore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNTRIES = ("CN", "US", "UK", "DE")


def uneven(record: list[Any]) -> list[Any]:
    """The record with other times for each group, and other intergreens for each ordered pair."""
    version, country, groups, conflicts, intergreens, start, monitor = record
    groups = [
        [name, kind, opens + 300 * i, fixed, 2_000 + 200 * (i % 4), *rest]
        for i, (name, kind, opens, fixed, _, *rest) in enumerate(groups)
    ]
    intergreens = [[i, j, ms + 100 * ((7 * i + 5 * j) % 11)] for i, j, ms in intergreens]
    return [version, country, groups, conflicts, intergreens, start, monitor]


def pair_of(record: list[Any], i: int, j: int) -> list[Any]:
    """The record of groups i and j alone."""
    version, country, groups, conflicts, intergreens, start, monitor = record
    conflict = conflicts[i] >> j & 1
    between = [[(i, j).index(a), (i, j).index(b), ms] for a, b, ms in intergreens if {a, b} == {i, j}]
    return [version, country, [groups[i], groups[j]], [conflict << 1, conflict], between, start, monitor]


def _pairs(change: Callable[[list[Any]], list[Any]], countries: tuple[str, ...]) -> Iterator[Summary]:
    for country in countries:
        record = change(sites.junction(country))
        count = len(record[2])
        found: dict[Any, Summary] = {}
        total = Summary(f"66 pairs, {country}, 100 ms")
        for i in range(count):
            for j in range(i + 1, count):
                pair = pair_of(record, i, j)
                key = json.dumps([group[1:] for group in pair[2]] + pair[3:])
                if key not in found:
                    found[key] = explore(f"{i}-{j}", pair)
                    found[key].known, found[key].judge = {}, None
        for summary in found.values():
            total.states += summary.states
            total.transitions += summary.transitions
            total.seconds += summary.seconds
            total.twins += summary.twins
            total.missing |= summary.missing
        total.name += f" ({len(found)} that differ)"
        yield total


def _one(name: str, record: list[Any], tick_ms: int) -> Iterator[Summary]:
    yield explore(name, record, tick_ms)


def same(record: list[Any]) -> list[Any]:
    return record


NAMES: dict[str, Callable[[], Iterator[Summary]]] = {
    "dual-ring": lambda: _one("8 vehicle groups, US, 100 ms", sites.dual_ring("US"), 100),
    "junction": lambda: _one("8 vehicle and 4 pedestrian groups, US, 1 s", sites.junction("US"), 1000),
    "junction-half": lambda: _one("8 vehicle and 4 pedestrian groups, US, 500 ms", sites.junction("US"), 500),
    "pairs": lambda: _pairs(same, COUNTRIES),
    "pairs-uneven": lambda: _pairs(uneven, COUNTRIES),
}
for _country in ("CN", "UK", "DE"):
    NAMES[f"dual-ring-{_country}"] = lambda c=_country: _one(f"8 vehicle groups, {c}, 100 ms", sites.dual_ring(c), 100)
    NAMES[f"junction-{_country}"] = lambda c=_country: _one(
        f"8 vehicle and 4 pedestrian groups, {c}, 1 s", sites.junction(c), 1000
    )
NAMES["dual-ring-uneven"] = lambda: _one("8 vehicle groups, uneven times, 100 ms", uneven(sites.dual_ring("US")), 100)


def main(names: list[str]) -> None:
    for name in names:
        begun = time.perf_counter()
        for summary in NAMES[name]():
            told = {"name": summary.name, "states": summary.states, "transitions": summary.transitions}
            told |= {"seconds": round(summary.seconds, 1), "twins": summary.twins}
            told["missing"] = sorted(map(str, summary.missing))
            print(json.dumps(told), flush=True)
        print(f"{name}: {time.perf_counter() - begun:.1f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(NAMES))
