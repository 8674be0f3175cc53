"""Counts held against one another: what came in is kept or retired; what a sink owes is delivered, dropped or waits.

The counts are kept by different hands: boots by the records' marks, sinks by their confirmations, and the rest is
counted in the table itself, here. All of it must be read in one transaction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paifang.store import cursors, facts, packed

if TYPE_CHECKING:
    from paifang.store.sql import Connection

_BOOTS = "SELECT node, high, bitmap, backlog_high, backlog_bitmap, stored, lost FROM boots"
# The plus keeps SQLite from going by seq: by its index, rows come sorted by node already.
_KEPT = "SELECT node, count(*) FROM records WHERE +seq > ? GROUP BY node"


@dataclass(slots=True)
class NodeBalance:
    """Of one node, in records: settled = stored + lost, and stored = kept + retired."""

    node: str
    settled: int = 0
    stored: int = 0
    lost: int = 0
    kept: int = 0
    retired: int = 0

    @property
    def holds(self) -> bool:
        return self.settled == self.stored + self.lost and self.stored == self.kept + self.retired


@dataclass(slots=True)
class SinkBalance:
    """Of one node at one sink, in records: due = delivered + dropped + buffered."""

    sink: str
    node: str
    due: int = 0
    delivered: int = 0
    buffered: int = 0
    dropped: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def holds(self) -> bool:
        return self.due == self.delivered + sum(self.dropped.values()) + self.buffered


@dataclass(frozen=True, slots=True)
class Balance:
    nodes: list[NodeBalance]
    sinks: list[SinkBalance]

    @property
    def problems(self) -> list[str]:
        """One line each; empty when everything is accounted for."""
        nodes = [
            f"{each.node}: settled {each.settled}, stored {each.stored}, lost {each.lost}, kept {each.kept}, "
            f"retired {each.retired}"
            for each in self.nodes
            if not each.holds
        ]
        return nodes + [
            f"sink {each.sink}, {each.node}: due {each.due}, delivered {each.delivered}, buffered {each.buffered}, "
            f"dropped {sum(each.dropped.values())}"
            for each in self.sinks
            if not each.holds
        ]


def balance(connection: Connection) -> Balance:
    """Counts every record that is not packed: seconds for ten millions."""
    with connection:
        nodes = _nodes(connection)
        return Balance(sorted(nodes.values(), key=lambda each: each.node), _sinks(connection, nodes))


def _nodes(connection: Connection) -> dict[str, NodeBalance]:
    nodes: dict[str, NodeBalance] = {}
    for node, high, bitmap, backlog_high, backlog_bitmap, stored, lost in connection.execute(_BOOTS):
        found = nodes.setdefault(node, NodeBalance(node))
        found.settled += high + _ones(bitmap) + backlog_high + _ones(backlog_bitmap)
        found.stored += stored
        found.lost += lost
    upto = facts.get(connection, facts.PACKED_TO)
    kept = packed.counts(connection, 0, upto) + Counter(dict(connection.execute(_KEPT, (upto,)).fetchall()))
    for node, count in kept.items():
        nodes.setdefault(node, NodeBalance(node)).kept = count
    for node, count in connection.execute("SELECT node, records FROM retired"):
        nodes.setdefault(node, NodeBalance(node)).retired = count
    return nodes


def _sinks(connection: Connection, nodes: dict[str, NodeBalance]) -> list[SinkBalance]:
    found: list[SinkBalance] = []
    for (sink,) in connection.execute("SELECT name FROM sinks ORDER BY name").fetchall():
        query = "SELECT node, extra, delivered FROM sink_nodes WHERE sink = ?"
        counts = {node: (extra, delivered) for node, extra, delivered in connection.execute(query, (sink,))}
        dropped: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for node, reason, count in connection.execute(
            "SELECT node, reason, dropped FROM sink_drops WHERE sink = ?", (sink,)
        ):
            dropped[node][reason] = count
        buffered = _buffered(connection, sink)
        for node in sorted(nodes):
            extra, delivered = counts.get(node, (0, 0))
            due = nodes[node].stored + extra
            found.append(SinkBalance(sink, node, due, delivered, buffered[node], dropped[node]))
    return found


def _buffered(connection: Connection, sink: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for low, high in cursors.pending(connection, sink):
        if low <= high:
            counts += cursors.counts(connection, low, high)
    return counts


def _ones(bitmap: int) -> int:
    """Of SQLite's signed 64 bits."""
    return (bitmap % (1 << 64)).bit_count()
