"""What a junction may do, told a second time: a judge of what is shown, from the site safety record alone.

It shares no code with the firmware: it knows the record's layout, the letters of the aspects and each country's order.
It keeps clocks of its own, one pair a group, which stop where no rule asks for more: an explorer walks the product of
the interlock and this judge, so that no rule rests on the interlock's own idea of the time.
"""

from __future__ import annotations

from typing import Any

LETTERS = "RrGgAWwDaf-"
ORDERS = {
    ("CN", 0): "RGgA",
    ("US", 0): "RGA",
    ("UK", 0): "RrGA",
    ("DE", 0): "RrGA",
    ("CN", 1): "DWw",
    ("US", 1): "DWw",
    ("UK", 1): "DWw",
    ("DE", 1): "DW",
}
FLASHING = {"CN": "a-", "US": "f-", "UK": "--", "DE": "a-"}
RIGHT, MOVING, REST, OPEN = "rGgWw", "rGgAWw", "RD", "GW"

TICK, ASKED_TO_FLASH, LATCHING, RELEASE, UNLATCH = range(5)
"""What has happened: a tick passed, or a call of `to_flash`, `to_flash(latch=True)` or a fault, `to_run`,
`clear_latch`."""
STARTING, FLASH, LATCHED, STEADY = range(4)


class Unsafe(AssertionError):
    """A rule is broken; the text begins with its id."""


