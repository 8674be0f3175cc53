"""Records as sinks see them: decoded, named, and with an id for ever."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from paifang.notation.text import scaled
from paifang_wire import messages, names
from paifang_wire.errors import SHAPE, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.store.points import Point, PointTable
    from paifang.store.sql import Row


class Value(NamedTuple):
    """One point of a report. `wire` is None when there was no reading; `quality` one of paifang_wire.messages."""

    point: Point
    wire: int | None
    quality: int

    @property
    def exact(self) -> bool | Decimal | None:
        """In the point's unit."""
        if self.wire is None:
            return None
        if self.point.type == messages.BOOL:
            return bool(self.wire)
        return Decimal(self.wire).scaleb(self.point.scale)

    @property
    def text(self) -> str:
        """`exact` as JSON writes it, digit by digit."""
        if self.wire is None:
            return "null"
        if self.point.type == messages.BOOL:
            return "true" if self.wire else "false"
        return scaled(self.wire, self.point.scale)

    @property
    def told_quality(self) -> str:
        """For people: "good", "fault"."""
        return names.QUALITY[self.quality]


class Event(NamedTuple):
    """`point` is None when it is about the node."""

    name: str
    point: Point | None
    detail: str


class Record(NamedTuple):
    """A report (`event` is None) or an event (`values` is empty) of a node or a bridged device.

    `utc_ms` is None when nobody knows the time, `uptime_ms` is known. `seq` is its place in this gateway's store only.
    """

    seq: int
    site: str
    node: str
    boot: int
    number: int
    uptime_ms: int
    utc_ms: int | None
    received_ms: int
    values: tuple[Value, ...]
    event: Event | None

    @property
    def id(self) -> str:
        """Names the record for ever and everywhere: "ward-1/aq-1/3.1042"."""
        return f"{self.site}/{self.node}/{self.boot}.{self.number}"


def decoded(site: str, row: Row, table: Callable[[bytes | None], PointTable | None]) -> Record:
    """The record of a row with cursors.COLUMNS. Raises WireError when no node sends such, or of points nobody knows."""
    seq, node, boot, number, _, uptime_ms, utc_ms, received_ms, body, description = row
    message = messages.decode(body)
    known = table(description)
    if known is None:
        raise WireError(SHAPE, "points that nobody has described")
    common = (seq, site, node, boot, number, uptime_ms, utc_ms, received_ms)
    if message[0] == messages.REPORT:
        return Record(*common, _values(message, known), None)
    return Record(*common, (), _event(message, known))


def _values(message: list[Any], known: PointTable) -> tuple[Value, ...]:
    values, quality = message[5:7]
    points = known.by_number
    try:
        if quality:
            qualities = [(each, quality.get(each, messages.GOOD)) for each in sorted(values)]
            return tuple([Value(points[each], values[each], told) for each, told in qualities])
        return tuple([Value(points[each], values[each], messages.GOOD) for each in sorted(values)])
    except KeyError as error:
        raise WireError(SHAPE, f"point {error}") from error


def _event(message: list[Any], known: PointTable) -> Event:
    code: int = message[5]
    number, detail = message[6:8]
    name = names.EVENTS[code] if code < len(names.EVENTS) else f"event {code}"
    return Event(name, None if number is None else known.by_number.get(number), str(detail))
