"""Reading records back out of blocks: in the order in which they were stored, or by node, oldest or newest first.

What asks the table `records` asks here for all up to `packed_to`, in the same transaction. A block that is damaged has
as many records as it says, without a body: whoever reads them finds each unreadable.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from paifang.store import blocks, facts
from paifang.store.blocks import Block, Packed
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paifang.store.sql import Connection, Row

CACHED_BLOCKS = 1_024
"""Decoded, for reading in pages, which looks into the blocks of all nodes of a window: some 60 KB each."""
ALWAYS = (-(1 << 63), (1 << 63) - 1)
"""A span of UTC that everything is in."""

_COLUMNS = "k.node, k.boot, k.count, k.first, k.last_seq, k.first_ms, k.data, b.offset_ms, b.description"
_FROM = "FROM blocks k LEFT JOIN boots b ON b.node = k.node AND b.boot = k.boot"
_DATED = "(k.first_utc_ms IS NULL OR k.last_utc_ms >= ? AND k.first_utc_ms < ?)"
_WINDOW = f"SELECT {_COLUMNS} {_FROM} WHERE k.upto = ? AND k.last_seq > ? AND k.first_seq <= ? AND {_DATED}"
_OF_KIND = f"(k.events > 0 OR ? <> {messages.EVENT}) AND (k.events < k.count OR ? = {messages.EVENT})"
_KINDS = f"SELECT {_COLUMNS} {_FROM} WHERE k.upto = ? AND {_OF_KIND}"
_NEWEST = (
    f"SELECT {_COLUMNS} {_FROM} WHERE k.node = ? AND k.upto <= ? AND {_OF_KIND} ORDER BY k.upto DESC, k.last_ms DESC"
)
_KEYS = (
    f"SELECT k.boot, k.first, k.id FROM blocks k WHERE k.node = ? AND (k.boot, k.last) > (?, ?) AND k.upto <= ? "  # noqa: S608
    f"AND {_DATED} ORDER BY k.boot, k.first"
)
_BY_ID = f"SELECT {_COLUMNS} {_FROM} WHERE k.id = ?"
_WHOLE = (
    "SELECT node, sum(count) FROM blocks WHERE upto >= ? AND upto <= ? AND first_seq >= ? AND last_seq <= ? "
    "GROUP BY node"
)
_PARTLY = (
    f"SELECT {_COLUMNS} {_FROM} WHERE k.upto >= ? AND k.upto <= ? AND k.last_seq >= ? AND k.first_seq <= ? "
    "AND (k.first_seq < ? OR k.last_seq > ?)"
)
_WITHIN = "SELECT min(first_seq), max(last_seq) FROM blocks WHERE upto <= ? AND first_ms >= ? AND last_ms < ?"
_ACROSS = (
    f"SELECT {_COLUMNS} {_FROM} WHERE k.upto <= ? AND k.last_ms >= ? AND k.first_ms < ? "
    "AND (k.first_ms < ? OR k.last_ms >= ?)"
)
_FINDINGS = 20

_decode = lru_cache(CACHED_BLOCKS)(blocks.decode)


class Found(NamedTuple):
    """A record as it was stored, and what is known of its boot."""

    seq: int
    node: str
    boot: int
    number: int
    kind: int
    uptime_ms: int
    utc_ms: int | None
    received_ms: int
    body: bytes
    offset_ms: int | None
    description: bytes | None

    @property
    def moment_ms(self) -> int | None:
        """UTC as the node gave it, or by what is known of its boot."""
        if self.utc_ms is None and self.offset_ms is not None:
            return self.uptime_ms + self.offset_ms
        return self.utc_ms


@dataclass(frozen=True, slots=True)
class _Damaged:
    """In the place of a block that cannot be decoded: its records stand at its end."""

    count: int
    first: int
    last_seq: int
    first_ms: int

    def __len__(self) -> int:
        return self.count

    @property
    def seqs(self) -> Sequence[int]:
        return range(self.last_seq - self.count + 1, self.last_seq + 1)

    @property
    def kinds(self) -> Sequence[int]:
        return [messages.REPORT] * self.count

    def between(self, after: int, last: int) -> Sequence[int]:
        return [place for place, seq in enumerate(self.seqs) if after < seq <= last]

    def received_ms(self, _place: int) -> int:
        return self.first_ms

    def record(self, place: int) -> Packed:
        return Packed(self.seqs[place], self.first + place, messages.REPORT, 0, None, self.first_ms, b"")


@dataclass(frozen=True, slots=True)
class Held:
    """A block with what its records share. `is_damaged`: they stand where they can, behind those that are sound."""

    node: str
    boot: int
    offset_ms: int | None
    description: bytes | None
    block: Block | _Damaged

    @property
    def is_damaged(self) -> bool:
        return isinstance(self.block, _Damaged)

    def record(self, place: int) -> Found:
        seq, number, kind, uptime_ms, utc_ms, received_ms, body = self.block.record(place)
        shared = (self.node, self.boot, number, kind, uptime_ms, utc_ms, received_ms, body)
        return Found(seq, *shared, self.offset_ms, self.description)

    def records(self) -> Iterator[Found]:
        """In the node's own order."""
        return map(self.record, range(len(self.block)))

    def newest(self, kind: int) -> Iterator[Found]:
        """Those of `kind` that can be read, the newest first."""
        kinds = () if self.is_damaged else self.block.kinds
        return (self.record(place) for place in reversed(range(len(kinds))) if kinds[place] == kind)


