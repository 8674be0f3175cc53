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

_RETIRED = (
    "INSERT INTO retired(node, records) SELECT node, count(*) FROM records WHERE seq <= ? GROUP BY node "
    "ON CONFLICT(node) DO UPDATE SET records = records + excluded.records"
)
_OLDEST = "SELECT seq, received_ms FROM records ORDER BY seq LIMIT ?"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long records are kept, and how many bytes of the file may be in use."""

    keep_ms: int
    budget_bytes: int


def used_bytes(connection: Connection) -> int:
    """Pages of the file that hold something; what was deleted leaves pages that are used again."""
    pages = connection.pragma("page_count") - connection.pragma("freelist_count")
    return pages * connection.pragma("page_size")


def retire(connection: Connection, now_ms: int, limits: Limits) -> int:
    """Delete up to CHUNK_RECORDS that are due, and return how many; 0 when nothing is."""
    oldest = connection.execute(_OLDEST, (CHUNK_RECORDS + 1,)).fetchall()[:-1]
    if not oldest:
        return 0
    if used_bytes(connection) > limits.budget_bytes:
        upto = oldest[-1][0]
    else:
        upto = min(_aged(oldest, now_ms - limits.keep_ms), _passed(connection))
    count = sum(seq <= upto for seq, _ in oldest)
    if count:
        cursors.skip(connection, upto)
        connection.execute(_RETIRED, (upto,))
        connection.execute("DELETE FROM records WHERE seq <= ?", (upto,))
        facts.put(connection, facts.RETIRED_TO, upto)
    return count


def prune(connection: Connection, now_ms: int, limits: Limits) -> None:
    """Delete what is too old of everything that is small: gaps and rollups."""
    connection.execute("DELETE FROM gaps WHERE received_ms < ?", (now_ms - limits.keep_ms,))
    rollups.prune(connection, now_ms // MS_OF_UNIT["m"])


def _aged(oldest: list[tuple[int, int]], cutoff_ms: int) -> int:
    """The seq up to which all are older; a clock that was set back only makes records stay longer."""
    upto = 0
    for seq, received_ms in oldest:
        if received_ms >= cutoff_ms:
            break
        upto = seq
    return upto


def _passed(connection: Connection) -> int:
    """The seq that every sink and the rollups have passed."""
    held = cursors.held_from(connection)
    rolled = facts.get(connection, facts.ROLLED_TO)
    return rolled if held is None else min(held - 1, rolled)
