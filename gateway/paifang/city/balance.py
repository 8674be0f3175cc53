"""Whether all that the stream has accepted is in PostgreSQL or still to come: the two engines' own counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import nats.js.errors

from paifang.city.database import Database
from paifang.city.intake import Intake
from paifang.errors import PaifangError
from paifang.jetstream.subjects import covers

if TYPE_CHECKING:
    from nats.js.api import StreamInfo

    from paifang.config.city import CitySettings

_TALLIES = """
SELECT {by}, sum(stored)::bigint AS stored, sum(duplicate)::bigint AS duplicate,
    sum(refused)::bigint AS refused, sum(readings)::bigint AS readings
FROM paifang.tallies JOIN paifang.streams ON streams.id = stream WHERE name = $1 AND created = $2
GROUP BY {by} ORDER BY {by}
"""
# How many messages of the stream behind a sequence are in PostgreSQL, by what became of them.
_BEHIND = """
WITH asked AS (SELECT id FROM paifang.streams WHERE name = $1 AND created = $2)
SELECT (SELECT count(*) FROM paifang.records, asked WHERE stream = asked.id AND sequence > $3)
     + (SELECT count(*) FROM paifang.duplicates, asked WHERE stream = asked.id AND sequence > $3)
     + (SELECT count(*) FROM paifang.refused, asked WHERE stream = asked.id AND sequence > $3)
"""
_BEGINS = "SELECT begins FROM paifang.streams WHERE name = $1 AND created = $2"
_NODES = """
SELECT nodes.site || '/' || nodes.node AS name, count(*) AS stored FROM paifang.records
JOIN paifang.nodes ON nodes.id = records.node JOIN paifang.streams ON streams.id = stream
WHERE streams.name = $1 AND created = $2 GROUP BY nodes.id ORDER BY nodes.site, nodes.node
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Of a site or a worker: messages by what became of them, and the readings that were in them."""

    name: str
    stored: int
    duplicate: int
    refused: int
    readings: int


@dataclass(frozen=True, slots=True)
class Balance:
    """In messages. `accepted` is what the stream has confirmed to wards since the first worker looked at it."""

    accepted: int
    stored: int
    duplicate: int
    refused: int
    in_stream: int
    """Not in PostgreSQL yet: waiting, or in a worker's hands."""
    sites: list[Line]
    workers: list[Line]
    nodes: dict[str, int]
    """Records of each node, if they were asked for: that takes a look at every record."""

    @property
    def missing(self) -> int:
        """Accepted and nowhere: more than none when the stream dropped what no worker had taken, by age or by hand."""
        return self.accepted - self.stored - self.duplicate - self.refused - self.in_stream

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"missing": self.missing}


async def balance(settings: CitySettings, *, with_nodes: bool = False) -> Balance:
    """Raises PaifangError when an engine cannot be asked, or the consumer takes only some of the stream."""
    intake = Intake(settings.stream, "city balance")
    try:
        stream = await intake.open(make=False)
        others = [each for each in stream.config.subjects or () if not covers(settings.stream.subjects, each)]
        if others:
            hint = "give what workers take a stream of its own: the servers count whole streams"
            raise PaifangError(f"stream {stream.config.name} also takes {', '.join(others)}", hint)
        async with await Database.open(settings.postgres, "balance") as database:
            await database.check()
            return await _balance(intake, database, stream, with_nodes=with_nodes)
    finally:
        await intake.close()


async def _balance(intake: Intake, database: Database, stream: StreamInfo, *, with_nodes: bool) -> Balance:
    """What is up to the stream's ack floor was acknowledged, and so is in PostgreSQL; what is behind it, is counted.

    The stream is asked first: what PostgreSQL knows of later messages was accepted too.
    """
    which = (str(stream.config.name), str(stream.created))
    floor = await _ack_floor(intake)
    last = stream.state.last_seq
    ask = database.connection
    with database.told():
        async with ask.transaction(isolation="repeatable_read", readonly=True):
            begins = await ask.fetchval(_BEGINS, *which) or max(stream.state.first_seq, 1)
            floor = max(floor, begins - 1)
            behind_floor, behind_last = [await ask.fetchval(_BEHIND, *which, each) for each in (floor, last)]
            sites = await _lines(database, "site", which)
            workers = await _lines(database, "worker", which)
            nodes = {row[0]: row[1] for row in await ask.fetch(_NODES, *which)} if with_nodes else {}
    return Balance(
        accepted=last - begins + 1 + behind_last,
        stored=sum(each.stored for each in sites),
        duplicate=sum(each.duplicate for each in sites),
        refused=sum(each.refused for each in sites),
        in_stream=last - floor - (behind_floor - behind_last),
        sites=sites,
        workers=workers,
        nodes=nodes,
    )


async def _ack_floor(intake: Intake) -> int:
    """0 before there was a worker."""
    try:
        floor = (await intake.consumer()).ack_floor
    except nats.js.errors.NotFoundError:
        return 0
    return floor.stream_seq if floor else 0


async def _lines(database: Database, by: str, which: tuple[str, str]) -> list[Line]:
    rows = await database.connection.fetch(_TALLIES.format(by=by), *which)
    return [Line(*row) for row in rows]
