"""Delegations as the store keeps them: what an operator has signed over to a service, until it is revoked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paifang.store.sql import Connection


@dataclass(frozen=True, slots=True)
class Delegation:
    """`id` is the first 8 bytes of the hash of what was signed, `signed` the COSE_Sign1."""

    id: bytes
    signed: bytes
    added_ms: int
    revoked_ms: int | None = None


def every(connection: Connection) -> list[Delegation]:
    query = "SELECT id, signed, added_ms, revoked_ms FROM delegations ORDER BY added_ms"
    return [Delegation(*row) for row in connection.execute(query)]


def put(connection: Connection, delegation: Delegation) -> None:
    values = (delegation.id, delegation.signed, delegation.added_ms, delegation.revoked_ms)
    connection.execute("INSERT OR REPLACE INTO delegations(id, signed, added_ms, revoked_ms) VALUES (?,?,?,?)", values)
