"""How crowded a junction is, phase by phase, from what its detectors have reported lately.

Level of service by the control delay, Highway Capacity Manual 2010, exhibit 18-4 (6th edition: 19-8): A up to 10 s a
vehicle, B 20, C 35, D 55, E 80, F above, or when more come than can pass. The delay is the manual's too (2000 edition,
equations 16-9, 16-11, 16-12) for random arrivals at a signal by itself, with green and cycle as they were; the queue is
what stands on the average, flow times delay (Little's law). Detectors count who passes: what waits beyond them is not
seen, and flow that is held up shows as occupancy.

What is not known is None: too short a time, no report lately, a failed detector, no green.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PHASES = 8
LEAST_MS = 60_000
"""Nothing is said of a shorter time."""
STALE_REPORTS = 2
"""Report periods after which the newest report says nothing of now."""
LEVELS = ((10.0, "A"), (20.0, "B"), (35.0, "C"), (55.0, "D"), (80.0, "E"))
"""Greatest control delay in s."""
WORST_LEVEL = "F"
LANE_VEH_H = 1_900
"""That pass on green: the manual's base saturation flow for a large city."""
_HOUR_MS = 3_600_000
_INCREMENTAL_K, _UPSTREAM_I = 0.5, 1.0
"""Factors of the incremental delay: fixed green, and no signal upstream that evens arrivals out."""


class Approach(NamedTuple):
    """What a phase serves: its lanes, and how they are detected.

    `detectors`: bits of those of the phase, 0 if that is not known; each vehicle passes `counters` of them.
    """

    lanes: int = 1
    lane_veh_h: int = LANE_VEH_H
    detectors: int = 0
    counters: int = 1


class Report(NamedTuple):
    """One report of a node, `span_ms` after the one before: tuples have a place a phase, None is what it did not say.

    `flow` counts vehicles, `occupancy` is in %, `green` are phase bits, `failed` bits of detectors.
    """

    boot: int
    uptime_ms: int
    flow: tuple[int | None, ...]
    occupancy: tuple[float | None, ...]
    green: int | None
    failed: int | None
    span_ms: int = 0


class Figures(NamedTuple):
    """Of one phase. `occupancy` is in %, `saturation` the part of those who could pass on its green that do.

    `why`: for what reason there is no flow, or no level.
    """

    phase: int
    flow_veh_h: float | None = None
    occupancy: float | None = None
    green_share: float | None = None
    cycle_s: float | None = None
    saturation: float | None = None
    delay_s: float | None = None
    queue_veh: float | None = None
    level: str | None = None
    why: str = ""


class Congestion:
    """Keeps the reports of one junction for `window_ms`; its node makes one every `report_ms`."""

    def __init__(self, approaches: Mapping[int, Approach], report_ms: int = 1_000, window_ms: int = 900_000) -> None:
        self.passed = [0] * PHASES
        """Vehicles that have passed in each phase since the beginning."""
        self._approaches = approaches
        self._report_ms = report_ms
        self._window_ms = window_ms
        self._reports: deque[Report] = deque()
        self._counted = [0] * PHASES

    @property
    def newest(self) -> Report | None:
        return self._reports[-1] if self._reports else None

    def note(self, report: Report) -> None:
        """Take a report. One that comes after a later one is left out; another boot begins anew."""
        newest = self.newest
        if newest is not None and report.boot != newest.boot:
            self._reports.clear()
            newest = None
        if newest is not None and report.uptime_ms <= newest.uptime_ms:
            return
        since_ms = report.uptime_ms - newest.uptime_ms if newest is not None else self._report_ms
        # What was reported in between and lost is not counted: neither its vehicles nor its time.
        span_ms = since_ms if since_ms < STALE_REPORTS * self._report_ms else self._report_ms
        self._reports.append(report._replace(span_ms=span_ms))
        self._count(report)
        while self._reports[0].uptime_ms <= report.uptime_ms - self._window_ms:
            self._reports.popleft()

    def is_stale(self, uptime_ms: int | None) -> bool:
        """Whether the newest report is too old at the node's `uptime_ms`; None: it is not there."""
        newest = self.newest
        return newest is None or uptime_ms is None or uptime_ms - newest.uptime_ms > STALE_REPORTS * self._report_ms

    def figures(self, uptime_ms: int | None) -> list[Figures]:
        """Of every phase there is, at the node's `uptime_ms`."""
        if self.is_stale(uptime_ms):
            return [Figures(phase, why="no report lately") for phase in sorted(self._approaches)]
        return [_figures(phase, self._approaches[phase], self._reports) for phase in sorted(self._approaches)]

    def _count(self, report: Report) -> None:
        for phase, approach in self._approaches.items():
            self._counted[phase - 1] += report.flow[phase - 1] or 0
            self.passed[phase - 1] = self._counted[phase - 1] // approach.counters


