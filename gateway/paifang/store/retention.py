"""Old records make room: by age once every sink has passed them, and whatever waits when the disk budget is used up.

The newest record always stays: SQLite numbers on from it, and no number may be given twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.config.units import MS_OF_UNIT
from paifang.store import cursors, facts, rollups

if TYPE_CHECKING:
    from paifang.store.sql import Connection

CHUNK_RECORDS = 2_000
"""Deleted in one commit, so that acknowledgements do not wait for it."""

FOREVER_MS = 1 << 62

_RETIRED = (
    "INSERT INTO retired(node, records) VALUES (?,?) "
    "ON CONFLICT(node) DO UPDATE SET records = records + excluded.records"
)
_OLDEST = "SELECT seq, received_ms FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
_WINDOW = "SELECT upto, max(last_ms) FROM blocks WHERE upto = (SELECT min(upto) FROM blocks) AND upto <= ?"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long records are kept, how many bytes of the file may be in use, and after how long they are packed, 0 for
    never.
    """

    keep_ms: int
    budget_bytes: int
    pack_ms: int = 0


def newest_ms(connection: Connection) -> int | None:
    """When the newest record was received; None when there is none."""
    return connection.execute("SELECT received_ms FROM records ORDER BY seq DESC LIMIT 1").get


def used_bytes(connection: Connection) -> int:
    """Pages of the file that hold something; what was deleted leaves pages that are used again."""
    pages = connection.pragma("page_count") - connection.pragma("freelist_count")
    return pages * connection.pragma("page_size")


def retire(connection: Connection, now_ms: int, limits: Limits) -> int:
    """Delete the oldest window of blocks if it is due, else up to CHUNK_RECORDS, and return how many records that were.

    0 when nothing is due.
    """
    is_full = used_bytes(connection) > limits.budget_bytes
    cutoff_ms = now_ms - limits.keep_ms
    packed_to = facts.get(connection, facts.PACKED_TO)
    window, last_ms = connection.execute(_WINDOW, (packed_to,)).get
    if window is not None:
        is_due = is_full or (last_ms < cutoff_ms and window <= cursors.passed(connection))
        return _delete(connection, window) if is_due else 0
    oldest = connection.execute(_OLDEST, (packed_to, CHUNK_RECORDS + 1)).fetchall()[:-1]
    if not oldest:
        return 0
    upto = oldest[-1][0] if is_full else min(_aged(oldest, cutoff_ms), cursors.passed(connection))
    return _delete(connection, upto) if upto >= oldest[0][0] else 0


def _delete(connection: Connection, upto: int) -> int:
    """All up to that seq; returns how many records that were."""
    found = cursors.counts(connection, 1, upto)
    cursors.skip(connection, upto)
    for retired in found.items():
        connection.execute(_RETIRED, retired)
    connection.execute("DELETE FROM blocks WHERE upto <= ?", (upto,))
    connection.execute("DELETE FROM records WHERE seq <= ?", (upto,))
    facts.put(connection, facts.RETIRED_TO, upto)
    return found.total()


def prune(connection: Connection, now_ms: int, limits: Limits, squeezed: float) -> None:
    """Delete what is too old of gaps and rollups; these are `squeezed`, see there."""
    connection.execute("DELETE FROM gaps WHERE received_ms < ?", (now_ms - limits.keep_ms,))
    rollups.prune(connection, now_ms // MS_OF_UNIT["m"], squeezed)


def _aged(oldest: list[tuple[int, int]], cutoff_ms: int) -> int:
    """The seq up to which all are older; a clock that was set back only makes records stay longer."""
    upto = 0
    for seq, received_ms in oldest:
        if received_ms >= cutoff_ms:
            break
        upto = seq
    return upto
