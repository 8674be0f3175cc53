"""Numbers that PostgreSQL has given to names: of nodes, series and qualities. Kept by the worker, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from paifang.city.document import Document

MOST = 200_000
"""Names of a kind that are kept; then all are forgotten and asked for again. About 200 bytes each."""

# New names are given numbers in the order of the names, so that two workers never wait for each other.
_ADD_NODES = """
INSERT INTO paifang.nodes(site, node) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING
"""
_NODES = """
SELECT id, site, node FROM paifang.nodes JOIN unnest($1::text[], $2::text[]) AS asked(site, node) USING (site, node)
"""
_ADD_SERIES = """
INSERT INTO paifang.series(node, point, unit) SELECT * FROM unnest($1::int[], $2::text[], $3::text[])
ON CONFLICT DO NOTHING
"""
_SERIES = """
SELECT id, node, point, unit FROM paifang.series
JOIN unnest($1::int[], $2::text[], $3::text[]) AS asked(node, point, unit) USING (node, point, unit)
"""
_ADD_QUALITIES = "INSERT INTO paifang.qualities(name) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING"
_QUALITIES = "SELECT id, name FROM paifang.qualities WHERE name = ANY($1::text[])"


class Numbering:
    """After `learn`, `nodes`, `series` and `qualities` have the names of a batch."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[str, str], int] = {}
        self.series: dict[tuple[int, str, str], int] = {}
        """By (number of the node, point, unit)."""
        self.qualities: dict[str, int] = {}

    async def learn(self, connection: asyncpg.Connection, documents: Sequence[Document]) -> None:
        """Outside of a transaction: a number once given stays, whatever becomes of the batch."""
        for kept in (self.nodes, self.series):
            if len(kept) > MOST:
                kept.clear()
        await self._learn_nodes(connection, {(each.site, each.node) for each in documents})
        nodes = self.nodes
        series = {(nodes[each.site, each.node], one.point, one.unit) for each in documents for one in each.readings}
        await self._learn_series(connection, series)
        await self._learn_qualities(connection, {one.quality for each in documents for one in each.readings})

    async def _learn_nodes(self, connection: asyncpg.Connection, asked: set[tuple[str, str]]) -> None:
        if new := sorted(asked - self.nodes.keys()):
            columns = _columns(new)
            await connection.execute(_ADD_NODES, *columns)
            found = await connection.fetch(_NODES, *columns)
            self.nodes.update({(row[1], row[2]): row[0] for row in found})

    async def _learn_series(self, connection: asyncpg.Connection, asked: set[tuple[int, str, str]]) -> None:
        if new := sorted(asked - self.series.keys()):
            columns = _columns(new)
            await connection.execute(_ADD_SERIES, *columns)
            found = await connection.fetch(_SERIES, *columns)
            self.series.update({(row[1], row[2], row[3]): row[0] for row in found})

    async def _learn_qualities(self, connection: asyncpg.Connection, asked: set[str]) -> None:
        if new := sorted(asked - self.qualities.keys()):
            await connection.execute(_ADD_QUALITIES, new)
            self.qualities.update({row[1]: row[0] for row in await connection.fetch(_QUALITIES, new)})


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
