"""Orders of class 3 that wait for another person: until that one approves, the node's token dies, or a newer select."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from paifang.errors import not_found
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.commands.dispatch import Dispatcher
    from paifang.store.commands import Command


class Pendings:
    """At most one a point. Each ends in one of: sent, expired, superseded."""

    def __init__(self, dispatcher: Dispatcher, utc_ms: Callable[[], int]) -> None:
        self._dispatcher = dispatcher
        self._utc_ms = utc_ms
        self._waiting: dict[bytes, Command] = {}
        self._timers: dict[bytes, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def list(self) -> list[Command]:
        """The oldest first."""
        return list(self._waiting.values())

    def add(self, command: Command) -> None:
        """Have `command`, which is in the log, wait until its `expires_ms`."""
        assert command.expires_ms is not None
        self._waiting[command.id] = command
        self._dispatcher.keep(command)
        left_s = max(command.expires_ms - self._utc_ms(), 0) / 1000
        loop = asyncio.get_running_loop()
        self._timers[command.id] = loop.call_later(left_s, self._expire, command)

    def find(self, identifier: bytes) -> Command:
        """Raises PaifangError when nothing waits by that id."""
        command = self._waiting.get(identifier)
        if command is None:
            hint = "`paifang pending` lists what waits; `paifang commands show` tells what became of others"
            raise not_found(f"nothing with the id {identifier.hex()} waits for an approval", hint)
        return command

    def take(self, command: Command) -> None:
        """It waits no more."""
        self._waiting.pop(command.id, None)
        timer = self._timers.pop(command.id, None)
        if timer is not None:
            timer.cancel()

    async def supersede(self, node: str, point: int, why: str) -> None:
        """End what waits for this point."""
        for command in self.list():
            if (command.node, command.point) == (node, point):
                self.take(command)
                await self._dispatcher.verdict(command, messages.SUPERSEDED, 0, why)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _expire(self, command: Command) -> None:
        self.take(command)
        self._dispatcher.expire(command)
