"""One batch into PostgreSQL, in one transaction: what is new is stored, what was there is known, all is counted.

Records are claimed by their id first; only of those that were new the readings are copied in. So each is stored once,
whoever writes it at the same time, and the readings are written once and nowhere else.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from paifang.city.numbering import Numbering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import asyncpg

    from paifang.city.batch import Batch, Stored
    from paifang.city.database import Database

PARTITIONS_BACK = timedelta(days=400)
PARTITIONS_AHEAD = timedelta(days=2)
"""Between these from now on, a partition is made for what comes; other times are kept together, in readings_other."""

_CLAIM = """
INSERT INTO paifang.records(node, boot, number, received, stream, sequence)
SELECT node, boot, number, received::timestamptz, $6, sequence
FROM unnest($1::int[], $2::int[], $3::bigint[], $4::text[], $5::bigint[])
    AS claimed(node, boot, number, received, sequence)
ORDER BY node, boot, number, sequence ON CONFLICT DO NOTHING RETURNING sequence
"""
# Of those that were there already, the ones that another message brought. A message that is handed out again is none.
_DUPLICATES = """
INSERT INTO paifang.duplicates(sequence, node, stream)
SELECT came.sequence, node, $5 FROM paifang.records
JOIN unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[]) AS came(node, boot, number, sequence)
    USING (node, boot, number)
WHERE (records.stream, records.sequence) <> ($5, came.sequence)
ORDER BY came.sequence ON CONFLICT DO NOTHING RETURNING node
"""
_REFUSED = """
INSERT INTO paifang.refused(sequence, stream, site, subject, reason, body)
SELECT sequence, $6, site, subject, reason, body
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bytea[])
    AS came(sequence, site, subject, reason, body)
ORDER BY sequence ON CONFLICT DO NOTHING RETURNING site
"""
_EVENTS = """
INSERT INTO paifang.events(time, number, node, boot, undated, name, point, detail)
SELECT time::timestamptz, number, node, boot, undated, name, point, detail
FROM unnest($1::text[], $2::bigint[], $3::int[], $4::int[], $5::bool[], $6::text[], $7::text[], $8::text[])
    AS came(time, number, node, boot, undated, name, point, detail)
"""
_TALLY = """
INSERT INTO paifang.tallies(stored, duplicate, refused, readings, site, stream, worker)
SELECT *, $6, $7 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])
ON CONFLICT (stream, worker, site) DO UPDATE SET stored = tallies.stored + excluded.stored,
    duplicate = tallies.duplicate + excluded.duplicate, refused = tallies.refused + excluded.refused,
    readings = tallies.readings + excluded.readings
