"""Site safety records for the tests, from a few words each."""

from __future__ import annotations

from typing import Any

from paifang_wire import cbor
from roles.traffic_signal import aspects, site

VEHICLE, PEDESTRIAN = aspects.VEHICLE, aspects.PEDESTRIAN
NEVER_FORGOTTEN_MS = 300_000
_FIXED = {
    ("CN", VEHICLE): [0, 3_000, 3_000],
    ("US", VEHICLE): [0, 0, 3_000],
    ("UK", VEHICLE): [2_000, 0, 3_000],
    ("DE", VEHICLE): [1_000, 0, 3_000],
    ("CN", PEDESTRIAN): [8_000],
    ("US", PEDESTRIAN): [8_000],
    ("UK", PEDESTRIAN): [8_000],
    ("DE", PEDESTRIAN): [0],
}
_OPEN = {"CN": (5_000, 5_000), "US": (5_000, 7_000), "UK": (6_000, 7_000), "DE": (5_000, 5_000)}
CROSSING_MM = 8_000

DUAL_RING = ((0, 4), (0, 5), (1, 4), (1, 5), (2, 6), (2, 7), (3, 6), (3, 7))
"""Compatible pairs of the 8 phases of a dual ring, numbered from 0: {1,2} with {5,6}, {3,4} with {7,8}."""
CROSSINGS = ((8, 1), (8, 4), (8, 5), (9, 3), (9, 6), (9, 7), (10, 5), (10, 0), (10, 1), (11, 7), (11, 2), (11, 3))
"""Crossings 8-11 beside the through phases 2, 4, 6 and 8, and the vehicle groups that may move with each."""
CROSSINGS_TOGETHER = ((8, 10), (9, 11))


def group(country: str, kind: int, name: str, **changes: Any) -> list[Any]:
    """A group at its country's floors. Changes: `open`, `fixed`, `revert`, `crossing`, `most_red`."""
    return [
        name,
        kind,
        changes.get("open", _OPEN[country][kind]),
        list(changes.get("fixed", _FIXED[country, kind])),
        changes.get("revert", 2_000),
        changes.get("crossing", CROSSING_MM if kind == PEDESTRIAN else 0),
        changes.get("most_red", NEVER_FORGOTTEN_MS),
    ]


def record(
    groups: list[list[Any]],
    compatible: tuple[tuple[int, int], ...],
    country: str = "US",
    intergreen: Any = None,
    start: tuple[int, int] = (4_000, 10_000),
) -> list[Any]:
    """A record in which all groups conflict that are not in `compatible`.

    `intergreen(i, j)` in ms; by default amber and 2 s from a vehicle group, and what the country asks for from a
    pedestrian one.
    """
    count = len(groups)
    conflicts = [0] * count
    for i in range(count):
        for j in range(count):
            if i != j and (i, j) not in compatible and (j, i) not in compatible:
                conflicts[i] |= 1 << j
    between = intergreen or (lambda i, j: usual_intergreen(groups[i], country))
    pairs = [[i, j, between(i, j)] for i in range(count) for j in range(count) if conflicts[i] >> j & 1]
    return [site.VERSION, country, groups, conflicts, pairs, list(start), []]


def usual_intergreen(one: list[Any], country: str) -> int:
    if one[1] == VEHICLE:
        return one[3][2] + 2_000
    return 8_000 if country == "DE" else 3_000


def tables(written: list[Any], tick_ms: int = site.TICK_MS) -> Any:
    return site.decode(cbor.encode(written), tick_ms)


def dual_ring(country: str = "US", **changes: Any) -> list[Any]:
    """Eight vehicle groups of a dual ring."""
    groups = [group(country, VEHICLE, f"phase {i + 1}", **changes) for i in range(8)]
    return record(groups, DUAL_RING, country)


def junction(country: str = "US", **changes: Any) -> list[Any]:
    """A dual ring with four crossings: groups 0-7 and 8-11. `changes` are of the crossings."""
    groups = [group(country, VEHICLE, f"phase {i + 1}") for i in range(8)]
    groups += [group(country, PEDESTRIAN, f"crossing {i}", **changes) for i in (2, 4, 6, 8)]
    return record(groups, DUAL_RING + CROSSINGS + CROSSINGS_TOGETHER, country)
