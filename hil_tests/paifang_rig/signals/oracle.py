"""A judge of lamp logs: the site record as data and the lines of a log in, broken rules out.

It shares nothing with the firmware: the order of aspects, what flashes and what moves stand here once more, written
down from the rules of the road. Its rules:

I1 groups that conflict never move together; I2 green is not shorter than its least; I3 each aspect follows the one
before it in its country, and fixed ones last exactly as long as the record says; I4 intergreens are kept; I5 walk is
not shorter than its least and its clearance is whole; I6 a group that has ended rests its red-revert; I7 a face shows
one of its aspects; I11 a start flashes, then shows red all over, each for its time; I12 so does the way out of
flashing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .lamps import Change, parse

TICK_MS = 100
_START_FLASH, _ALL_RED, _RUN, _FLASH, _LATCHED = range(5)
_FLASHING = {_START_FLASH, _FLASH, _LATCHED}

# By country: the vehicles' way round, the pedestrians', what each shows while flashing. R red, r red with amber,
# G green, g flashing green, A amber, D don't walk, W walk, w pedestrian clearance.
_COUNTRIES = {
    "CN": ("RGgA", "DWw", "a", "-"),
    "US": ("RGA", "DWw", "f", "-"),
    "UK": ("RrGA", "DWw", "-", "-"),
    "DE": ("RrGA", "DW", "a", "-"),
}
_STEP_OF_FIXED = ("rgA", "w")
"""By kind: what the fixed times of a record are for, in its order."""
_REST, _OPEN = "RD", "GW"
_MOVING = frozenset("rGgAWw")
_GOING = frozenset("GgWw")
"""Until these are over the intergreen has not begun."""


class Breach(NamedTuple):
    """A rule that was broken, when, and by whom."""

    rule: str
    t_ms: int
    text: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.t_ms} ms: {self.text}"


def judge(log: str, record: list[Any]) -> list[Breach]:
    """Every breach of a log under a site record, in the order of time. The log's last line lasts for ever."""
    changes = parse(log)
    if not changes:
        return [Breach("I7", 0, "the log is empty")]
    return _Judge(record).run(changes)


class _Group:
    """A group of the record, and where it stands: the aspect it shows and since when."""

    def __init__(self, row: list[Any], country: str) -> None:
        way = _COUNTRIES[country]
        self.name, self.kind = str(row[0]), int(row[1])
        fixed = dict(zip(_STEP_OF_FIXED[self.kind], row[3], strict=True))
        self.fixed = {step: int(ms) for step, ms in fixed.items() if ms}
        self.order = "".join(step for step in way[self.kind] if step in "RGDW" or step in self.fixed)
        self.flash = way[2 + self.kind]
        self.least_open_ms, self.revert_ms = int(row[2]), int(row[4])
        self.rest = _REST[self.kind]
        self.shown = ""
        self.since_ms = 0
        self.ended_ms: int | None = None
        self.rested_ms: int | None = None

    def follows(self, letter: str) -> str:
        return self.order[(self.order.index(letter) + 1) % len(self.order)]


