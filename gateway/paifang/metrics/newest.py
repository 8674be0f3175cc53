"""The present value of every point, out of what is stored as it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paifang.north.record import decoded
from paifang_wire import messages
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from paifang.north.record import Record
    from paifang.store.boots import Boot
    from paifang.store.points import PointTable

_TRUSTED = (messages.GOOD, messages.INDICATIVE)
_PLACE = 0
"""In the store, of a record that is not read from there."""


class Present(NamedTuple):
    """`made`: (boot, uptime in ms), which tells a newer report from one that is told late, in whichever lane."""

    node: str
    point: str
    unit: str
    value: float
    utc_ms: int
    made: tuple[int, int]


class Newest:
    """`boot(node, boot)` and `table(description)` say what a record's numbers mean."""

    def __init__(self, boot: Callable[[str, int], Boot], table: Callable[[bytes | None], PointTable | None]) -> None:
        self._boot = boot
        self._table = table
        self._known: dict[tuple[str, str], Present] = {}
        self._made: dict[tuple[str, str], tuple[int, int]] = {}

    def settled(self, records: Iterable[tuple[Any, ...]]) -> None:
        """Note what has been stored: rows of the store's batch."""
        for row in records:
            if row[3] == messages.REPORT:
                self._note(row)

    def values(self, now_ms: int, fresh_ms: int) -> list[Present]:
        """Those that are not older, by node and point; what is older is forgotten."""
        for place in [place for place, each in self._known.items() if now_ms - each.utc_ms > fresh_ms]:
            del self._known[place]
        return sorted(self._known.values())

    def forget(self) -> None:
        self._known.clear()
        self._made.clear()

    def _note(self, row: tuple[Any, ...]) -> None:
        node, number_of_boot, number, kind, uptime_ms, utc_ms, received_ms, body = row
        boot = self._boot(node, number_of_boot)
        if utc_ms is None and boot.offset_ms is not None:
            utc_ms = uptime_ms + boot.offset_ms
        told = (_PLACE, node, number_of_boot, number, kind, uptime_ms, utc_ms, received_ms, body, boot.description)
        try:
            self._take(decoded("", told, self._table))
        except WireError:
            return  # sinks count it as unreadable

    def _take(self, record: Record) -> None:
        if record.utc_ms is None:
            return
        made = record.boot, record.uptime_ms
        for value in record.values:
            place = record.node, value.point.name
            if made < self._made.get(place, (-1, -1)):
                continue
            self._made[place] = made
            self._known.pop(place, None)
            if value.exact is not None and value.quality in _TRUSTED:
                shown = float(value.exact)
                self._known[place] = Present(*place, value.point.unit, shown, record.utc_ms, made)
