"""What a run was worth: delays of everybody who wanted to travel, whether he has arrived, or departed, or not.

The delay of a trip is the time it has lost (SUMO's timeLoss) and the time it could not even begin (departDelay).
"""

from __future__ import annotations

import math
import random
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .loop import Result

_RESAMPLES = 4_000


@dataclass(frozen=True)
class Figures:
    """Of one run. Delays in s, `stops` a vehicle, `queue` in vehicles of a lane, counts of vehicles."""

    mean_s: float
    p95_s: float
    most_s: float
    stops: float
    queue: int
    pedestrian_s: float
    pedestrian_p95_s: float
    vehicles: int
    undeparted: int
    unfinished: int
    collisions: int


def figures(result: Result) -> Figures:
    """Read the trips of a run that has ended."""
    root = ET.parse(result.trips).getroot()  # noqa: S314 - written by our own run
    trips = root.findall("tripinfo")
    delays = sorted(float(trip.attrib["timeLoss"]) + float(trip.attrib["departDelay"]) for trip in trips)
    walks = sorted(float(walk.attrib["timeLoss"]) for walk in root.iterfind("personinfo/walk"))
    undeparted = sum(float(trip.attrib["depart"]) < 0 for trip in trips)
    unfinished = sum(float(trip.attrib["arrival"]) < 0 for trip in trips) - undeparted
    return Figures(
        mean(delays),
        percentile(delays, 0.95),
        delays[-1],
        mean(float(trip.attrib["waitingCount"]) for trip in trips),
        result.longest_queue,
        mean(walks) if walks else 0.0,
        percentile(walks, 0.95) if walks else 0.0,
        len(trips),
        undeparted,
        unfinished,
        result.collisions,
    )


def percentile(ranked: Sequence[float], share: float) -> float:
    """Nearest rank of values in rising order."""
    return ranked[min(len(ranked), max(1, math.ceil(share * len(ranked)))) - 1]


def ratio_interval(ours: Sequence[float], theirs: Sequence[float], seed: int = 1) -> tuple[float, float, float]:
    """(ratio of the means, and its 95 % interval) of runs paired by seed: bootstrap over the pairs."""
    return _interval(list(zip(ours, theirs, strict=True)), _ratio, seed)


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(one for one, _ in pairs) / sum(other for _, other in pairs)


def _interval(
    pairs: Sequence[tuple[float, float]], figure: Callable[[Sequence[tuple[float, float]]], float], seed: int
) -> tuple[float, float, float]:
    chance = random.Random(seed)
    found = sorted(figure([chance.choice(pairs) for _ in pairs]) for _ in range(_RESAMPLES))
    return figure(pairs), percentile(found, 0.025), percentile(found, 0.975)
