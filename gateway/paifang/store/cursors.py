"""Sinks as places in the records: what each has confirmed, what waits for it, what it owes, what it dropped.

The functions are queries or jobs of the store's writer. A place moves only forward, and together with its counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.errors import not_found
from paifang.store import facts, packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from paifang.store.sql import Connection, Row

LIVE = 0
"""The stream of what is new; the others are `Backlog.id`."""
RETENTION = "retention"
"""Why a record was dropped that the disk had no room for any longer."""

COLUMNS = (
    "r.seq, r.node, r.boot, r.number, r.kind, r.uptime_ms, coalesce(r.utc_ms, r.uptime_ms + b.offset_ms), "
    "r.received_ms, r.body, b.description"
)
_PAGE = (
    f"SELECT {COLUMNS} FROM records r LEFT JOIN boots b ON b.node = r.node AND b.boot = r.boot "  # noqa: S608 - our own names
    "WHERE r.seq > ? AND r.seq <= ? ORDER BY r.seq LIMIT ?"
)
_SPAN = "SELECT min(seq), max(seq) FROM records WHERE seq > ? AND received_ms >= ? AND received_ms < ?"
_STORED = "SELECT node, sum(stored) FROM boots GROUP BY node"
_COUNT = "SELECT node, count(*) FROM records WHERE seq BETWEEN ? AND ? GROUP BY node"
_OWE = (
    "INSERT INTO sink_nodes(sink, node, extra) VALUES (?,?,?) "
    "ON CONFLICT(sink, node) DO UPDATE SET extra = extra + excluded.extra"
)
_DELIVERED = (
    "INSERT INTO sink_nodes(sink, node, delivered) VALUES (?,?,?) "
    "ON CONFLICT(sink, node) DO UPDATE SET delivered = delivered + excluded.delivered"
)
_DROPPED = (
    "INSERT INTO sink_drops(sink, node, reason, dropped) VALUES (?,?,?,?) "
    "ON CONFLICT(sink, node, reason) DO UPDATE SET dropped = dropped + excluded.dropped"
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Records next..last (seq) wait, behind those of backlogs before it."""

    id: int
    next: int
    last: int


@dataclass(frozen=True, slots=True)
class Place:
    """All up to `live` (seq) is confirmed, dropped, or in a backlog."""

    live: int
    backlogs: tuple[Backlog, ...]
    is_paused: bool


def newest(connection: Connection) -> int:
    """The greatest seq there is, 0 when there is none."""
    return connection.execute("SELECT coalesce(max(seq), 0) FROM records").get


def page(connection: Connection, after: int, last: int, limit: int) -> list[Row]:
    """The first `limit` records behind seq `after` and up to `last`, as COLUMNS; packed ones are the same to whoever
    reads them.
    """
    with connection:
        upto = facts.get(connection, facts.PACKED_TO)
        rows: list[Row] = [_row(found) for found in packed.page(connection, after, last, limit)] if after < upto else []
        if len(rows) < limit:
            rows += connection.execute(_PAGE, (max(after, upto), last, limit - len(rows))).fetchall()
        return rows


def counts(connection: Connection, low: int, high: int) -> Counter[str]:
    """By node, how many records there are of those low..high (seq)."""
    found = packed.counts(connection, low, high)
    low = max(low, facts.get(connection, facts.PACKED_TO) + 1)
    found.update(dict(connection.execute(_COUNT, (low, high)).fetchall()))
    return found


def span(connection: Connection, since_ms: int, until_ms: int) -> tuple[int, int] | None:
    """The least and the greatest seq of the records that were received in that time, UTC."""
    with connection:
        row = connection.execute(_SPAN, (facts.get(connection, facts.PACKED_TO), since_ms, until_ms)).fetchone()
        found = [packed.span(connection, since_ms, until_ms), row if row and row[0] is not None else None]
        spans = [each for each in found if each is not None]
        return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None


def place(connection: Connection, sink: str) -> Place:
    """Raises PaifangError when there is no such sink."""
    row = connection.execute("SELECT live, paused FROM sinks WHERE name = ?", (sink,)).fetchone()
    if row is None:
        raise not_found(f"there is no sink {sink}", "`paifang sink list` shows those there are")
    query = "SELECT id, next, last FROM backlogs WHERE sink = ? ORDER BY id"
    backlogs = tuple(Backlog(*found) for found in connection.execute(query, (sink,)))
    return Place(row[0], backlogs, bool(row[1]))


def begin(connection: Connection, sink: str, now_ms: int, *, from_start: bool) -> Place:
    """The place of a sink in the settings: where it was, or a new one at the end or the start of the records."""
    changed = connection.total_changes()
    connection.execute("UPDATE sinks SET present = 1 WHERE name = ?", (sink,))
    if connection.total_changes() == changed:
        head = newest(connection)
        connection.execute("INSERT INTO sinks(name, began_ms, live) VALUES (?,?,?)", (sink, now_ms, head))
        gone = "SELECT node, records FROM retired" if from_start else _STORED
        for node, count in connection.execute(gone).fetchall():
            connection.execute(_OWE, (sink, node, -count))
        if from_start and head:
            _append(connection, sink, 1, head)
    return place(connection, sink)


