"""Many rows in one statement.

SQLite runs each statement without Python's interpreter lock, and taking the lock back from a busy event loop costs up
to a switch interval. `executemany` pays that for every row; a VALUES list pays it once.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paifang.store.sql import Connection

SIZES = (8, 64, 512)
"""Rows a statement: what is missing is padded with NULLs. 512 rows of 8 columns are still kept in apsw's cache."""


class Bulk:
    """An INSERT of `columns` into `table`, first column NOT NULL, ending in `conflict` (an ON CONFLICT clause)."""

    def __init__(self, table: str, columns: str, conflict: str = "") -> None:
        self._width = columns.count(",") + 1
        row = "(" + ",".join("?" * self._width) + ")"
        self._statements = {
            size: f"INSERT INTO {table}({columns}) SELECT * FROM (VALUES {','.join([row] * size)}) "  # noqa: S608 - our own names
            f"WHERE column1 IS NOT NULL {conflict}"
            for size in SIZES
        }

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert all `rows` and return how many of them the conflict clause let in."""
        before = connection.total_changes()
        largest = SIZES[-1]
        for start in range(0, len(rows), largest):
            part = rows[start : start + largest]
            size = next(size for size in SIZES if size >= len(part))
            values = [*chain.from_iterable(part), *[None] * ((size - len(part)) * self._width)]
            connection.execute(self._statements[size], values)
        return connection.total_changes() - before
