"""Which nodes are enrolled, with which key; and the point tables they have shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.errors import bad_argument, not_found

if TYPE_CHECKING:
    from paifang.store import Store
    from paifang.store.sql import Connection

KEY_LENGTH = 32
ID_LIMIT = 64

_COLUMNS = "id, key, epoch, added_ms, next_key, next_epoch, next_record"
_LIVES = ("records", "blocks", "gaps", "boots")
"""The tables that name a boot of a node."""


@dataclass(frozen=True, slots=True)
class Node:
    """An enrolled node: `key` is its node key of `epoch`, not its master secret.

    During an epoch change `next_key` is believed too, and `next_record` (a *.epoch) is what tells the node to change.
    """

    id: str
    key: bytes
    epoch: int
    added_ms: int
    next_key: bytes | None = None
    next_epoch: int | None = None
    next_record: bytes | None = None

    @property
    def rekeyed(self) -> Node:
        """The node once it has answered under its next key."""
        assert self.next_key is not None
        assert self.next_epoch is not None
        return Node(self.id, self.next_key, self.next_epoch, self.added_ms)


class Registry:
    """All nodes and descriptions, read once and kept in memory; changed by the jobs below, then `put` or `drop`ped."""

    def __init__(self, connection: Connection) -> None:
        self.nodes = {row[0]: Node(*row) for row in connection.execute(f"SELECT {_COLUMNS} FROM nodes")}  # noqa: S608
        self.least_boot = {
            str(row[0]): int(row[1])
            for row in connection.execute("SELECT node, max(boot) FROM boots WHERE boot > 0 GROUP BY node")
        }
        self.descriptions: dict[bytes, bytes] = dict(connection.execute("SELECT hash, points FROM descriptions"))

    def lookup(self, node: str) -> tuple[bytes, int, bytes | None] | None:
        """(node key, least boot count that is believed, next key), None for a node that is not enrolled."""
        known = self.nodes.get(node)
        return None if known is None else (known.key, self.least_boot.get(node, 1), known.next_key)

    def find(self, node: str) -> Node:
        """Raises PaifangError when `node` is not enrolled."""
        known = self.nodes.get(node)
        if known is None:
            raise not_found(f"node {node} is not enrolled", "`paifang nodes list` shows those that are")
        return known


def check_new(node: Node) -> None:
    """Raise PaifangError when a node cannot have this id, key or epoch."""
    if not 0 < len(node.id) <= ID_LIMIT or not node.id.isprintable():
        raise bad_argument(f"a node's id has 1 to {ID_LIMIT} printable characters, not {node.id!r}")
    if len(node.key) != KEY_LENGTH:
        raise bad_argument(f"a node key is {KEY_LENGTH} bytes, this one has {len(node.key)}")
    if not 0 <= node.epoch < 1 << 31:
        raise bad_argument(f"an epoch is a number from 0 on, not {node.epoch}")


def insert(connection: Connection, node: Node) -> None:
    """Write a new node, or an enrolled one as it is now."""
    values = (node.id, node.key, node.epoch, node.added_ms, node.next_key, node.next_epoch, node.next_record)
    connection.execute(f"INSERT OR REPLACE INTO nodes({_COLUMNS}) VALUES (?,?,?,?,?,?,?)", values)  # noqa: S608


def delete(connection: Connection, node: str) -> None:
    """Remove a node; its records stay, set aside as those of an earlier life."""
    connection.execute("DELETE FROM nodes WHERE id = ?", (node,))
    set_aside(connection, node)


def keep_description(store: Store, description: bytes, encoded: bytes) -> None:
    """Have the encoded points of this hash at hand from now on, and in the file with the next commit."""
    if description in store.registry.descriptions:
        return
    store.registry.descriptions[description] = encoded
    query = "INSERT INTO descriptions(hash, points) VALUES (?,?) ON CONFLICT DO NOTHING"
    store.write(lambda connection: connection.execute(query, (description, encoded)))


def set_aside(connection: Connection, node: str) -> None:
    """Renumber the boots of `node` below 1, so that a node that counts from 1 again names new records."""
    low, high = connection.execute(
        "SELECT coalesce(min(boot), 1), coalesce(max(boot), 0) FROM boots WHERE node = ?", (node,)
    ).get
    if high < 1:
        return
    shift = high - min(low, 1) + 1
    for table in _LIVES:
        connection.execute(f"UPDATE {table} SET boot = boot - ? WHERE node = ?", (shift, node))  # noqa: S608