"""
_READINGS = ("time", "number", "series", "boot", "quality", "undated", "value")


@dataclass(frozen=True, slots=True)
class Done:
    """What one batch came to, in messages; `again` were handed out a second time after they had been stored."""

    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    again: int = 0
    readings: int = 0

    def __add__(self, other: Done) -> Done:
        return Done(
            self.stored + other.stored,
            self.duplicate + other.duplicate,
            self.refused + other.refused,
            self.again + other.again,
            self.readings + other.readings,
        )


class Writer:
    """Writes for `worker` on one connection; `stream` is the number of the stream the messages come from."""

    def __init__(self, database: Database, worker: str, stream: int, now: Callable[[], datetime]) -> None:
        self._database = database
        self._connection: asyncpg.Connection = database.connection
        self._worker = worker
        self._stream = stream
        self._now = now
        self._numbering = Numbering()
        self._days: set[str] = set()

    async def write(self, batch: Batch) -> Done:
        """All of it or nothing. Raises PaifangError, DataRefusedError when PostgreSQL does not take one of the rows."""
        with self._database.told():
            await self._numbering.learn(self._connection, [each.document for each in batch.stored])
            await self._make_partitions(batch.stored)
            async with self._connection.transaction():
                return await self._written(batch)

    async def _written(self, batch: Batch) -> Done:
        fresh = await self._claim(batch.stored)
        new = [each for each in batch.stored if each.message.place in fresh]
        known = [each for each in batch.stored if each.message.place not in fresh]
        duplicates = await self._duplicates(known)
        refused = await self._refuse(batch)
        readings = await self._copy([each for each in new if each.document.event is None])
        await self._happen([each for each in new if each.document.event is not None])
        await self._tally(new, duplicates, refused)
        return Done(len(new), len(duplicates), len(refused), len(known) - len(duplicates), readings)

    async def _claim(self, stored: Sequence[Stored]) -> set[int]:
        """The sequences of those that were not there."""
        if not stored:
            return set()
        ids = self._ids(stored)
        received = [each.document.received for each in stored]
        places = [each.message.place for each in stored]
        return {row[0] for row in await self._connection.fetch(_CLAIM, *ids, received, places, self._stream)}

    async def _duplicates(self, known: Sequence[Stored]) -> list[str]:
        """The sites of those that another message had brought, counted once each."""
        if not known:
            return []
        sites = {self._node(each): each.document.site for each in known}
        places = [each.message.place for each in known]
        found = await self._connection.fetch(_DUPLICATES, *self._ids(known), places, self._stream)
        return [sites[row[0]] for row in found]

    async def _refuse(self, batch: Batch) -> list[str]:
        """The sites of those that were set aside now."""
        if not batch.refused:
            return []
        rows = [
            (each.message.place, each.site, _kept(each.message.subject), _kept(each.reason), each.message.body)
            for each in batch.refused
        ]
        columns = zip(*rows, strict=True)
        return [row[0] for row in await self._connection.fetch(_REFUSED, *map(list, columns), self._stream)]

    async def _copy(self, stored: Sequence[Stored]) -> int:
        if not stored:
            return 0
        lines = list(self._lines(stored))
        await self._connection.copy_to_table(
            "readings", source=io.BytesIO("".join(lines).encode()), columns=_READINGS, schema_name="paifang"
        )
        return len(lines)

    def _lines(self, stored: Sequence[Stored]) -> Iterator[str]:
        """As COPY's text format has them; all are times and numbers that were looked at, nothing wants a backslash."""
        series, qualities = self._numbering.series, self._numbering.qualities
        for each in stored:
            document = each.document
            node = self._node(each)
            head = f"{document.time or document.received}\t{document.number}\t"
            tail = f"\t{document.boot}\t"
            undated = "t" if document.time is None else "f"
            for one in document.readings:
                value = r"\N" if one.value is None else one.value
                yield (f"{head}{series[node, one.point, one.unit]}{tail}{qualities[one.quality]}\t{undated}\t{value}\n")

    async def _happen(self, stored: Sequence[Stored]) -> None:
        if not stored:
            return
        rows = [
            (
                each.document.time or each.document.received,
                each.document.number,
                self._node(each),
                each.document.boot,
                each.document.time is None,
                each.document.event.name,
                each.document.event.point,
                each.document.event.detail,
            )
            for each in stored
            if each.document.event is not None
        ]
        await self._connection.execute(_EVENTS, *map(list, zip(*rows, strict=True)))

    async def _tally(self, new: Sequence[Stored], duplicates: Sequence[str], refused: Sequence[str]) -> None:
        stored = Counter(each.document.site for each in new)
        twice, aside = Counter(duplicates), Counter(refused)
        readings: Counter[str] = Counter()
        for each in new:
            readings[each.document.site] += len(each.document.readings)
        sites = sorted({*stored, *twice, *aside})
        if sites:
            columns = [[counted[site] for site in sites] for counted in (stored, twice, aside, readings)]
            await self._connection.execute(_TALLY, *columns, sites, self._stream, self._worker)

    async def _make_partitions(self, stored: Sequence[Stored]) -> None:
        """For days within reason that were not seen before."""
        days = {(each.document.time or each.document.received)[:10] for each in stored if each.document.event is None}
        now = self._now()
        for day in sorted(days - self._days):
            # What is no day of the calendar PostgreSQL refuses with the record itself.
            if _is_within_reason(day, now):
                await self._connection.execute("SELECT paifang.add_partition($1::text::timestamptz)", f"{day} 00:00Z")
                self._days.add(day)

    def _ids(self, stored: Sequence[Stored]) -> tuple[list[int], list[int], list[int]]:
        return (
            [self._node(each) for each in stored],
            [each.document.boot for each in stored],
            [each.document.number for each in stored],
        )

    def _node(self, each: Stored) -> int:
        return self._numbering.nodes[each.document.site, each.document.node]


def _is_within_reason(day: str, now: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    except ValueError:
        return False
    return now - PARTITIONS_BACK <= moment <= now + PARTITIONS_AHEAD


def _kept(text: str) -> str:
    """As PostgreSQL can keep it: what is set aside must not be refused in its turn."""
    return text.replace("\0", "").encode(errors="replace").decode()
