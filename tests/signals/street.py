"""A junction under somebody's control of everything that comes in: controller and interlock, and how long all wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import plan_records
import sites

from roles.traffic_signal import aspects, calls, phases
from roles.traffic_signal.controller import Controller
from roles.traffic_signal.interlock import RUN, Interlock


@dataclass
class Input:
    """What comes in during a tick; `commands`: (kind, phases, ticks)."""

    vehicles: int = 0
    pedestrians: int = 0
    preempts: int = 0
    transit: int = 0
    commands: list[tuple[int, int, int]] = field(default_factory=list)


class Street:
    """`waits[p]`, `waits[8 + p]`: ticks since the vehicles, the pedestrians of phase p have called in vain.

    Who has called is not forgotten here until it was served; a preemption and a start begin everything anew.
    """

    def __init__(self, site: Any, plan: Any) -> None:
        self.site, self.plan = site, plan
        self.interlock = Interlock(site)
        self.controller = Controller(plan, site)
        self.waits: list[int | None] = [None] * 16
        self.longest = [0] * 16
        self.log = bytearray()
        self.ticks = 0

    def tick(self, given: Input) -> int:
        for command in given.commands:
            self.controller.command(*command)
        request = self.controller.tick(
            given.vehicles, given.pedestrians, self.interlock.aspects, given.preempts, given.transit
        )
        self._judge(given)
        self.interlock.tick(request)
        self.ticks += 1
        return request

    def load(self, plan: Any) -> None:
        """Another plan takes effect."""
        before, self.plan = self.controller, plan
        self.controller = Controller(plan, self.site)
        self.controller.take_over(before)

    def run_until_green(self) -> None:
        while self.interlock.mode != RUN:
            self.tick(Input())

    def shows(self, groups: int, aspect: int) -> bool:
        return all(self.interlock.aspects[i] == aspect for i in range(self.site.count) if groups >> i & 1)

    def green(self) -> list[int]:
        """Numbers of the phases whose vehicles have green."""
        plan = self.plan
        return [p + 1 for p in range(8) if plan.known >> p & 1 and self.shows(plan.vehicle_groups[p], aspects.GREEN)]

    def letters(self) -> str:
        return "".join(aspects.LETTERS[aspect] for aspect in self.interlock.aspects)

    def _judge(self, given: Input) -> None:
        if self.interlock.mode != RUN or self.controller.preemption.stage:
            self.waits = [None] * 16
            return
        pedestrians = given.pedestrians | self.controller.calls.commanded(calls.PED_CALL)
        for p in range(8):
            if self.plan.known >> p & 1:
                self._count(p, given.vehicles >> p & 1, self.plan.vehicle_groups[p], aspects.GREEN)
            if self.plan.known >> p & 1 and self.plan.ped_groups[p]:
                self._count(8 + p, pedestrians >> p & 1, self.plan.ped_groups[p], aspects.WALK)

    def _count(self, i: int, is_calling: int, groups: int, aspect: int) -> None:
        before = self.waits[i]
        if self.shows(groups, aspect):
            self.waits[i] = None
        elif is_calling or before is not None:
            self.waits[i] = 1 if before is None else before + 1
            self.longest[i] = max(self.longest[i], self.waits[i] or 0)


def bounded_site(country: str = "US", *, peds: bool = True, room_ms: int = 0, **changes: Any) -> Any:
    """The site whose longest red is what its plan needs, and `room_ms` more."""
    make = sites.junction if peds else sites.dual_ring
    record = make(country)
    record[2] = [[*group[:6], 600_000] for group in record[2]]
    plan = plan_records.tables(plan_records.plan(peds=peds, **changes), sites.tables(record))
    for n in range(1, 9):
        bound_ms = plan.round[n - 1] * 100 + room_ms
        _set_most_red(record, n - 1, bound_ms)
        if peds and n in plan_records.CROSSINGS:
            _set_most_red(record, plan_records.CROSSINGS[n], bound_ms)
    return sites.tables(record)


def _set_most_red(record: list[Any], i: int, ms: int) -> None:
    record[2][i] = [*record[2][i][:6], ms]


def all_locked() -> dict[str, Any]:
    """Every phase remembers its calls: what is called here is called there."""
    return {"options": phases.LOCK | phases.DUAL_ENTRY}