def packed_to(connection: Connection) -> int:
    """All records up to this seq are in blocks, and those behind it in the table; 0 for an older store, too."""
    if not connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'blocks'").get:
        return 0
    return facts.get(connection, facts.PACKED_TO)


def page(connection: Connection, after: int, last: int, limit: int, utc: tuple[int, int] = ALWAYS) -> list[Found]:
    """The first `limit` packed records behind seq `after` and up to `last`; fewer only when there are no more.

    Blocks that have nothing in the span `utc` are left out.
    """
    found: list[Found] = []
    last = min(last, facts.get(connection, facts.PACKED_TO))
    while after < last and len(found) < limit:
        upto = connection.execute("SELECT min(upto) FROM blocks WHERE upto > ?", (after,)).get
        if upto is None:
            break
        rows = connection.execute(_WINDOW, (upto, after, last, *utc))
        found += _merged([_held(row) for row in rows], after, min(last, upto), limit - len(found))
        after = upto
    return found


def counts(connection: Connection, low: int, high: int) -> Counter[str]:
    """By node, how many packed records there are of those low..high (seq)."""
    upto = facts.get(connection, facts.PACKED_TO)
    found: Counter[str] = Counter()
    if low <= min(high, upto):
        found.update(dict(connection.execute(_WHOLE, (low, upto, low, high)).fetchall()))
        for held in map(_held, connection.execute(_PARTLY, (low, upto, low, high, low, high))):
            found[held.node] += len(held.block.between(low - 1, high))
    return found


def span(connection: Connection, since_ms: int, until_ms: int) -> tuple[int, int] | None:
    """The least and the greatest seq of the packed records that were received in that time."""
    upto = facts.get(connection, facts.PACKED_TO)
    seqs = [seq for seq in connection.execute(_WITHIN, (upto, since_ms, until_ms)).get if seq is not None]
    for held in map(_held, connection.execute(_ACROSS, (upto, since_ms, until_ms, since_ms, until_ms))):
        block = held.block
        places = [place for place in range(len(block)) if since_ms <= block.received_ms(place) < until_ms]
        seqs += [block.seqs[place] for place in places]
    return (min(seqs), max(seqs)) if seqs else None


def newest(connection: Connection, kind: int, node: str | None) -> Iterator[Found]:
    """Packed records of `kind`, the newest first: of `node` block by block, of all in the order of storing."""
    upto = facts.get(connection, facts.PACKED_TO)
    if node is not None:
        for held in map(_held, connection.execute(_NEWEST, (node, upto, kind, kind))):
            yield from held.newest(kind)
        return
    while (upto := connection.execute("SELECT max(upto) FROM blocks WHERE upto <= ?", (upto,)).get) is not None:
        window = [_held(row) for row in connection.execute(_KINDS, (upto, kind, kind))]
        ranked = [(seq, at, place) for at, held in enumerate(window) for place, seq in enumerate(held.block.seqs)]
        for _, at, place in sorted(ranked, reverse=True):
            if window[at].block.kinds[place] == kind and not window[at].is_damaged:
                yield window[at].record(place)
        upto -= 1


def keys(connection: Connection, node: str, place: tuple[int, int], utc: tuple[int, int]) -> list[tuple[int, int, int]]:
    """(boot, first number, id) of the blocks of `node` that go on behind (boot, number) `place`, in their order."""
    rows = connection.execute(_KEYS, (node, *place, facts.get(connection, facts.PACKED_TO), *utc)).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


def block(connection: Connection, number: int) -> Held:
    """The block of that id."""
    row = connection.execute(_BY_ID, (number,)).fetchone()
    assert row is not None
    return _held(row)


def findings(connection: Connection) -> list[str]:
    """What is wrong with blocks, each decoded; empty when all are sound."""
    if not packed_to(connection):
        return []
    found: list[str] = []
    for number, node, boot, first, last, count, data in connection.execute(
        "SELECT id, node, boot, first, last, count, data FROM blocks"
    ):
        try:
            if len(blocks.decode(data)) != count:
                raise ValueError("another number of records")
        except ValueError as error:
            found.append(f"block {number}, {node} {boot}.{first} to {boot}.{last}, {count} records: {error}")
        if len(found) == _FINDINGS:
            break
    return found


def _held(row: Row) -> Held:
    node, boot, count, first, last_seq, first_ms, data, offset_ms, description = row
    try:
        decoded: Block | _Damaged = _decode(data)
    except ValueError:
        decoded = _Damaged(count, first, last_seq, first_ms)
    return Held(node, boot, offset_ms, description, decoded)


def _merged(window: list[Held], after: int, last: int, limit: int) -> list[Found]:
    """The first `limit` of after < seq <= last. Seqs have no holes: so many of them are looked at as are wanted."""
    found: list[tuple[int, bool, int, int]] = []
    while window and after < last and len(found) < limit:
        cut = min(after + limit - len(found), last)
        found += sorted(
            (held.block.seqs[place], held.is_damaged, at, place)
            for at, held in enumerate(window)
            for place in held.block.between(after, cut)
        )
        after = cut
    return [window[at].record(place) for _, _, at, place in found[:limit]]