class _Judge:
    def __init__(self, record: list[Any]) -> None:
        _, country, groups, conflicts, intergreens, start, _ = record
        self._groups = [_Group(row, country) for row in groups]
        self._conflicts = [
            (i, j) for i, mask in enumerate(conflicts) for j in range(i + 1, len(groups)) if int(mask) >> j & 1
        ]
        self._between = {(row[0], row[1]): int(row[2]) for row in intergreens}
        self._start_ms = (int(start[0]), int(start[1]))
        self._breaches: list[Breach] = []
        self._mode = -1
        self._mode_since_ms = 0

    def run(self, changes: list[Change]) -> list[Breach]:
        for change in changes:
            if len(change.shown) != len(self._groups):
                self._break("I7", change.t_ms, f"{len(change.shown)} faces, the site has {len(self._groups)}")
                break
            self._judge_mode(change)
            self._judge_faces(change)
            for i, letter in enumerate(change.shown):
                if letter != self._groups[i].shown:
                    self._judge_step(i, letter, change)
            self._judge_together(change)
        return self._breaches

    def _break(self, rule: str, t_ms: int, text: str) -> None:
        self._breaches.append(Breach(rule, t_ms, text))

    def _judge_mode(self, change: Change) -> None:
        if change.mode == self._mode:
            return
        lasted_ms = change.t_ms - self._mode_since_ms
        before = self._mode
        if change.mode == _RUN:
            if before != _ALL_RED:
                self._break("I12", change.t_ms, f"it runs, coming from mode {before} and not from all-red")
            elif lasted_ms < self._start_ms[1]:
                self._break("I11", change.t_ms, f"all-red lasted {lasted_ms} ms of {self._start_ms[1]}")
        elif change.mode == _ALL_RED:
            if before not in _FLASHING:
                self._break("I11", change.t_ms, f"all-red comes after mode {before} and not after flashing")
            elif before == _START_FLASH and lasted_ms < self._start_ms[0] - TICK_MS:
                # A log begins with the first tick, the flashing with the power.
                self._break("I11", change.t_ms, f"flashing lasted {lasted_ms} ms of {self._start_ms[0]}")
        elif change.mode not in _FLASHING:
            self._break("I7", change.t_ms, f"mode {change.mode} is none")
        if before == -1 and change.mode != _START_FLASH:
            self._break("I11", change.t_ms, f"it begins in mode {change.mode} and not with flashing")
        self._mode, self._mode_since_ms = change.mode, change.t_ms

    def _judge_faces(self, change: Change) -> None:
        for group, letter in zip(self._groups, change.shown, strict=True):
            if change.mode in _FLASHING:
                legal = group.flash
            elif change.mode == _ALL_RED:
                legal = group.rest
            else:
                legal = group.order
            if letter not in legal:
                self._break("I7", change.t_ms, f"{group.name} shows {letter} in mode {change.mode}, legal: {legal}")

    def _judge_step(self, i: int, letter: str, change: Change) -> None:
        group = self._groups[i]
        before, lasted_ms = group.shown, change.t_ms - group.since_ms
        group.shown, group.since_ms = letter, change.t_ms
        if before in _GOING and letter not in _GOING:
            group.ended_ms = change.t_ms
        if letter == group.rest:
            group.rested_ms = change.t_ms
        if change.mode != _RUN or before not in group.order or not before or letter not in group.order:
            return
        if letter != group.follows(before):
            self._break("I3", change.t_ms, f"{group.name}: {letter} after {before}, expected {group.follows(before)}")
        if before in group.fixed and lasted_ms != group.fixed[before]:
            rule = "I5" if before == "w" else "I3"
            self._break(rule, change.t_ms, f"{group.name}: {before} of {lasted_ms} ms, expected {group.fixed[before]}")
        if before in _OPEN and lasted_ms < group.least_open_ms:
            rule = "I5" if before == "W" else "I2"
            self._break(rule, change.t_ms, f"{group.name}: {before} of {lasted_ms} ms, least {group.least_open_ms}")
        if before == group.rest:
            self._judge_start(i, change.t_ms)

    def _judge_start(self, i: int, t_ms: int) -> None:
        group = self._groups[i]
        if group.rested_ms is not None and t_ms - group.rested_ms < group.revert_ms:
            self._break("I6", t_ms, f"{group.name}: rested {t_ms - group.rested_ms} ms of {group.revert_ms}")
        for (j, to), ms in self._between.items():
            other = self._groups[j]
            if to == i and other.ended_ms is not None and t_ms - other.ended_ms < ms:
                text = f"{other.name} to {group.name}: intergreen of {t_ms - other.ended_ms} ms, least {ms}"
                self._break("I4", t_ms, text)

    def _judge_together(self, change: Change) -> None:
        if change.mode != _RUN:
            return
        for i, j in self._conflicts:
            if change.shown[i] in _MOVING and change.shown[j] in _MOVING:
                one, other = self._groups[i].name, self._groups[j].name
                self._break("I1", change.t_ms, f"{one} shows {change.shown[i]} and {other} shows {change.shown[j]}")


def longest_reds(log: str, record: list[Any]) -> dict[str, int]:
    """By name, the longest time in ms that a group has rested between two starts of a run."""
    groups = [_Group(row, record[1]) for row in record[2]]
    longest = {group.name: 0 for group in groups}
    for change in parse(log):
        for group, letter in zip(groups, change.shown, strict=True):
            if letter == group.shown:
                continue
            if group.shown == group.rest and change.mode == _RUN:
                longest[group.name] = max(longest[group.name], change.t_ms - group.since_ms)
            group.shown, group.since_ms = letter, change.t_ms
    return longest


def covered(log: str, record: list[Any]) -> tuple[set[str], set[int]]:
    """(names of the groups that were open, modes that were seen)."""
    opened: set[str] = set()
    modes: set[int] = set()
    for change in parse(log):
        modes.add(change.mode)
        opened |= {row[0] for row, letter in zip(record[2], change.shown, strict=True) if letter in _OPEN}
    return opened, modes
