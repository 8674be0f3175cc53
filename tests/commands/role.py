"""The role of a simulated node: points that can be read, written and brought to safety, with a pause like a relay's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from points import FAIL_SAFE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from node_side import Board

CONTACT_MS = 50


class Role:
    """As the roles of the firmware: `read`, and `write` and `to_safe`, awaited."""

    def __init__(self, board: Board, pause: Callable[[int], Awaitable[None]]) -> None:
        self._board = board
        self._pause = pause

    def read(self, point: int) -> int | None:
        return self._board.read(point)

    async def write(self, point: int, value: int) -> tuple[int, Any, Any]:
        """(0, before, after)."""
        self._board.on_write(point, value)
        return await self._act(point, value)

    async def to_safe(self, point: int) -> tuple[int, Any, Any]:
        self._board.on_write(point, FAIL_SAFE)
        return await self._act(point, FAIL_SAFE)

    async def _act(self, point: int, value: int) -> tuple[int, Any, Any]:
        before = self._board.values[point]
        self._board.values[point] = value
        await self._pause(CONTACT_MS)
        return 0, before, self._board.values[point]
