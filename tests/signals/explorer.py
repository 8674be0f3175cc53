"""Walks through every state that the shipped interlock can reach, with a judge of its own at each step."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import shipped  # noqa: F401
import sites
from observer import ASKED_TO_FLASH, LATCHING, RELEASE, TICK, UNLATCH, Observer

from roles.traffic_signal.interlock import REASON_CALLER, Interlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAULT = REASON_CALLER + 1


@dataclass
class Summary:
    """What an exploration has seen."""

    name: str
    states: int = 0
    transitions: int = 0
    twins: int = 0
    """States of the interlock that the judge has met with more than one reading of its own clocks."""
    seconds: float = 0.0
    known: dict[bytes, Any] = field(default_factory=dict)
    """The judge's reading of each state of the interlock."""
    judge: Any = None
    missing: set[Any] = field(default_factory=set)
    """Legal changes of a group that were never seen, as (group, from, to)."""

    def __str__(self) -> str:
        return f"{self.name}: {self.states} states, {self.transitions} transitions, {self.seconds:.1f} s"


def subsets(mask: int) -> Iterator[int]:
    """Every subset of the bits of `mask`."""
    part = mask
    while True:
        yield part
        if not part:
            return
        part = (part - 1) & mask


def explore(
    name: str, record: list[Any], tick_ms: int = 100, make: Callable[[Any], Any] = Interlock, limit: int = 10_000_000
) -> Summary:
    """Explore all of it. Raises Unsafe, or AssertionError beyond `limit` states.

    The adversary may ask for anything, report a fault, ask for flashing, latched or not, for an end of it, for the end
    of a latch, and send what is no request. Of the requests, all that differ in a bit that can matter are tried; the
    other bits are noise (`test_lemma` holds that against all requests).
    """
    begun = time.perf_counter()
    lock = make(sites.tables(record, tick_ms))
    judge = Observer(record, tick_ms)
    summary = Summary(name)
    everything = (1 << judge.count) - 1
    first = (lock.save(), judge.start(bytes(lock.aspects)))
    known: dict[bytes, Any] = {first[0]: first[1]}
    twins: set[Any] = set()
    frontier = [first]
    noise = 12345

    def reached(event: int, state: Any, request: int = 0) -> None:
        summary.transitions += 1
        after = judge.step(state, event, bytes(lock.aspects), request)
        saved = lock.save()
        seen = known.get(saved)
        if seen is None:
            known[saved] = after
            frontier.append((saved, after))
        elif seen != after and (saved, after) not in twins:
            twins.add((saved, after))
            frontier.append((saved, after))

    while frontier:
        saved, state = frontier.pop()
        free = judge.free(state)
        noise = noise * 1103515245 + 12345 & 0x7FFFFFFF
        for request in subsets(free):
            asked = request | (noise >> 8) & everything & ~free
            lock.load(saved)
            lock.tick(asked)
            reached(TICK, state, asked)
        for event, act in _ACTS:
            lock.load(saved)
            act(lock)
            reached(event, state)
        assert len(known) <= limit, f"{name}: more than {limit} states"
    summary.known, summary.judge = known, judge
    summary.states, summary.twins = len(known), len(twins)
    summary.seconds = time.perf_counter() - begun
    for i, group in enumerate(judge.groups):
        summary.missing |= {(i, *step) for step in group.legal - group.seen}
    return summary


_ACTS = (
    (ASKED_TO_FLASH, lambda lock: lock.to_flash()),
    (LATCHING, lambda lock: lock.to_flash(latch=True)),
    (LATCHING, lambda lock: lock.tick(0, FAULT)),
    (LATCHING, lambda lock: lock.tick(-1)),
    (RELEASE, lambda lock: lock.to_run()),
    (UNLATCH, lambda lock: lock.clear_latch()),
)
