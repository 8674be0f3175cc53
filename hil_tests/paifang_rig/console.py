"""The lines a board prints, and waiting for one."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING

from paifang_rig.errors import RigError

if TYPE_CHECKING:
    from collections.abc import Callable

LINES_KEPT = 2000
_TAIL = 20


class Console:
    """Bytes in, lines out; `name` is the board's, for messages, `heard` is given each line."""

    def __init__(self, name: str, heard: Callable[[str], None] | None = None) -> None:
        self.lines: collections.deque[str] = collections.deque(maxlen=LINES_KEPT)
        self._name = name
        self._heard = heard
        self._rest = b""
        self._watchers: list[tuple[str, asyncio.Future[str]]] = []

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for raw in lines:
            line = raw.decode(errors="replace").rstrip("\r")
            self.lines.append(line)
            if self._heard:
                self._heard(line)
            self._tell(line)

    def begin(self) -> None:
        """A new boot: half a line of the one before stands by itself."""
        if self._rest:
            self.feed(b"\n")

    async def wait_line(self, text: str, deadline_s: float) -> str:
        for line in self.lines:
            if text in line:
                return line
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._watchers.append((text, future))
        try:
            return await asyncio.wait_for(future, deadline_s)
        except TimeoutError:
            tail = "\n".join(list(self.lines)[-_TAIL:])
            message = f"{self._name}: no {text!r} on the console within {deadline_s:.0f} s; it said:\n{tail}"
            raise RigError(message) from None

    def _tell(self, line: str) -> None:
        for text, future in self._watchers:
            if text in line and not future.done():
                future.set_result(line)
        self._watchers = [watcher for watcher in self._watchers if not watcher[1].done()]
