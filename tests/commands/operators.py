"""What persons want: a command from its first word to its last, a step at a time, with whatever comes between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lies
from oracle import CANCEL, DIRECT, EXECUTED, OPERATE, SAFE, SELECT
from points import BOOL, CLASSES, DOSING, LIMITS, TABLE, VALVE, WRITABLE

if TYPE_CHECKING:
    import random

    from cast import Key
    from world import Station, World

DECEIT = 0.3
"""Chance that a stolen gateway interferes, each time that it could."""
TYPES = {row[0]: row[3] for row in TABLE}


class Errand:
    """One intention, carried out by `advance` until `is_over`. Some go wrong on purpose."""

    def __init__(self, world: World, station: Station, chance: random.Random) -> None:
        self._world = world
        self._station = station
        self._chance = chance
        self.point = chance.choice((*WRITABLE, VALVE, DOSING))
        self.value = self._some_value()
        self._pair = chance.choice(world.pairs)
        self.is_over = False
        self._selected: bytes | None = None
        self._order: bytes | None = None
        self._identifier = b""
        self._expect: int | None = None

    def advance(self) -> None:
        """The next step, if it is time for one."""
        if self._chance.random() < 0.05:
            self._submit(SAFE if self._chance.random() < 0.5 else CANCEL, None)
            self.is_over = True
        elif CLASSES[self.point] == 1:
            self._submit(DIRECT, self.value)
            self.is_over = True
        elif self._selected is None:
            self._selected = self._submit(SELECT, self.value)
            self.is_over = self._selected is None
        else:
            self._go_on()

    def _go_on(self) -> None:
        select = self._station.desk.commands[self._selected or b""]
        if select.verdict is None:
            return
        if select.verdict[0] != EXECUTED:
            self.is_over = True
        elif CLASSES[self.point] == 2:
            self._submit(OPERATE, self.value if self._chance.random() < 0.9 else self._some_value())
            self.is_over = True
        elif self._order is None:
            self._sign(select.token)
        else:
            self._approve(select.token)
            self.is_over = True

    def _sign(self, token: bytes | None) -> None:
        """The requester, at their own machine, signs what the gateway's desk has shown them."""
        self._identifier = self._world.identifier()
        self._expect = self._some_expectation()
        what: dict[str, Any] = {
            "identifier": self._identifier,
            "point": self.point,
            "value": self.value,
            "token": token,
        }
        what.update({"expect": self._expect, "least": self._least()})
        if self._is_deceived():
            what = lies.tell(lies.ABOUT_AN_ORDER, what, self._world)
        elif self._chance.random() < 0.05:
            what["until_ms"] = 1
        self._order = self._world.order(self._key(self._pair[0].keys), **what)

    def _approve(self, token: bytes | None) -> None:
        """The approver signs at theirs, and the gateway sends all of it."""
        what: dict[str, Any] = {"order": self._order, "token": token, "least": self._least()}
        if self._is_deceived():
            what = lies.tell(lies.ABOUT_AN_APPROVAL, what, self._world)
        signed = [self._order, self._world.approval(self._key(self._pair[1].keys), **what)]
        if self._is_deceived():
            place = self._chance.randrange(2)
            signed[place] = lies.alter(signed[place] or b"", self._chance)
        command = self._command(
            OPERATE, self.value, identifier=self._identifier, expect=self._expect, signed=tuple(signed)
        )
        self._station.desk.submit(command)
        self._world.orders.append(command)

    def _is_deceived(self) -> bool:
        return not self._station.is_honest and self._chance.random() < DECEIT

    def _submit(self, op: int, value: int | None) -> bytes | None:
        expect = self._some_expectation() if op in (DIRECT, OPERATE, SELECT) else None
        command = self._command(op, value, expect=expect)
        return command[1] if self._station.desk.submit(command) else None

    def _command(self, op: int, value: int | None, **more: Any) -> list[Any]:
        within_ms = self._chance.choice((20_000, 20_000, 20_000, 3_000, 60_000, 0))
        return self._world.command(self.point, op, value, within_ms=within_ms, **more)

    def _some_value(self) -> int:
        if TYPES[self.point] == BOOL:
            return self._chance.choice((0, 1, 1, 1, 2) if self._chance.random() < 0.1 else (0, 1, 1))
        least, greatest = LIMITS[self.point]
        return self._chance.randint(least - 2, greatest + 2)

    def _some_expectation(self) -> int | None:
        if self._chance.random() < 0.7:
            return None
        return self._station.board.read(self.point) if self._chance.random() < 0.6 else self._some_value()

    def _least(self) -> int:
        newest = self._world.version - 1
        return newest + (self._chance.random() < 0.05) if self._chance.random() < 0.3 else 1

    def _key(self, usual: list[Key]) -> Key:
        """Mostly the right one."""
        everybody = [key for pair in self._world.pairs for person in pair for key in person.keys]
        return self._chance.choice(usual if self._chance.random() < 0.85 else everybody + self._world.limited)
