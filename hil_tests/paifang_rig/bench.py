"""The bench: one asyncio process that powers many boards, plays their sensors, and lists what these really sent."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, Self

from paifang_rig.board import SimBoard
from paifang_rig.errors import RigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from paifang_rig.simulated.models.sensor import Emission, Sensor

DEADLINE_S = 20.0
_POLL_S, _POLL_LIMIT_S = 0.002, 0.1


class Bench:
    """`async with Bench(folder) as bench`: leaving it cuts every board's power. `folder` keeps flash and NVS files."""

    def __init__(self, folder: Path, *, pace_uart: bool = False) -> None:
        self.folder = folder
        self.pace_uart = pace_uart
        self.emitted: list[Emission] = []
        self.boards: dict[str, SimBoard] = {}
        self._floating = os.pipe()

    @property
    def floating_fd(self) -> int:
        """Readable end of a pipe that never has data: an open UART input."""
        return self._floating[0]

    def board(
        self,
        name: str,
        image: bytes,
        config: Mapping[str, Any] | None = None,
        nvs: bytes | None = None,
        sensors: Iterable[Sensor] = (),
        **options: Any,
    ) -> SimBoard:
        """A board on this bench, without power yet; the options are SimBoard's."""
        if name in self.boards:
            raise RigError(f"{name}: there is a board of this name on the bench already")
        board = SimBoard(self, name, image, config, nvs, sensors, **options)
        self.boards[name] = board
        return board

    def emission(self, emission: Emission) -> None:
        self.emitted.append(emission)

    async def until(self, condition: Callable[[], object], deadline_s: float = DEADLINE_S, what: str = "") -> None:
        """Wait until `condition()` is true; RigError naming `what` after the deadline."""
        end = time.monotonic() + deadline_s
        pause_s = _POLL_S
        while not condition():
            if time.monotonic() > end:
                raise RigError(f"{what or condition} did not happen within {deadline_s:.0f} s")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _POLL_LIMIT_S)

    def close(self) -> None:
        for board in self.boards.values():
            board.close()
        self.boards.clear()
        for descriptor in self._floating:
            os.close(descriptor)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