def keep_only(connection: Connection, names: Iterable[str]) -> None:
    """Sinks that are in the settings no more hold nothing back; their places stay, should they return."""
    connection.execute("UPDATE sinks SET present = 0")
    for name in names:
        connection.execute("UPDATE sinks SET present = 1 WHERE name = ?", (name,))


def pause(connection: Connection, sink: str, *, paused: bool) -> bool:
    """Have the sink wait, or go on; returns whether that changed anything."""
    before = place(connection, sink).is_paused
    connection.execute("UPDATE sinks SET paused = ? WHERE name = ?", (int(paused), sink))
    return before != paused


def confirm(
    connection: Connection,
    sink: str,
    stream: int,
    upto: int,
    delivered: Sequence[tuple[int, str]],
    dropped: Mapping[str, Sequence[tuple[int, str]]],
) -> None:
    """Move a stream behind `upto`, and count its records: (seq, node) delivered, and dropped by reason.

    What retention has deleted in the meantime it has counted already.
    """
    if stream == LIVE:
        connection.execute("UPDATE sinks SET live = max(live, ?) WHERE name = ?", (upto, sink))
    else:
        connection.execute("UPDATE backlogs SET next = max(next, ?) WHERE id = ?", (upto + 1, stream))
        connection.execute("DELETE FROM backlogs WHERE id = ? AND next > last", (stream,))
    gone = facts.get(connection, facts.RETIRED_TO)
    for node, count in Counter(node for seq, node in delivered if seq > gone).items():
        connection.execute(_DELIVERED, (sink, node, count))
    for reason, found in dropped.items():
        _count_dropped(connection, sink, reason, Counter(node for seq, node in found if seq > gone))


def defer(connection: Connection, sink: str, last: int) -> Place:
    """Put what waits in the live stream up to `last` behind what comes from now on."""
    live = place(connection, sink).live
    if last > live:
        _append(connection, sink, live + 1, last)
        connection.execute("UPDATE sinks SET live = ? WHERE name = ?", (last, sink))
    return place(connection, sink)


def replay(connection: Connection, sink: str, first: int, last: int) -> int:
    """Have records first..last delivered once more, but those that still wait; returns how many."""
    known = place(connection, sink)
    waiting = sorted((backlog.next, backlog.last) for backlog in known.backlogs)
    total = 0
    for low, high in _without(first, min(last, known.live), waiting):
        found = counts(connection, low, high)
        for node, count in found.items():
            connection.execute(_OWE, (sink, node, count))
        total += found.total()
        if found:
            connection.execute("INSERT INTO backlogs(sink, next, last) VALUES (?,?,?)", (sink, low, high))
    return total


def pending(connection: Connection, sink: str) -> list[tuple[int, int]]:
    """Ranges of seq that the sink has not confirmed."""
    known = place(connection, sink)
    return [*((each.next, each.last) for each in known.backlogs), (known.live + 1, newest(connection))]


def skip(connection: Connection, upto: int) -> None:
    """Before records up to `upto` are deleted: every sink that waits for some of them has dropped these."""
    for (sink,) in connection.execute("SELECT name FROM sinks").fetchall():
        for low, high in pending(connection, sink):
            if low <= min(high, upto):
                _count_dropped(connection, sink, RETENTION, counts(connection, low, min(high, upto)))
    connection.execute("UPDATE sinks SET live = max(live, ?)", (upto,))
    connection.execute("UPDATE backlogs SET next = max(next, ?)", (upto + 1,))
    connection.execute("DELETE FROM backlogs WHERE next > last")


def held_from(connection: Connection) -> int | None:
    """The least seq that a sink in the settings waits for; None when there is no such sink."""
    names = [row[0] for row in connection.execute("SELECT name FROM sinks WHERE present")]
    return min((low for name in names for low, _ in pending(connection, name)), default=None)


def passed(connection: Connection) -> int:
    """The seq that every sink in the settings and the rollups have passed."""
    held = held_from(connection)
    rolled = facts.get(connection, facts.ROLLED_TO)
    return rolled if held is None else min(held - 1, rolled)


def _row(found: packed.Found) -> Row:
    """As COLUMNS."""
    return (*found[:6], found.moment_ms, found.received_ms, found.body, found.description)


def _append(connection: Connection, sink: str, first: int, last: int) -> None:
    """Behind the last backlog, as a part of it where it follows on."""
    changed = connection.total_changes()
    connection.execute("UPDATE backlogs SET last = ? WHERE sink = ? AND last = ?", (last, sink, first - 1))
    if connection.total_changes() == changed:
        connection.execute("INSERT INTO backlogs(sink, next, last) VALUES (?,?,?)", (sink, first, last))


def _count_dropped(connection: Connection, sink: str, reason: str, found: Mapping[str, int]) -> None:
    for node, count in found.items():
        connection.execute(_DROPPED, (sink, node, reason, count))


def _without(first: int, last: int, holes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """first..last without `holes`, which are sorted."""
    left: list[tuple[int, int]] = []
    for low, high in holes:
        if first <= min(low - 1, last):
            left.append((first, min(low - 1, last)))
        first = max(first, high + 1)
    return [*left, (first, last)] if first <= last else left
