"""Bounded max-pressure: which greens of a junction should end because more is waiting elsewhere. Sans-IO.

The pressure of a movement is who stands before it and, for a part, who is coming; none if the road that it leads to is
full. Once a second the stage that runs is held against every stage it is in the way of; if the best of these outweighs
it by more than a change costs, its greens are forced off. Everything else is the node's own: minimum greens, walks,
clearances, gaps, the order of its rings, and its longest reds, which go before any order.

Where it is known to do harm it gives none: near saturation, where each change costs more than it wins, and while
somebody has waited for long. A movement that finds gaps of its own (a left turn that filters) is discounted by how many
have been seen to go without green; that is measured, not assumed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from paifang.errors import PaifangError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOLD, FORCE_OFF, OMIT, CALL, PED_CALL = range(5)
"""Kinds of orders, numbered as in a node's firmware."""
PHASES = 8


class Traffic(NamedTuple):
    """What is seen of a junction. Tuples have a place a phase, phase n at n - 1; masks a bit. Counts are of vehicles.

    `coming`: on the approach, `standing`: of them, `ahead`: on the road they turn into; `passed`: since the beginning.
    `green`, `walking`: phases that show it; `buttons`: phases beside which pedestrians wait; `calls`: phases that
    vehicles call and that have not been served.
    """

    t_ms: int
    coming: tuple[int, ...]
    standing: tuple[int, ...]
    ahead: tuple[int, ...]
    passed: tuple[int, ...]
    green: int
    walking: int
    buttons: int
    calls: int


class Order(NamedTuple):
    """Phases (bits) that a kind of order applies to; the last one of its kind counts, for ten seconds."""

    kind: int
    phases: int


@dataclass(frozen=True, slots=True)
class Junction:
    """`rings`: of sides between barriers, of phases, as in the plan. By phase: `lanes`; `service_s`, its shortest green
    or walk with the clearances around it; `room`, how many vehicles the road ahead holds (none: it is never full).
    `bound_s`: the longest red of somebody who waits.
    """

    rings: tuple[tuple[tuple[int, ...], ...], ...]
    lanes: Mapping[int, int]
    service_s: Mapping[int, float]
    room: Mapping[int, int]
    bound_s: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """`coming_weighs`: somebody on the way, where one who stands weighs 1. `change_costs`: vehicles a lane of the stage
    that ends. `least_green_s`: no order before. `saturated`: standing vehicles a lane of the junction from which on the
    node is left alone. `patience`: the part of the bound after which it is, too. `gap_window_s`: how far the rate of
    those who filter is believed ahead; `gap_memory`: the weight of a second in that rate.
    """

    coming_weighs: float = 0.5
    change_costs: float = 3.0
    least_green_s: float = 8.0
    saturated: float = 4 / 3
    patience: float = 1 / 3
    gap_window_s: float = 20.0
    gap_memory: float = 0.02


class MaxPressure:
    """Of one junction. Raises PaifangError for a bound that cannot be kept, or a phase without lanes or service."""

    def __init__(self, junction: Junction, tuning: Tuning = Tuning()) -> None:
        _check(junction)
        self._junction = junction
        self._tuning = tuning
        self._phases = [phase for ring in junction.rings for side in ring for phase in side]
        self._stages = list(_stages(junction.rings))
        self._begun_ms: dict[int, int] = {}
        self._waits_ms: dict[int, int] = {}
        self._gaps: dict[int, float] = dict.fromkeys(self._phases, 0.0)
        self._before: Traffic | None = None

    def advise(self, traffic: Traffic) -> tuple[Order, ...]:
        """Orders that are to stand now; none: the node goes on by itself. To be asked once a second."""
        self._observe(traffic)
        stage = frozenset(phase for phase in self._phases if _has(traffic.green, phase))
        if not stage or self._is_saturated(traffic) or self._is_impatient(traffic.t_ms):
            return ()
        if any(traffic.t_ms - self._begun_ms[phase] < 1_000 * self._tuning.least_green_s for phase in stage):
            return ()
        others = [self._pressure(other, traffic) for other in self._stages if not stage & other]
        cost = self._tuning.change_costs * sum(self._junction.lanes[phase] for phase in stage)
        if not others or max(others) - self._pressure(stage, traffic) <= cost:
            return ()
        return (Order(FORCE_OFF, sum(1 << phase - 1 for phase in stage)),)

    def _observe(self, traffic: Traffic) -> None:
        before = self._before or traffic
        for phase in self._phases:
            is_green = _has(traffic.green, phase)
            if is_green and (self._before is None or not _has(before.green, phase)):
                self._begun_ms[phase] = traffic.t_ms
            if is_green or not _has(traffic.calls | traffic.buttons, phase):
                self._waits_ms.pop(phase, None)
            else:
                self._waits_ms.setdefault(phase, traffic.t_ms)
            if not is_green and before.standing[phase - 1]:
                gone = traffic.passed[phase - 1] - before.passed[phase - 1]
                self._gaps[phase] += (gone - self._gaps[phase]) * self._tuning.gap_memory
        self._before = traffic

    def _is_saturated(self, traffic: Traffic) -> bool:
        return sum(traffic.standing) > self._tuning.saturated * sum(self._junction.lanes[p] for p in self._phases)

    def _is_impatient(self, t_ms: int) -> bool:
        longest_ms = max((t_ms - since_ms for since_ms in self._waits_ms.values()), default=0)
        return longest_ms > 1_000 * self._tuning.patience * self._junction.bound_s

    def _pressure(self, stage: frozenset[int], traffic: Traffic) -> float:
        return sum(self._weight(phase, traffic) for phase in stage)

    def _weight(self, phase: int, traffic: Traffic) -> float:
        room = self._junction.room.get(phase)
        if room is not None and traffic.ahead[phase - 1] >= room:
            return 0.0
        standing = float(traffic.standing[phase - 1])
        coming = max(traffic.coming[phase - 1] - standing, 0.0)
        if not _has(traffic.green, phase):
            standing = max(standing - self._gaps[phase] * self._tuning.gap_window_s, 0.0)
        return standing + self._tuning.coming_weighs * coming


def _has(mask: int, phase: int) -> bool:
    return bool(mask >> phase - 1 & 1)


def _stages(rings: Sequence[Sequence[Sequence[int]]]) -> list[frozenset[int]]:
    """What can be green together: a phase of each ring that has one on that side."""
    sides = zip(*rings, strict=True)
    return [frozenset(stage) for side in sides for stage in itertools.product(*(phases for phases in side if phases))]


def _check(junction: Junction) -> None:
    """Every phase is known and in a stage, and all can be served once within the bound."""
    phases = [phase for ring in junction.rings for side in ring for phase in side]
    for phase in phases:
        if junction.lanes.get(phase, 0) < 1 or junction.service_s.get(phase, 0.0) <= 0:
            raise PaifangError(f"phase {phase} has no lanes, or no service", "say both for every phase of the rings")
    missing = set(phases) - {phase for stage in _stages(junction.rings) for phase in stage}
    if missing or not phases:
        raise PaifangError(f"no stage serves the phases {sorted(missing)}", "correct the rings")
    least_s = sum(
        max(sum(junction.service_s[phase] for phase in phases) for phases in side)
        for side in zip(*junction.rings, strict=True)
    )
    if least_s > junction.bound_s:
        message = (
            f"serving every phase once takes {least_s:g} s, and nobody may wait longer than {junction.bound_s:g} s"
        )
        raise PaifangError(message, "a longer bound, or shorter services")