def level_of(delay_s: float, saturation: float) -> str:
    """A to F."""
    if saturation > 1:
        return WORST_LEVEL
    return next((level for most_s, level in LEVELS if delay_s <= most_s), WORST_LEVEL)


def control_delay_s(
    saturation: float, green_share: float, cycle_s: float, capacity_veh_h: float, period_h: float
) -> float:
    """Mean delay a vehicle: waiting for green if all come evenly, and more because they do not."""
    red_share = 1 - green_share
    uniform_s = 0.5 * cycle_s * red_share**2 / (1 - min(1.0, saturation) * green_share) if red_share else 0.0
    over = saturation - 1
    spread = 8 * _INCREMENTAL_K * _UPSTREAM_I * saturation / (capacity_veh_h * period_h)
    return uniform_s + 900 * period_h * (over + math.sqrt(over * over + spread))


def _figures(phase: int, approach: Approach, reports: Iterable[Report]) -> Figures:
    place = phase - 1
    reports = list(reports)
    sound = [each for each in reports if _is_sound(each, place, approach.detectors)]
    observed_ms = sum(each.span_ms for each in sound)
    if observed_ms < LEAST_MS:
        return Figures(phase, why=_why_unseen(reports, place, approach.detectors))
    counted = sum(each.flow[place] or 0 for each in sound) / approach.counters
    flow_veh_h = counted * _HOUR_MS / observed_ms
    found = Figures(phase, flow_veh_h, _occupancy(sound, place), *_green(reports, place))
    if found.green_share is None:
        return found._replace(why="its green is not reported")
    if found.green_share == 0:
        return found._replace(why="no green lately")
    if found.cycle_s is None and found.green_share < 1:
        return found._replace(why="no whole cycle lately")
    return _rated(found, flow_veh_h, found.green_share, approach, observed_ms / _HOUR_MS)


def _rated(found: Figures, flow_veh_h: float, green_share: float, approach: Approach, period_h: float) -> Figures:
    """With its delay and what follows from it."""
    capacity_veh_h = approach.lanes * approach.lane_veh_h * green_share
    saturation = flow_veh_h / capacity_veh_h
    delay_s = control_delay_s(saturation, green_share, found.cycle_s or 0.0, capacity_veh_h, period_h)
    return found._replace(
        saturation=saturation,
        delay_s=delay_s,
        queue_veh=flow_veh_h * delay_s / 3600,
        level=level_of(delay_s, saturation),
    )


def _is_sound(report: Report, place: int, detectors: int) -> bool:
    return report.flow[place] is not None and not _has_failed(report, detectors)


def _has_failed(report: Report, detectors: int) -> bool:
    """Whether a detector of the phase has failed, or may have."""
    return report.failed is None or bool(report.failed & detectors if detectors else report.failed)


def _why_unseen(reports: list[Report], place: int, detectors: int) -> str:
    if reports[-1].flow[place] is None:
        return "its flow is not reported"
    return "a detector has failed" if _has_failed(reports[-1], detectors) else "too short a time"


def _occupancy(reports: list[Report], place: int) -> float | None:
    known = [(each.occupancy[place], each.span_ms) for each in reports]
    spans = [(share, span_ms) for share, span_ms in known if share is not None]
    total_ms = sum(span_ms for _, span_ms in spans)
    return sum(share * span_ms for share, span_ms in spans) / total_ms if total_ms else None


def _green(reports: list[Report], place: int) -> tuple[float | None, float | None]:
    """Share of the time that the phase was green, and mean time in s between beginnings of its green."""
    known = [(each, bool(each.green >> place & 1)) for each in reports if each.green is not None]
    total_ms = sum(report.span_ms for report, _ in known)
    if not total_ms:
        return None, None
    green_ms = sum(report.span_ms for report, is_green in known if is_green)
    begins = [now[0].uptime_ms for before, now in pairwise(known) if now[1] and not before[1]]
    cycle_s = (begins[-1] - begins[0]) / (len(begins) - 1) / 1000 if len(begins) > 1 else None
    return green_ms / total_ms, cycle_s
