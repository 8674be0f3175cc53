"""Operations on traffic: how crowded a junction is, and the green wave of an arterial."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from paifang.arguments import Arguments
from paifang.errors import bad_argument
from paifang.insight import wave_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.control.authority import Caller
    from paifang.control.connection import Handler


class InsightOperations:
    """`congestion(node)` tells the figures of its phases."""

    def __init__(self, congestion: Callable[[str], list[dict[str, Any]]]) -> None:
        self._congestion = congestion

    def handlers(self) -> dict[str, Handler]:
        return {"signals.congestion": self._tell, "signals.wave": self._wave}

    async def _tell(self, args: dict[str, Any], _caller: Caller) -> Any:
        given = Arguments("signals.congestion", args)
        node = given.text("node")
        given.done()
        return self._congestion(node)

    async def _wave(self, args: dict[str, Any], _caller: Caller) -> Any:
        """`arterial` is what the file of `paifang signal wave` holds."""
        given = Arguments("signals.wave", args)
        arterial = given.anything("arterial")
        given.done()
        if not isinstance(arterial, dict):
            raise bad_argument("arterial of signals.wave is a table, as in the file of `paifang signal wave`")
        found = await asyncio.to_thread(wave_file.of_table, cast("dict[str, Any]", arterial), Path("arterial"))
        return found.as_dict()
