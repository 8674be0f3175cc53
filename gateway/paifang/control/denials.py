"""Denials, each told; of many like ones in a row the first at once and the others as a number."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paifang.control.authority import Caller

GATHER_S = 10.0
"""So much later those that followed the first one are told: nobody fills the log by asking again and again."""

OnDenied = Callable[["Caller", str, str, int], object]
"""`on_denied(caller, op, role, times)`: what was refused, the role that was missing ("" for an operation that is
for nobody), and how often since it was last told."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Gathered:
    caller: Caller
    op: str
    role: str
    times: int
    timer: asyncio.TimerHandle | None = None


class Denials:
    """Tells `on_denied`, and the process's log, of every denial."""

    def __init__(self, on_denied: OnDenied | None = None) -> None:
        self.on_denied = on_denied
        self._gathered: dict[tuple[int, str], _Gathered] = {}

    def add(self, caller: Caller, op: str, role: str) -> None:
        waiting = self._gathered.get((caller.uid, op))
        if waiting is not None:
            waiting.times += 1
            return
        self._tell(caller, op, role, 1)
        self._gather(_Gathered(caller, op, role, 0))

    def flush(self) -> None:
        """Tell what is gathered now."""
        for each in list(self._gathered.values()):
            if each.timer is not None:
                each.timer.cancel()
            self._settle(each, again=False)

    def _gather(self, each: _Gathered) -> None:
        self._gathered[each.caller.uid, each.op] = each
        each.timer = asyncio.get_running_loop().call_later(GATHER_S, self._settle, each)

    def _settle(self, each: _Gathered, *, again: bool = True) -> None:
        del self._gathered[each.caller.uid, each.op]
        if each.times:
            self._tell(each.caller, each.op, each.role, each.times)
            if again:
                self._gather(_Gathered(each.caller, each.op, each.role, 0))

    def _tell(self, caller: Caller, op: str, role: str, times: int) -> None:
        often = f", {times} times" if times > 1 else ""
        _log.warning("control: denied %s to pid %d of uid %d%s", op, caller.pid, caller.uid, often)
        if self.on_denied is not None:
            self.on_denied(caller, op, role, times)
