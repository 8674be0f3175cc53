"""What the world knows by itself: each record that a node has made, and what became of it.

A record is open from the moment it is made until the gateway has stored it or has been told that it is lost. Nobody's
count is taken for granted: what is stored is read from the store's file, what a node holds from its RAM and its flash.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from paifang_wire import messages, names
from paifang_wire.messages import BACKLOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Key = tuple[int, int]
"""Boot and number."""
CUT = "cut"
"""It was in RAM only when the power failed."""
DAMAGED = "damaged"
"""It was in a place of the flash that cannot be read any more."""
_EXPLAINS = {
    messages.GAP_SETTLED_BEFORE: (CUT, DAMAGED),
    messages.GAP_DAMAGED: (CUT, DAMAGED),
    messages.GAP_QUEUE_FULL: (None, CUT, DAMAGED),
    messages.GAP_JOURNAL_FULL: (None, CUT, DAMAGED),
}
"""By a gap's reason, what must have happened to a record that it names: None for nothing the world knows of."""


class Numbers:
    """A set of record numbers, a byte each, by node and boot."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, int, bool], bytearray] = {}

    def add(self, node: str, boot: int, number: int) -> bool:
        """Whether it is new."""
        lane, place = self._find(node, boot, number)
        if place >= len(lane):
            lane.extend(bytes(place + 64 - len(lane)))
        is_new = not lane[place]
        lane[place] = 1
        return is_new

    def holds(self, node: str, boot: int, number: int) -> bool:
        lane, place = self._find(node, boot, number)
        return place < len(lane) and bool(lane[place])

    def missing(self, others: Numbers, takes: Callable[[str], bool] = lambda _node: True) -> int:
        """How many of ours, of nodes that it `takes`, are not among `others`."""
        count = 0
        for key, lane in self._lanes.items():
            if not takes(key[0]):
                continue
            other = others._lanes.get(key, bytearray())
            count += sum(1 for place, held in enumerate(lane) if held and not (place < len(other) and other[place]))
        return count

    def __len__(self) -> int:
        return sum(sum(lane) for lane in self._lanes.values())

    def _find(self, node: str, boot: int, number: int) -> tuple[bytearray, int]:
        key = (node, boot, number >= BACKLOG)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = bytearray()
        return lane, number - BACKLOG if number >= BACKLOG else number


@dataclass(slots=True)
class Made:
    """A record at a node: its payload, when it was made (loop's clock), and what has befallen it."""

    payload: bytes
    made_s: float
    bills: bool
    fate: str | None = None


@dataclass(slots=True)
class Account:
    """Of one node, in records. made = stored + the sum of `declared` + open; `reports` of them are readings."""

    made: int = 0
    reports: int = 0
    stored: int = 0
    declared: Counter[str] = field(default_factory=Counter[str])
    open: dict[Key, Made] = field(default_factory=dict[Key, Made])


class Ledger:
    """`problems` are lines for people; a run is good when there are none."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self.accounts = {node: Account() for node in nodes}
        self.stored = Numbers()
        self.problems: list[str] = []
        self.seen_seq = self.seen_gap = 0

    def made(self, node: str, payload: bytes, now_s: float, *, bills: bool) -> None:
        message = messages.decode(payload)
        account = self.accounts[node]
        key = (message[1], message[2])
        if key in account.open or self.stored.holds(node, *key):
            self._wrong(f"{node} gives the number {key} twice")
        account.made += 1
        account.reports += message[0] == messages.REPORT
        account.open[key] = Made(payload, now_s, bills)

    def take_records(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows (seq, node, boot, number, body) that the store has and we have not seen."""
        for seq, node, boot, number, body in rows:
            self.seen_seq = max(self.seen_seq, seq)
            account = self.accounts[node]
            made = account.open.pop((boot, number), None)
            if made is None or made.payload != body:
                self._wrong(f"{node}/{boot}.{number} is stored and {'was not open' if made is None else 'differs'}")
            if not self.stored.add(node, boot, number):
                self._wrong(f"{node}/{boot}.{number} is stored twice")
            account.stored += 1

    def take_gaps(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows (seq, node, boot, first, last, reason, lost) that the store has and we have not seen."""
        for seq, node, boot, first, last, reason, lost in rows:
            self.seen_gap = max(self.seen_gap, seq)
            account = self.accounts[node]
            keys = [key for key in account.open if key[0] == boot and first <= key[1] <= last]
            name = names.GAPS[reason]
            for key in keys:
                made = account.open.pop(key)
                if made.fate not in _EXPLAINS[reason]:
                    self._wrong(f"{node}/{key[0]}.{key[1]} is declared {name}; to our knowledge: {made.fate}")
            account.declared[name] += len(keys)
            if len(keys) != lost:
                self._wrong(f"{node}: {first} to {last} of boot {boot}: {lost} declared {name}, {len(keys)} were open")

    def mark(self, node: str, kept: Iterable[Key], fate: str) -> int:
        """Of what is open, all but `kept` has met `fate`; returns how many did just now."""
        held = set(kept)
        count = 0
        for key, made in self.accounts[node].open.items():
            if key not in held and made.fate is None:
                made.fate = fate
                count += 1
        return count

    def check(self, node: str, held: set[Key], owed: Iterable[tuple[int, int, int]], uncounted: int) -> None:
        """What is open must be `held` by the node, or have a fate, or stand in a gap that it owes: (boot, first, last).

        `uncounted`: as many may be missing beyond that, for a node counts more than it has room to tell.
        """
        ranges = list(owed)
        missing = [
            key
            for key, made in self.accounts[node].open.items()
            if key not in held
            and made.fate is None
            and not any(key[0] == boot and first <= key[1] <= last for boot, first, last in ranges)
        ]
        if len(missing) > uncounted:
            self._wrong(f"{node}: {len(missing)} records are nowhere, {missing[:3]} among them; {uncounted} may be")

    def total(self, name: str) -> int:
        return sum(getattr(account, name) for account in self.accounts.values())

    def declared(self) -> Counter[str]:
        return sum((account.declared for account in self.accounts.values()), Counter[str]())

    def fates(self) -> Counter[str]:
        """Of what is open."""
        return Counter(made.fate or "" for account in self.accounts.values() for made in account.open.values())

    def _wrong(self, what: str) -> None:
        self.problems.append(what)
