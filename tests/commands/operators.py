"""What persons want: a command from its first word to its last, a step at a time, with whatever comes between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oracle import CANCEL, DIRECT, EXECUTED, OPERATE, SAFE, SELECT
from points import BOOL, CLASSES, DOSING, LIMITS, TABLE, VALVE, WRITABLE

if TYPE_CHECKING:
    import random

    from cast import Key
    from world import Station, World

TYPES = {row[0]: row[3] for row in TABLE}


class Errand:
    """One intention, carried out by `advance` until `is_over`. Some go wrong on purpose."""

    def __init__(self, world: World, station: Station, chance: random.Random) -> None:
        self._world = world
        self._station = station
        self._chance = chance
        self.point = chance.choice((*WRITABLE, VALVE, DOSING))
        self.value = self._some_value()
        self.is_over = False
        self._selected: bytes | None = None
        self._signed: list[Any] | None = None
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
        more = {"expect": self._expect, "least": self._least()}
        if self._chance.random() < 0.05:
            more["until_ms"] = 1
        key = self._key(self._world.requester.keys)
        self._order = self._world.order(key, self._identifier, self.point, self.value, token, **more)

    def _approve(self, token: bytes | None) -> None:
        """The approver signs at theirs, and the gateway sends all of it."""
        assert self._order is not None
        approval = self._world.approval(self._key(self._world.approver.keys), self._order, token, least=self._least())
        more = {"identifier": self._identifier, "expect": self._expect, "signed": (self._order, approval)}
        command = self._command(OPERATE, self.value, **more)
        self._station.desk.submit(command)
        self._world.orders.append(command)

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
        world = self._world
        if self._chance.random() < 0.85:
            return self._chance.choice(usual)
        return self._chance.choice([*world.requester.keys, *world.approver.keys, *world.stranger.keys])
