"""Old records move into blocks, a window of them at a time: all up to some seq, of all nodes.

Blocks of a window are written beside the records, and count from the moment at which the fact packed-to moves, in one
transaction. The rows that are left in `records` are then deleted in the order in which they lie: each page of the file
is written once, where the records of one node are in all of them. What breaks off is begun anew.

The newest record always stays: SQLite numbers on from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.config.units import MS_OF_UNIT
from paifang.store import blocks, cursors, facts
from paifang.store.blocks import BLOCK_RECORDS, Packed
from paifang.store.bulk import Bulk
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paifang.store.sql import Connection, Row

WINDOW_RECORDS = 500_000
"""At most: a block a node is best, and what is packed must be counted in one transaction."""
WAIT_MS = 7 * MS_OF_UNIT["d"]
"""A window that is not full waits so long for more: whoever says little has small blocks, but has them."""
SWEEP_RECORDS = 2_000
"""Deleted in one commit, so that acknowledgements do not wait for it."""

_COLUMNS = "upto,node,boot,first,last,first_seq,last_seq,first_ms,last_ms,first_utc_ms,last_utc_ms,count,events,data"
_INSERT = Bulk("blocks", _COLUMNS)
_OLDEST = "SELECT seq, received_ms FROM records WHERE seq > ? ORDER BY seq LIMIT 1"
_YOUNG = "SELECT seq FROM records WHERE seq > ? AND seq <= ? AND received_ms >= ? ORDER BY seq LIMIT 1"
_NEXT = (
    "SELECT seq, number, kind, uptime_ms, utc_ms, received_ms, body FROM records "
    "WHERE node = ? AND boot = ? AND number > ? AND seq > ? AND seq <= ? ORDER BY number LIMIT ?"
)
_SAME = (
    "SELECT count(*) FROM records WHERE node = ? AND boot = ? AND number >= ? AND number <= ? AND seq > ? AND seq <= ?"
)


@dataclass(frozen=True, slots=True)
class Window:
    """Records after < seq <= upto, of these (node, boot)."""

    after: int
    upto: int
    boots: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """A row of `blocks`, made of records first..last (numbers) of a node and boot."""

    node: str
    boot: int
    first: int
    last: int
    count: int
    row: tuple[Any, ...]


def plan(connection: Connection, now_ms: int, pack_ms: int) -> Window | None:
    """What is to be packed next: full, or long waited for; None when nothing is."""
    with connection:
        after = facts.get(connection, facts.PACKED_TO)
        oldest = connection.execute(_OLDEST, (after,)).fetchone()
        if oldest is None:
            return None
        nodes = connection.execute("SELECT count(DISTINCT node) FROM boots").get
        full = oldest[0] - 1 + min(BLOCK_RECORDS * max(nodes, 1), WINDOW_RECORDS)
        cutoff_ms = now_ms - pack_ms
        young = connection.execute(_YOUNG, (after, full, cutoff_ms)).get
        upto = min(full, cursors.passed(connection), cursors.newest(connection) - 1, *([young - 1] if young else ()))
        if upto < oldest[0] or (upto < full and oldest[1] > cutoff_ms - WAIT_MS):
            return None
        query = "SELECT DISTINCT node, boot FROM records WHERE seq > ? AND seq <= ?"
        boots = sorted((row[0], row[1]) for row in connection.execute(query, (after, upto)))
        return Window(after, upto, tuple(boots))


def fill(connection: Connection, window: Window, node: str, boot: int, after: int) -> Filled | None:
    """The next block of a node and boot: of the records behind number `after`, of one lane; None behind the last."""
    query = (node, boot, after, window.after, window.upto, BLOCK_RECORDS)
    rows = [Packed(*row) for row in connection.execute(_NEXT, query)]
    if not rows:
        return None
    records = [row for row in rows if (row.number >= messages.BACKLOG) == (rows[0].number >= messages.BACKLOG)]
    first, last = records[0].number, records[-1].number
    return Filled(node, boot, first, last, len(records), (window.upto, node, boot, first, last, *_figures(records)))


def write(connection: Connection, window: Window, filled: Filled) -> bool:
    """A job: False when the records are not what they were, because the node was set aside or retention came."""
    span = (filled.node, filled.boot, filled.first, filled.last, window.after, window.upto)
    if facts.get(connection, facts.PACKED_TO) != window.after or connection.execute(_SAME, span).get != filled.count:
        return False
    _INSERT.insert(connection, [filled.row])
    return True


def finish(connection: Connection, window: Window) -> bool:
    """A job: from now on the blocks count, and not the records. False, and nothing, unless they are as many."""
    here = "SELECT count(*) FROM records WHERE seq > ? AND seq <= ?"
    there = "SELECT coalesce(sum(count), 0) FROM blocks WHERE upto = ?"
    is_whole = (
        facts.get(connection, facts.PACKED_TO) == window.after
        and connection.execute(here, (window.after, window.upto)).get == connection.execute(there, (window.upto,)).get
    )
    if is_whole:
        facts.put(connection, facts.PACKED_TO, window.upto)
    return is_whole


def abandon(connection: Connection) -> None:
    """A job: delete the blocks of a window that was never finished."""
    connection.execute("DELETE FROM blocks WHERE upto > ?", (facts.get(connection, facts.PACKED_TO),))


def sweep(connection: Connection) -> int:
    """A job: delete the next rows of `records` that are in blocks; returns how many."""
    upto = facts.get(connection, facts.PACKED_TO)
    oldest = connection.execute("SELECT min(seq) FROM records").get
    if oldest is None or oldest > upto:
        return 0
    before = connection.total_changes()
    connection.execute("DELETE FROM records WHERE seq <= ?", (min(upto, oldest + SWEEP_RECORDS - 1),))
    return connection.total_changes() - before


def _figures(records: Sequence[Packed]) -> Row:
    """The values of _COLUMNS from first_seq on."""
    seqs = [record.seq for record in records]
    received = [record.received_ms for record in records]
    utc = [record.utc_ms for record in records if record.utc_ms is not None]
    dated = (min(utc), max(utc)) if len(utc) == len(records) else (None, None)
    events = sum(record.kind == messages.EVENT for record in records)
    figures = (min(seqs), max(seqs), min(received), max(received), *dated)
    return (*figures, len(records), events, blocks.encode(records))
