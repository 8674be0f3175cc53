"""The coordination of signals joined to the gateway: readings come from its nodes, orders go the way of all orders.

That way is: signed, under a delegation, by policy, the node's own rules and rates, and logged before it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.commands.path import Submitted
from paifang.commands.rates import Rates
from paifang.insight.coordinator import Coordinator
from paifang.insight.sight import Reading
from paifang.insight.station import Outside
from paifang.nodes.desk import estimate_uptime_ms
from paifang.store import history
from paifang_wire import messages, names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from paifang.commands.room import CommandRoom
    from paifang.nodes.clocks import Clocks
    from paifang.nodes.links import Link
    from paifang.nodes.service import NodeService
    from paifang.settings import Settings
    from paifang.store import Batch, Store

_GOOD = names.QUALITY[0]


class Coordination:
    """The coordinator with everything it asks for; `bridged(device, point)` is the value and age in ms of a bridge's.

    `start`, `stop`, `reload`, `status`, `congestion` are its own.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        nodes: NodeService,
        bridged: Callable[[str, str], tuple[float, int] | None],
        room: CommandRoom,
        clocks: Clocks,
    ) -> None:
        self._store = store
        self._desk = nodes.desk
        self._bridged = bridged
        self._room = room
        self._monotonic = clocks.monotonic
        outside = Outside(
            site=settings.site,
            read=self._read,
            uptime_ms=self._uptime_ms,
            target=room.lookup.target,
            submit=self._submit,
            grant=room.delegations.shown,
            take=Rates(0).take,
            utc_ms=clocks.utc_ms,
            monotonic=clocks.monotonic,
            random=clocks.random,
        )
        self.coordinator = Coordinator(settings.signals, outside)
        self.start, self.stop, self.reload = self.coordinator.start, self.coordinator.stop, self.coordinator.reload
        self.status, self.congestion = self.coordinator.status, self.coordinator.congestion

    def settled(self, batch: Batch) -> None:
        """Have the reports of signals noted."""
        for record in batch.records:
            node, boot_number, _, kind, uptime_ms = record[:5]
            if kind == messages.REPORT and node in self.coordinator.nodes:
                boot = self._store.boot(node, boot_number)
                items = history.readings((*record, boot.offset_ms, boot.description), self._desk.table)
                good = {each["point"]: each["value"] for each in items if each["quality"] == _GOOD}
                values = {point: value for point, value in good.items() if value is not None}
                self.coordinator.note(node, boot_number, uptime_ms, values)

    def findings(self) -> list[dict[str, str]]:
        """A warning for each junction that should be advised and is not."""
        return [
            {"level": "warning", "subject": "signals", "message": f"{node}: {why.message}", "hint": why.hint}
            for node, why in self.coordinator.silent().items()
        ]

    def _read(self, node: str, name: str) -> Reading | None:
        link = self._desk.sessions.get(node)
        point = link.table.by_name.get(name) if link is not None and link.table is not None else None
        if link is None:
            found = self._bridged(node, name)
            return None if found is None else Reading(*found)
        if point is None:
            return None
        value, made_ms = link.latest.get(point.number, (None, 0))
        shown = point.shown(value)
        return None if shown is None else Reading(float(shown), self._now_ms(link) - made_ms)

    def _uptime_ms(self, node: str) -> int | None:
        link = self._desk.sessions.get(node)
        return None if link is None else self._now_ms(link)

    def _now_ms(self, link: Link) -> int:
        return estimate_uptime_ms(link, self._monotonic())

    def _submit(self, order: bytes, within_ms: int, delegation: bytes) -> Awaitable[Mapping[str, Any]]:
        return self._room.path.submit(Submitted(order, within_ms, delegation=delegation))
