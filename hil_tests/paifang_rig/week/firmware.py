"""The shipped modules of a node on this interpreter, with stand-ins for what MicroPython has and CPython lacks.

They are what a node runs, file for file, but for KEEPALIVE_MS. Their `os`, `open` and `print` are the simulation's, and
`asyncio` has the one function more that MicroPython's has.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

from paifang_rig.week.flash import Flashes
from paifang_tools.sources import firmware_folder

if TYPE_CHECKING:
    from collections.abc import Coroutine

_NAME = "paifang_rig.week.node_modules"
KEEPALIVE_MS = 120_000
flashes = Flashes()
"""Those of all nodes of this process; a world fills it."""


async def _wait_for_ms(waited: Coroutine[Any, Any, Any], duration_ms: int) -> Any:
    async with asyncio.timeout(duration_ms / 1_000):
        return await waited


def _package() -> None:
    """The folder `node`, imported once more under a name of its own: its stand-ins are nobody else's."""
    package = types.ModuleType(_NAME)
    package.__path__ = [str(firmware_folder() / "node")]
    sys.modules[_NAME] = package
    shim: Any = types.SimpleNamespace(const=int)
    sys.modules.setdefault("micropython", shim)


def _part(name: str) -> Any:
    return importlib.import_module(f"{_NAME}.{name}")


def _quiet(*_: object) -> None:
    """The console of two hundred nodes is not looked at."""


_package()
description: Any = _part("description")
journal: Any = _part("journal")
keeper: Any = _part("keeper")
link: Any = _part("link")
outbox: Any = _part("outbox")
records: Any = _part("records")
segments: Any = _part("segments")
uptime: Any = _part("uptime")
wall: Any = _part("wall")

segments.os = flashes.namespace()
segments.open = flashes.open
_asyncio = types.SimpleNamespace(
    Event=asyncio.Event, TimeoutError=asyncio.TimeoutError, create_task=asyncio.create_task, wait_for_ms=_wait_for_ms
)
link.asyncio = keeper.asyncio = _asyncio
link.print = keeper.print = _quiet
# Who has nothing to say says so less often than a node in a street: it is what most of a week's time would go into.
vars(link).update(_KEEPALIVE_MS=KEEPALIVE_MS, _WAIT_LIMIT_MS=KEEPALIVE_MS)