class Group:
    """One group's clocks: states (letter, ticks it has been shown, ticks since the right to move ended) as numbers.

    `after[n][aspect]`: the number of the next state, or the rule that is broken.
    """

    def __init__(self, row: list[Any], country: str, longest_intergreen: int, tick_ms: int) -> None:
        kind, opens, fixed, revert = row[1], row[2], row[3], row[4]
        steps = dict(zip("rgA" if kind == 0 else "w", fixed, strict=True))
        order = [letter for letter in ORDERS[country, kind] if letter not in steps or steps[letter]]
        self.flashing = FLASHING[country][kind]
        self.ticks = {letter: -(-ms // tick_ms) for letter, ms in steps.items() if ms}
        self.ticks |= {order[0]: -(-revert // tick_ms), order[1 + ("r" in order)]: -(-opens // tick_ms)}
        self.follows = dict(zip(order, order[1:] + order[:1], strict=True)) | {self.flashing: order[0]}
        self.longest = longest_intergreen
        self.states: list[tuple[str, int, int]] = []
        self.numbers: dict[tuple[str, int, int], int] = {}
        self.after: list[list[Any]] = []
        self.seen: set[tuple[str, str]] = set()
        self.legal = set(zip(order, order[1:] + order[:1], strict=True)) | {(self.flashing, order[0])}
        self.legal |= {(letter, self.flashing) for letter in order}

    def number(self, state: tuple[str, int, int]) -> int:
        if state not in self.numbers:
            self.numbers[state] = len(self.states)
            self.states.append(state)
            self.after.append([None] * len(LETTERS))
        return self.numbers[state]

    def next(self, number: int, aspect: int) -> int:
        """The state after a tick that shows `aspect`. Raises Unsafe."""
        found = self.after[number][aspect]
        if found is None:
            self.after[number][aspect] = found = self._next(self.states[number], LETTERS[aspect])
        if isinstance(found, Unsafe):
            raise found
        return found

    def _next(self, state: tuple[str, int, int], now: str) -> Any:
        before, age, since = state
        elapsed = age + 1
        if now == self.flashing:
            self.seen.add((before, now))
            return self.number((now, 0, 0))
        if now == before:
            if now not in REST + OPEN and elapsed >= self.ticks[now]:
                return Unsafe(f"I3 {now} goes on after {elapsed} ticks")
            since = 0 if now in RIGHT else min(since + 1, self.longest)
            return self.number((now, min(elapsed, self.ticks[now]), since))
        if self.follows.get(before) != now:
            return Unsafe(f"I3 {before} is followed by {now}")
        if before != self.flashing and elapsed < self.ticks[before]:
            return Unsafe(f"{_RULES[before]} {before} shown for {elapsed} of {self.ticks[before]} ticks")
        self.seen.add((before, now))
        return self.number((now, 0, min(since + 1, self.longest) if before == "A" else 0))


_RULES = {"R": "I6", "D": "I6", "G": "I2", "W": "I5", "w": "I5", "r": "I3", "g": "I3", "A": "I3"}


class Observer:
    """Judges a whole junction. A state is (phase, its clock, may it leave, numbers of the groups' states)."""

    def __init__(self, record: list[Any], tick_ms: int) -> None:
        _, country, groups, conflicts, intergreens, start, _ = record
        self.between = {(i, j): -(-ms // tick_ms) for i, j, ms in intergreens}
        self.count = len(groups)
        self.conflicts = conflicts
        self.foes = [[j for j in range(self.count) if conflicts[i] >> j & 1] for i in range(self.count)]
        longest = [max([self.between[i, j] for j in self.foes[i]], default=0) for i in range(self.count)]
        self.groups = [Group(row, country, longest[i], tick_ms) for i, row in enumerate(groups)]
        self.flash = bytes(LETTERS.index(group.flashing) for group in self.groups)
        self.flash_ticks, self.red_ticks = (-(-ms // tick_ms) for ms in start)
        self._moving: dict[bytes, int] = {}

    def start(self, aspects: bytes) -> tuple[Any, ...]:
        """The state at power-on. Raises Unsafe."""
        if aspects != self.flash:
            raise Unsafe("I11 does not start with flashing")
        return (STARTING, 0, False, self._flashing())

    def step(self, state: tuple[Any, ...], event: int, aspects: bytes, request: int = 0) -> tuple[Any, ...]:
        """The state after `event` (a tick with `request`), which led to `aspects`. Raises Unsafe."""
        if event == TICK:
            return self._tick(state, aspects, request)
        phase, clock, _, _ = state
        if event in (ASKED_TO_FLASH, LATCHING):
            if aspects != self.flash:
                raise Unsafe("I10 does not flash at once")
            if event == ASKED_TO_FLASH and phase == STEADY:
                for group, number in zip(self.groups, state[3], strict=True):
                    group.seen.add((group.states[number][0], group.flashing))
            held = LATCHED if event == LATCHING or phase == LATCHED else FLASH
            return (held, 0, False, self._flashing())
        return (phase, clock, state[2] or phase == (FLASH if event == RELEASE else LATCHED), state[3])

    def free(self, state: tuple[Any, ...]) -> int:
        """The groups whose request bit can make a difference to the next tick, and perhaps some more."""
        if state[0] != STEADY or state[1] < self.red_ticks:
            return 0
        shown = [group.states[number] for group, number in zip(self.groups, state[3], strict=True)]
        free = 0
        for i, (letter, age, _) in enumerate(shown):
            if letter in OPEN:
                free |= (age + 1 >= self.groups[i].ticks[letter]) << i
            elif letter in REST and age + 1 >= self.groups[i].ticks[letter]:
                free |= all(self._may_let(shown[j], j, i) for j in self.foes[i]) << i
        return free

    def moving(self, aspects: bytes) -> int:
        """Bitmask of the groups that move. Raises Unsafe if two of them conflict."""
        mask = self._moving.get(aspects)
        if mask is None:
            mask = sum(1 << i for i, aspect in enumerate(aspects) if LETTERS[aspect] in MOVING)
            for i in range(self.count):
                if mask >> i & 1 and mask & self.conflicts[i]:
                    raise Unsafe(f"I1 {self.letters(aspects)}: group {i} and one that conflicts with it")
            self._moving[aspects] = mask
        return mask

    @staticmethod
    def letters(aspects: bytes) -> str:
        return "".join(LETTERS[aspect] for aspect in aspects)

    def _may_let(self, other: tuple[str, int, int], j: int, i: int) -> bool:
        letter, age, since = other
        if letter in RIGHT:
            return self.between[j, i] == 0
        if letter == "A" and age + 1 < self.groups[j].ticks["A"]:
            return False
        return since + 1 >= self.between[j, i]

    def _flashing(self) -> tuple[int, ...]:
        return tuple(group.number((group.flashing, 0, 0)) for group in self.groups)

    def _tick(self, state: tuple[Any, ...], aspects: bytes, request: int) -> tuple[Any, ...]:
        phase, clock, may_leave, numbers = state
        if aspects == self.flash:
            return self._stays_flashing(state)
        if phase == STARTING and clock + 1 < self.flash_ticks:
            raise Unsafe("I11 the flashing of the start is too short")
        if phase in (FLASH, LATCHED) and not may_leave:
            raise Unsafe("I10 stops flashing by itself" if phase == LATCHED else "I12 stops flashing unasked")
        shown = tuple([group.next(n, aspect) for group, n, aspect in zip(self.groups, numbers, aspects, strict=True)])
        moving = self.moving(aspects)
        if phase != STEADY:
            if moving:
                raise Unsafe("I12 from flashing to moving")
            return (STEADY, 0, False, shown)
        if moving and clock + 1 < self.red_ticks:
            raise Unsafe("I11 all-red of the start is too short")
        self._intergreens(numbers, shown, moving)
        if clock >= self.red_ticks:
            self._obedience(numbers, shown, request)
        return (STEADY, min(clock + 1, self.red_ticks), False, shown)

    def _stays_flashing(self, state: tuple[Any, ...]) -> tuple[Any, ...]:
        phase, clock, may_leave, numbers = state
        if phase == STEADY:
            raise Unsafe("I10 flashes without a cause")
        if may_leave:
            raise Unsafe("I12 does not leave flashing when it is asked to")
        if phase == STARTING and clock + 1 > self.flash_ticks:
            raise Unsafe("I11 flashes too long at the start")
        return (phase, clock + 1 if phase == STARTING else 0, False, numbers)

    def _intergreens(self, before: tuple[int, ...], after: tuple[int, ...], moving: int) -> None:
        for j in range(self.count):
            if not moving >> j & 1 or before[j] == after[j]:
                continue
            group = self.groups[j]
            if group.states[before[j]][0] not in REST:
                continue
            for i in self.foes[j]:
                since = self.groups[i].states[after[i]][2]
                if since < self.between[i, j]:
                    raise Unsafe(f"I4 {j} starts {since} of {self.between[i, j]} ticks after {i}")

    def _obedience(self, before: tuple[int, ...], after: tuple[int, ...], request: int) -> None:
        """What is asked for and harms nobody happens at once, and nothing else: a safe interlock could do nothing."""
        for i, group in enumerate(self.groups):
            letter, age, _ = group.states[before[i]]
            asked = request >> i & 1
            if letter not in REST and letter not in OPEN:
                continue
            stays = group.states[after[i]][0] == letter
            is_to_stay = bool(asked) == (letter in OPEN)
            if stays == is_to_stay:
                continue
            if is_to_stay:
                raise Unsafe(f"I3 {i} leaves {letter} unasked")
            if age + 1 >= group.ticks[letter] and (letter in OPEN or self._nobody_is_in_the_way(i, after)):
                raise Unsafe(f"I8 {i} is held in {letter} without a reason")

    def _nobody_is_in_the_way(self, i: int, after: tuple[int, ...]) -> bool:
        for j in self.foes[i]:
            letter, _, since = self.groups[j].states[after[j]]
            if letter not in REST or since < self.between[j, i]:
                return False
        return True
