"""The event loop of our processes: uvloop, where there is one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """For asyncio.Runner."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
