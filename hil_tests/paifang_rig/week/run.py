"""A run: the schedule, a look at every hour, peace at the end, and what is found wrong."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from paifang.north.connector import NOT_WANTED, REFUSED
from paifang.store.cursors import RETENTION
from paifang_rig.week import clock
from paifang_rig.week.mishaps import Mishaps
from paifang_rig.week.schedule import HOUR_S, schedule
from paifang_rig.week.ward import SINKS, Ward

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from paifang.store.balance import Balance

PERIOD_S = 300.0
DRAIN_S = 120.0
DRAINS_MOST = 60
"""So many times DRAIN_S are given for all to be sent once nothing is wrong any more."""
PROBLEMS_MOST = 20
"""A run that has found so many is broken off."""


@dataclass
class Outcome:
    """Good when `problems` is empty. `looks`: how often all counts were held against one another.

    `digest` is of all that was seen then: two runs of one seed have the same.
    """

    problems: list[str] = field(default_factory=list[str])
    fired: Counter[str] = field(default_factory=Counter[str])
    missed: Counter[str] = field(default_factory=Counter[str])
    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    looks: int = 0
    digest: str = ""
    command: str = ""
    """What makes the same run once more."""

    @property
    def complaint(self) -> str:
        """What was found wrong, and how it is found again; empty when nothing was."""
        return "\n".join([*self.problems, f"run it again: {self.command}"]) if self.problems else ""


def week(
    seed: int,
    hours: float,
    nodes: int,
    folder: Path,
    period_s: float = PERIOD_S,
    looked: Callable[[str], object] = lambda _line: None,
) -> Outcome:
    """Run it, in an empty `folder`. `period_s`: between two readings of the busiest nodes.

    `looked(line)` hears at each hour what has come of it, and each problem.
    """
    with _quiet():
        return clock.run(_Run(seed, hours, nodes, folder, period_s, looked).run())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """A gateway in a week of faults has much to say."""
    log = logging.getLogger("paifang")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


class _Run:
    def __init__(
        self, seed: int, hours: float, nodes: int, folder: Path, period_s: float, looked: Callable[[str], object]
    ) -> None:
        self._hours = hours
        self._looked = looked
        self._make = (seed, nodes, folder, period_s)
        self._faults = schedule(seed, hours, nodes, len(SINKS))
        command = f"python -m paifang_rig.week --seed {seed} --hours {hours:g} --nodes {nodes} --period {period_s:g}"
        self._outcome = Outcome(command=command)
        self._digest = hashlib.sha256()
        self._sessions: dict[str, tuple[int, int] | None] = {}

    async def run(self) -> Outcome:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._note_failure)
        self._ward = Ward(*self._make)
        self._mishaps = Mishaps(self._ward)
        await self._ward.begin()
        for fault in self._faults:
            loop.call_at(fault.at_s, self._mishaps.befall, fault)
        for hour in range(1, int(self._hours) + 1):
            await asyncio.sleep(hour * HOUR_S - loop.time())
            await self._look(f"hour {hour}")
            self._look_at_progress(f"hour {hour}: ", loop.time())
            if len(self._outcome.problems) > PROBLEMS_MOST:
                break
        else:
            await self._end()
        return self._summed_up()

    async def _look(self, when: str) -> Balance:
        """Everybody's counts against the world's."""
        ward, ledger = self._ward, self._ward.ledger
        gateway = await ward.running()
        await gateway.learn()
        found = await gateway.balance()
        self._collect(f"{when}: ", found.problems)
        told = {each.node: each for each in found.nodes}
        for node in ward.nodes:
            account = ledger.accounts[node.name]
            lost = account.declared.total()
            each = told.get(node.name)
            counts = (each.stored, each.lost) if each else (0, 0)
            if counts != (account.stored, lost):
                self._collect(
                    f"{when}: ", [f"{node.name}: the store counts {counts}, the world {account.stored, lost}"]
                )
            if account.open:
                uncounted = max(node.journal_dropped - account.declared["journal-full"], 0)
                ledger.check(node.name, node.held(), node.owed(), uncounted)
            if account.made != account.stored + lost + len(account.open):
                self._collect(f"{when}: ", [f"{node.name}: {account.made} made do not add up"])
            if account.reports != node.figures.read:
                self._collect(f"{when}: ", [f"{node.name}: {node.figures.read} read, {account.reports} reported"])
        for name, far in ward.fars.items():
            if far.has.missing(ledger.stored):
                self._collect(f"{when}: ", [f"sink {name} has records that are not stored"])
        self._gather(when)
        self._outcome.looks += 1
        self._digest.update(repr((when, ward.figures())).encode())
        made, stored, faults = ledger.total("made"), ledger.total("stored"), self._mishaps.fired.total()
        self._looked(f"{when}: {made} made, {stored} stored, {faults} faults, {len(self._outcome.problems)} problems")
        return found

    def _look_at_progress(self, where: str, now_s: float) -> None:
        """Who has been in one session since the last look has nothing left that is older than that."""
        before, self._sessions = self._sessions, {node.name: node.session() for node in self._ward.nodes}
        for name, session in self._sessions.items():
            opened = self._ward.ledger.accounts[name].open.values()
            old = sum(made.fate is None and made.made_s < now_s - HOUR_S for made in opened)
            if old and session is not None and before.get(name) == session:
                self._collect(where, [f"{name}: {old} records have waited for an hour, and it was connected"])

    def _gather(self, when: str) -> None:
        """What the parts have found by themselves since the last time."""
        ward = self._ward
        sources = [ward.ledger.problems, ward.problems, *(far.problems for far in ward.fars.values())]
        if ward.gateway is not None:
            sources.append(ward.gateway.problems)
        for problems in sources:
            self._collect(f"{when}: ", problems)
            problems.clear()

    async def _end(self) -> None:
        """Nothing goes wrong any more: in the end all is sent and confirmed."""
        ward = self._ward
        await self._mishaps.end()
        for node in ward.nodes:
            node.end_sensing()
        for _ in range(DRAINS_MOST):
            await asyncio.sleep(DRAIN_S)
            if not ward.ledger.fates()[""] and not await (await ward.running()).waiting():
                break
        found = await self._look("end")
        open_still = ward.ledger.fates()[""]
        if open_still:
            self._collect("end: ", [f"{open_still} records are still on their way, and nothing is wrong"])
        for name in SINKS:
            self._look_at_sink(name, found)

    def _look_at_sink(self, name: str, found: Balance) -> None:
        """Each record once by its id: what is missing at the far side was dropped, and is counted by its reason."""
        ward = self._ward
        rows = [each for each in found.sinks if each.sink == name]
        dropped = sum((Counter(each.dropped) for each in rows), Counter[str]())
        waiting = sum(each.buffered for each in rows)
        missing, refused = ward.missing(name), len(ward.fars[name].refused)
        delivered = sum(each.delivered for each in rows)
        told = f"sink {name}: {missing} missing, {waiting} waiting, {delivered} delivered, dropped {dict(dropped)}"
        self._outcome.figures.setdefault("dropped", {})[name] = dict(sorted(dropped.items()))
        wrong = {
            "something waits": waiting,
            "more is missing than was dropped for want of room": missing > dropped[RETENTION],
            "more is refused than the far side did": dropped[REFUSED] > refused,
            "dropped for another reason": dropped.keys() - {RETENTION, REFUSED, NOT_WANTED},
            "delivered what is not stored for it": delivered > ward.stored_by_wanted(name),
        }
        self._collect("end: ", [f"{told}: {what}" for what, is_so in wrong.items() if is_so])

    def _note_failure(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would only log."""
        error = context.get("exception")
        where = traceback.format_tb(error.__traceback__)[-1].strip() if error else ""
        self._collect("", [f"{context['message']}: {error!r} {where}"])

    def _collect(self, where: str, problems: list[str]) -> None:
        for problem in problems:
            self._outcome.problems.append(where + problem)
            self._looked(where + problem)

    def _summed_up(self) -> Outcome:
        outcome = self._outcome
        outcome.fired, outcome.missed = self._mishaps.fired, self._mishaps.missed
        lost = {"sectors lost": self._mishaps.sectors_lost}
        outcome.figures = {**self._ward.figures(), **outcome.figures, **lost}
        outcome.digest = self._digest.hexdigest()[:16]
        return outcome
