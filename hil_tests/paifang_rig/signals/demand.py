"""Who comes to a net: vehicles and pedestrians, each at random times of his own, the same for the same seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .nets import Net

VEHICLES_PER_H = 2_463
PEDESTRIANS_PER_H = 480
DURATION_S = 4_200
DRAIN_S = 60
"""How long a run goes on when nobody comes any more: who has not departed by then was kept out."""
_SIDE_STREETS_WEIGH = 0.8
_TURNS = ((1, 0.15), (2, 0.65), (3, 0.20))
"""Quarter turns from the leg one comes from to the leg one leaves by, clockwise seen from above the other way: right,
through, left; and how many of an approach's vehicles take it."""
_CROSS_LEGS = "wsen"
"""Counter-clockwise: the leg to the right of one's own comes next."""
ALONG = (1_100, 600)
_ACROSS = 220
"""Of an arterial, vehicles an hour at its western and eastern end, and in each side street."""


def cross(path: Path, demand: float, seed: int, duration_s: int = DURATION_S) -> Path:
    """Write the routes file of the cross at `demand` (1.0: 2,463 vehicles and 480 pedestrians an hour)."""
    chance = random.Random(seed)
    weights = [1.0 if leg in "we" else _SIDE_STREETS_WEIGH for leg in _CROSS_LEGS]
    rows: list[tuple[float, str]] = []
    for i, leg in enumerate(_CROSS_LEGS):
        for turns, share in _TURNS:
            there = _CROSS_LEGS[(i + turns) % 4]
            per_h = VEHICLES_PER_H * demand * weights[i] / sum(weights) * share
            rows += _vehicles(chance, f"{leg}_c", f"c_{there}", per_h, duration_s)
    for i, leg in enumerate(_CROSS_LEGS):
        for turns in (1, 2, 3):
            there = _CROSS_LEGS[(i + turns) % 4]
            rows += _persons(chance, f"{leg}_c", f"c_{there}", PEDESTRIANS_PER_H * demand / 12, duration_s)
    return _write(path, rows)


def arterial(path: Path, net: Net, demand: float, seed: int, duration_s: int = DURATION_S) -> Path:
    """Write the routes file of an arterial: most along it, some in and out of each side street."""
    chance = random.Random(seed)
    rows: list[tuple[float, str]] = []
    west, east, *sides = net.entries
    out_west, out_east, *side_exits = net.exits
    for entry, through, per_h in ((west, out_east, ALONG[0]), (east, out_west, ALONG[1])):
        rows += _vehicles(chance, entry, through, per_h * demand * 0.75, duration_s)
        for leave in side_exits:
            rows += _vehicles(chance, entry, leave, per_h * demand * 0.25 / len(side_exits), duration_s)
    for entry in sides:
        center = entry.split("_")[1]
        opposite = next(
            leave for leave in side_exits if leave.startswith(f"{center}_") and not leave.endswith(entry.split("_")[0])
        )
        for leave, share in ((opposite, 0.4), (out_west, 0.3), (out_east, 0.3)):
            rows += _vehicles(chance, entry, leave, _ACROSS * demand * share, duration_s)
        rows += _persons(chance, entry, opposite, PEDESTRIANS_PER_H / 12 * demand, duration_s)
    return _write(path, rows)


def _times(chance: random.Random, per_h: float, duration_s: int) -> list[float]:
    times: list[float] = []
    at = chance.expovariate(per_h / 3600)
    while at < duration_s:
        times.append(at)
        at += chance.expovariate(per_h / 3600)
    return times


def _vehicles(
    chance: random.Random, origin: str, target: str, per_h: float, duration_s: int
) -> list[tuple[float, str]]:
    way = f'from="{origin}" to="{target}" departLane="best" departSpeed="max"'
    return [
        (at, f'<trip id="v_{origin}_{target}_{i}" depart="{at:.1f}" {way}/>')
        for i, at in enumerate(_times(chance, per_h, duration_s))
    ]


def _persons(chance: random.Random, origin: str, target: str, per_h: float, duration_s: int) -> list[tuple[float, str]]:
    walk = f'departPos="150"><walk from="{origin}" to="{target}"/></person>'
    return [
        (at, f'<person id="p_{origin}_{target}_{i}" depart="{at:.1f}" {walk}')
        for i, at in enumerate(_times(chance, per_h, duration_s))
    ]


def _write(path: Path, rows: list[tuple[float, str]]) -> Path:
    lines = [line for _, line in sorted(rows)]
    path.write_text("\n".join(("<routes>", *lines, "</routes>\n")))
    return path
