"""Operations on signal nodes: site records, plans and day plans brought to them, and what they were given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.arguments import Arguments
from paifang.commands.signals import STAGED
from paifang.errors import bad_argument
from paifang.keys.roots import FILE_LIMIT
from paifang.operations.callers import actor
from paifang_wire import cbor

if TYPE_CHECKING:
    from paifang.commands.signals import Signals
    from paifang.control.authority import Caller
    from paifang.control.connection import Handler

SITE_WITHIN_MS = 60_000
"""A node takes seconds for the two signatures, and may be busy with others."""
STAGE_WITHIN_MS = 30_000
WITHIN_MOST_MS = 600_000
NUMBER_MOST = (1 << 63) - 1


class SignalOperations:
    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def handlers(self) -> dict[str, Handler]:
        return {"signals.site": self._site, "signals.stage": self._stage, "signals.show": self._show}

    async def _site(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("signals.site", args)
        node, record = given.text("node"), given.octets("record", FILE_LIMIT)
        within_s = given.whole("within_ms", SITE_WITHIN_MS, 1, WITHIN_MOST_MS) / 1000
        given.done()
        return await self._signals.load_site(node, record, actor(caller), within_s)

    async def _stage(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("signals.stage", args)
        node, what, payload = given.text("node"), given.text("what"), given.octets("payload", cbor.LIMIT)
        within_s = given.whole("within_ms", STAGE_WITHIN_MS, 1, WITHIN_MOST_MS) / 1000
        given.done()
        if what not in STAGED:
            raise bad_argument(f"what can be staged is {' or '.join(STAGED)}, not {what!r}")
        return await self._signals.stage(node, what, payload, actor(caller), within_s)

    async def _show(self, args: dict[str, Any], _caller: Caller) -> Any:
        """What a node was given under the numbers that it reports."""
        given = Arguments("signals.show", args)
        node = given.text("node")
        edition, plan, days = (given.whole(name, 0, 0, NUMBER_MOST) for name in ("edition", "plan", "days"))
        given.done()
        return self._signals.show(node, edition, plan, days)
