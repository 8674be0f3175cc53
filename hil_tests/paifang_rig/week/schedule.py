"""What goes wrong and when: a table of faults, and a schedule drawn from it by a seed."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

HOUR_S = 3_600.0
_MINUTE_S = 60.0
_DAY_S = 24 * HOUR_S
_BEFORE, _BEHIND = 0.05, 0.15
"""Parts of a run, and of an hour at the most, in which no fault begins: until all nodes are there, and at the end."""
NODE, GATEWAY, SINK = "node", "gateway", "sink"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: how often an hour it comes (of a node: in a ward of 200), and how long it lasts, least and most.

    Lengths are spread evenly over their logarithm. 0: it is over at once.
    """

    name: str
    whose: str
    per_hour: float
    least_s: float = 0.0
    most_s: float = 0.0


KINDS = (
    Kind("power-cut", NODE, 6, 1, 10 * _MINUTE_S),
    Kind("power-cut-in-a-write", NODE, 4, 1, 10 * _MINUTE_S),
    Kind("restart", NODE, 1),
    Kind("flash-refuses", NODE, 1, _MINUTE_S, HOUR_S),
    Kind("flash-damage", NODE, 0.5),
    Kind("link-down", NODE, 6, _MINUTE_S, _DAY_S),
    Kind("link-reset", NODE, 10),
    Kind("link-noisy", NODE, 6, _MINUTE_S, HOUR_S),
    Kind("ward-down", GATEWAY, 0.1, 20, 30 * _MINUTE_S),
    Kind("killed", GATEWAY, 0.2, 2, 2 * _MINUTE_S),
    Kind("killed-in-a-write", GATEWAY, 0.3, 2, 2 * _MINUTE_S),
    Kind("machine-power-cut", GATEWAY, 0.2, 20, 10 * _MINUTE_S),
    Kind("stopped", GATEWAY, 0.05, 2, _MINUTE_S),
    Kind("disk-full", GATEWAY, 0.15, 20, 30 * _MINUTE_S),
    Kind("disk-fails", GATEWAY, 0.1, 5, 5 * _MINUTE_S),
    Kind("clock-step", GATEWAY, 0.2),
    Kind("clock-lost", GATEWAY, 0.05, _MINUTE_S, HOUR_S),
    Kind("budget-too-small", GATEWAY, 0.05, 2 * _MINUTE_S, 10 * _MINUTE_S),
    Kind("sink-down", SINK, 0.4, _MINUTE_S, 6 * HOUR_S),
    Kind("sink-loses", SINK, 0.6, _MINUTE_S, HOUR_S),
    Kind("sink-slow", SINK, 0.4, _MINUTE_S, HOUR_S),
    Kind("sink-silent", SINK, 0.3, _MINUTE_S, HOUR_S),
    Kind("sink-refuses", SINK, 0.2, _MINUTE_S, 20 * _MINUTE_S),
    Kind("sink-paused", SINK, 0.1, _MINUTE_S, 2 * HOUR_S),
)
WARD_NODES = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` befalls `whose`, a node's or a sink's place in its list, at `at_s` for `lasts_s`; `share` is 0 to 1, for
    what else there is to choose.
    """

    at_s: float
    kind: str
    whose: int
    lasts_s: float
    share: float

    def __str__(self) -> str:
        hours, rest_s = divmod(self.at_s, HOUR_S)
        minutes, seconds = divmod(rest_s, _MINUTE_S)
        lasts = f" for {self.lasts_s:.0f} s" if self.lasts_s else ""
        return f"{hours:03.0f}:{minutes:02.0f}:{seconds:06.3f} {self.kind} of {self.whose}{lasts}"


def schedule(seed: int, hours: float, nodes: int, sinks: int) -> list[Fault]:
    """All faults of a run in their order: at least one of each kind; the same for the same arguments."""
    chance = random.Random(f"schedule {seed} {hours:g} {nodes} {sinks}")
    faults = [fault for kind in KINDS for fault in _faults(kind, chance, hours, nodes, sinks)]
    return sorted(faults, key=lambda fault: (fault.at_s, fault.kind))


def _faults(kind: Kind, chance: random.Random, hours: float, nodes: int, sinks: int) -> list[Fault]:
    mean = kind.per_hour * hours * (nodes / WARD_NODES if kind.whose == NODE else 1)
    owners = {NODE: nodes, GATEWAY: 1, SINK: sinks}[kind.whose]
    first_s, last_s = _BEFORE * min(hours, 1) * HOUR_S, (hours - _BEHIND * min(hours, 1)) * HOUR_S
    return [
        Fault(
            at_s=round(chance.uniform(first_s, last_s), 3),
            kind=kind.name,
            whose=chance.randrange(owners),
            lasts_s=_lasts_s(kind, chance),
            share=chance.random(),
        )
        for _ in range(max(1, round(chance.gauss(mean, math.sqrt(mean)))))
    ]


def _lasts_s(kind: Kind, chance: random.Random) -> float:
    if not kind.most_s:
        return 0.0
    return round(math.exp(chance.uniform(math.log(kind.least_s), math.log(kind.most_s))), 3)
