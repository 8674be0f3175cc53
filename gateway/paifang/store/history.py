"""Reading back: records as readings and events with names, units and dates; figures by node."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from paifang.store import facts, packed
from paifang_wire import messages, names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from paifang.store.points import PointTable
    from paifang.store.sql import Connection, Row

SCAN_LIMIT = 50_000
"""Records looked through for a point that hardly ever comes."""
LATEST_RECORDS = 200
"""Records in which the latest value of a point is looked for."""

_COLUMNS = "r.node, r.boot, r.number, r.kind, r.uptime_ms, r.utc_ms, r.received_ms, r.body, b.offset_ms, b.description"
_BY_NUMBER = "ORDER BY r.boot DESC, r.number DESC"
_FROM = "FROM records r LEFT JOIN boots b ON b.node = r.node AND b.boot = r.boot"


@dataclass(frozen=True, slots=True)
class Wanted:
    """None: of any. `point` is a name or a number."""

    node: str | None
    point: str | None
    limit: int


def records(
    connection: Connection, kind: int, wanted: Wanted, expand: Callable[[Row], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The newest `wanted.limit` items that `expand` makes of the records of `kind`, the newest last."""
    found: list[dict[str, Any]] = []
    with connection:
        for row in _newest(connection, kind, wanted.node):
            items = reversed(expand(row))
            found += [item for item in items if wanted.point in {None, item["point"], str(item["number"])}]
            if len(found) >= wanted.limit:
                break
    return found[: wanted.limit][::-1]


def _newest(connection: Connection, kind: int, node: str | None) -> Iterator[Row]:
    """SCAN_LIMIT at most: those of the table, lanes merged by when records were made, then those in blocks."""
    upto = facts.get(connection, facts.PACKED_TO)
    # The kind is a literal, because a partial index serves no parameter; events are few, and found by theirs.
    where = f"WHERE r.kind = {kind:d} AND r.seq > ?"
    rows: Iterable[Row]
    if node is None:
        rows = connection.execute(f"SELECT {_COLUMNS} {_FROM} {where} ORDER BY r.seq DESC", (upto,))
    elif kind == messages.EVENT:
        query = f"SELECT {_COLUMNS} {_FROM} {where} AND +r.node = ? ORDER BY r.seq DESC"
        rows = connection.execute(query, (upto, node))
    else:
        of_lane = f"SELECT {_COLUMNS} {_FROM} {where} AND r.node = ? AND (r.number > ?) = ? {_BY_NUMBER}"
        lanes = [connection.execute(of_lane, (upto, node, messages.BACKLOG, lane)) for lane in (False, True)]
        rows = heapq.merge(*lanes, key=_made_ms, reverse=True)
    return islice(chain(rows, map(_row, packed.newest(connection, kind, node))), SCAN_LIMIT)


def _row(found: packed.Found) -> Row:
    """As _COLUMNS."""
    return found[1:]


def readings(row: Row, table: Callable[[bytes | None], PointTable | None]) -> list[dict[str, Any]]:
    """One item a point of a report. `row` has the columns of `records`."""
    known = table(row[9])
    values, quality = messages.decode(row[7])[5:7]
    common = _common(row)
    return [{**common, **_reading(known, number, values[number], quality.get(number, 0))} for number in sorted(values)]


def event(row: Row, table: Callable[[bytes | None], PointTable | None]) -> dict[str, Any]:
    """An event as an item. `row` has the columns of `records`."""
    known = table(row[9])
    _, _, _, _, _, code, number, detail = messages.decode(row[7])
    point = known.by_number.get(number) if known is not None and number is not None else None
    return {
        **_common(row),
        "event": names.EVENTS[code] if code < len(names.EVENTS) else str(code),
        "point": point.name if point else number,
        "number": number,
        "detail": detail,
    }


def latest(
    connection: Connection, node: str, table: Callable[[bytes | None], PointTable | None]
) -> dict[int, dict[str, Any]]:
    """The newest reading of each point of `node`, of those in its last records."""
    found: dict[int, dict[str, Any]] = {}
    with connection:
        for row in islice(_newest(connection, messages.REPORT, node), LATEST_RECORDS):
            for item in readings(row, table):
                found.setdefault(item["number"], item)
    return found


def figures(connection: Connection) -> dict[str, Row]:
    """By node: (stored, lost, boots seen), over all its boots; an earlier life of its id counts too."""
    # total() where sum() could overflow and fail for all nodes, because one of them declares numbers without sense.
    query = "SELECT node, sum(stored), CAST(total(lost) AS INTEGER), count(*) FROM boots GROUP BY node"
    return {row[0]: row[1:] for row in connection.execute(query)}


def boots(connection: Connection, node: str) -> list[dict[str, Any]]:
    """What is settled of each boot of `node`, the newest last."""
    query = (
        "SELECT boot, high, stored, lost, firmware, reset_cause, offset_ms, seen_ms FROM boots WHERE node = ? "
        "ORDER BY boot DESC LIMIT 20"
    )
    fields: tuple[str, ...] = ("boot", "highest", "stored", "lost", "firmware", "reset", "time_uncertain", "seen_ms")
    found: list[dict[str, Any]] = [dict(zip(fields, row, strict=True)) for row in connection.execute(query, (node,))]
    for boot in found:
        cause = boot["reset"]
        boot["reset"] = names.RESETS[cause] if cause is not None and cause < len(names.RESETS) else None
        boot["time_uncertain"] = boot["time_uncertain"] is None
    return found[::-1]


def _common(row: Row) -> dict[str, Any]:
    """`utc_ms` is null, and `time_uncertain`, when nobody knows it."""
    node, boot, number, _, uptime_ms, _, received_ms = row[:7]
    utc_ms = _utc_ms(row)
    return {
        "node": node,
        "record": f"{boot}.{number}",
        "boot": boot,
        "record_number": number,
        "utc_ms": utc_ms,
        "time_uncertain": utc_ms is None,
        "uptime_ms": uptime_ms,
        "received_ms": received_ms,
    }


def _utc_ms(row: Row) -> int | None:
    """From the node, or its uptime dated by what is known of that boot."""
    uptime_ms, utc_ms, offset_ms = row[4], row[5], row[8]
    return uptime_ms + offset_ms if utc_ms is None and offset_ms is not None else utc_ms


def _made_ms(row: Row) -> int:
    """When nobody knows it, when it was received."""
    utc_ms = _utc_ms(row)
    return row[6] if utc_ms is None else utc_ms


def _reading(table: PointTable | None, number: int, wire: int | None, quality: int) -> dict[str, Any]:
    point = table.by_number.get(number) if table is not None else None
    return {
        "point": point.name if point else str(number),
        "number": number,
        "value": point.shown(wire) if point else wire,
        "wire": wire,
        "unit": point.unit if point else "",
        "quality": names.QUALITY[quality],
    }
