"""Single numbers that the store keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paifang.store.sql import Connection

PACKED_TO = "packed-to"
"""All records up to this seq are in blocks, those behind it in `records`; older rows there only wait to be deleted."""
RETIRED_TO = "retired-to"
"""All records up to this seq are deleted."""
ROLLED_TO = "rolled-to"
"""All records up to this seq are in the rollups."""


def get(connection: Connection, name: str) -> int:
    """0 when nothing is known."""
    row = connection.execute("SELECT number FROM facts WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def put(connection: Connection, name: str, number: int) -> None:
    connection.execute("INSERT OR REPLACE INTO facts(name, number) VALUES (?,?)", (name, number))
