"""A store with real reports of several nodes in it, for what reads them further on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.store import retention
from paifang.store.points import Point, PointTable
from paifang.store.upkeep import Upkeep
from paifang_wire import messages

if TYPE_CHECKING:
    from paifang.store import Store

TABLE = PointTable(
    [
        Point(1, "pm25", "ug/m3", messages.INT, -1, 0, 10_000, 0, None),
        Point(2, "humidity", "%", messages.INT, -2, 0, 10_000, 0, None),
        Point(3, "door", "", messages.BOOL, 0, None, None, 0, None),
        *(Point(each, f"meter_{each}", "W", messages.INT, 0, None, None, 0, None) for each in range(10, 34)),
    ]
)
WIDE = range(10, 34)
"""Points of a report as large as a three-phase meter's."""
START_MS = 1_790_000_000_000


def table(_: bytes | None) -> PointTable:
    return TABLE


async def pack(store: Store, now_ms: int, pack_ms: int = 1) -> None:
    """All that is due is in blocks, as the gateway does it by itself."""
    limits = retention.Limits(1 << 60, 1 << 60, pack_ms)
    await Upkeep(store, table, lambda: limits, lambda: now_ms, print).pack()


class Reports:
    """Puts reports into `store`; `clock_ms` is when the next one is made and received."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock_ms = START_MS
        self.made: list[tuple[str, int, int]] = []

    def add(self, node: str = "aq-1", values=None, quality=None, *, boot: int = 1, utc_ms: int | None = None) -> None:
        """One report: {point: wire integer}."""
        known = self.store.boot(node, boot)
        number = known.marks.high + 1
        made_ms = self.clock_ms if utc_ms is None else utc_ms
        uptime_ms = 1_000 * number
        message = [messages.REPORT, boot, number, uptime_ms, made_ms, values or {1: number % 10_000}, quality or {}]
        body = messages.encode(message)
        self.store.add(known, (node, boot, number, messages.REPORT, uptime_ms, made_ms, self.clock_ms, body))
        self.made.append((node, boot, number))

    async def fill(self, count: int, nodes: int = 3, step_ms: int = 1_000, *, wide: bool = False) -> None:
        """`count` reports of `nodes` nodes in turn, synced; of one reading each, or of WIDE."""
        for place in range(count):
            self.add(f"aq-{place % nodes + 1}", {point: place + point for point in WIDE} if wide else None)
            self.clock_ms += step_ms
        await self.store.flush()
