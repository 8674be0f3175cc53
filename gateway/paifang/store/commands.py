"""Commands as the store keeps them: one row each, from the asking to the verdict."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paifang.store.sql import Connection, Row

SETTLED = "audit-settled"
"""Name of the fact: the index of the log before which every command has its verdict here too."""


@dataclass(slots=True)
class Command:
    """One command. `point`, `op`, `value` and `payload` are as on the wire, `description` names the point table.

    `signed` is the order's COSE_Sign1, `approval` that of the second person. It waits for approval while `sent_ms` is
    None, until `expires_ms`; it is open while `verdict` is None. `entry` is the index of its entry in the log.
    """

    id: bytes
    node: str
    uid: int | None
    person: str
    via: str
    point: int
    op: int
    value: int | None
    description: bytes
    signed: bytes | None
    approval: bytes | None
    approver: str | None
    asked_ms: int
    expires_ms: int | None
    entry: int | None = None
    payload: bytes | None = None
    sent_ms: int | None = None
    verdict: int | None = None
    reason: int | None = None
    receipt: bytes | None = None
    ended_ms: int | None = None

    @property
    def row(self) -> Row:
        return tuple(getattr(self, name) for name in _NAMES)


_NAMES = tuple(field.name for field in fields(Command))
_COLUMNS = ", ".join(_NAMES)
_PUT = f"INSERT OR REPLACE INTO commands({_COLUMNS}) VALUES ({','.join('?' * len(_NAMES))})"  # noqa: S608 - our own names


def put(connection: Connection, row: Row, settled: int | None = None) -> None:
    """Write a command as it is now, and up to which index the log and the store agree."""
    connection.execute(_PUT, row)
    if settled is not None:
        connection.execute("INSERT OR REPLACE INTO facts(name, number) VALUES (?,?)", (SETTLED, settled))


def settled(connection: Connection) -> int:
    row = connection.execute("SELECT number FROM facts WHERE name = ?", (SETTLED,)).fetchone()
    return row[0] if row else 0


def find(connection: Connection, identifier: bytes) -> Command | None:
    return next(_found(connection, "WHERE id = ?", (identifier,)), None)


def unsettled(connection: Connection) -> list[Command]:
    """Those without a verdict: open, or waiting for approval."""
    return list(_found(connection, "WHERE verdict IS NULL ORDER BY asked_ms", ()))


def unlogged(connection: Connection) -> list[Command]:
    """Those that were sent while the log was broken, and are not in it for all we know."""
    return list(_found(connection, "WHERE entry IS NULL AND sent_ms IS NOT NULL AND description != x''", ()))


def newest(connection: Connection, limit: int, node: str | None = None) -> list[Command]:
    """The newest commands, the newest last."""
    if node is None:
        found = _found(connection, "ORDER BY asked_ms DESC LIMIT ?", (limit,))
    else:
        found = _found(connection, "WHERE node = ? ORDER BY asked_ms DESC LIMIT ?", (node, limit))
    return list(found)[::-1]


def _found(connection: Connection, where: str, values: tuple[Any, ...]) -> Iterator[Command]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM commands {where}", values)  # noqa: S608 - our own text
    return (Command(*row) for row in rows)
