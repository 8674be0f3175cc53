"""The role of a simulated node: points that can be read, written and brought to safety, with a pause like a relay's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from points import FAIL_SAFE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from node_side import Board

CONTACT_MS = 50
TOO_SOON = 13
EIO = 5
WILLING, UNWILLING, BROKEN = range(3)
"""What a role may do with a write: do it, refuse it before anything has moved, fail half-way."""


class Role:
    """As the roles of the firmware: `read`, and `write` and `to_safe`, awaited."""

    def __init__(self, board: Board, pause: Callable[[int], Awaitable[None]]) -> None:
        self._board = board
        self._pause = pause

    def read(self, point: int) -> int | None:
        return self._board.read(point)

    async def write(self, point: int, value: int) -> tuple[int, Any, Any]:
        """(0, before, after); or as its `board.mood` is, which holds for one write."""
        mood, self._board.mood = self._board.mood, WILLING
        if mood == UNWILLING:
            return TOO_SOON, self._board.values[point], self._board.values[point]
        self._board.on_write(point, value)
        if mood == BROKEN:
            raise OSError(EIO)
        return await self._act(point, value)

    async def to_safe(self, point: int) -> tuple[int, Any, Any]:
        self._board.on_write(point, FAIL_SAFE)
        return await self._act(point, FAIL_SAFE)

    async def _act(self, point: int, value: int) -> tuple[int, Any, Any]:
        before = self._board.values[point]
        self._board.values[point] = value
        await self._pause(CONTACT_MS)
        return 0, before, self._board.values[point]
