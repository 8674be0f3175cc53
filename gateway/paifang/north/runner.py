"""One sink at work: connects, sends what is new and, beside it, what was left behind, and keeps its place.

A batch's place and counts are written once the far side has confirmed it. What was sent and not confirmed when a
connection broke is sent again: the far side knows records by their ids.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from paifang.north.backoff import Backoff
from paifang.north.connector import NOT_WANTED, UNREADABLE, AskedToWait, explained, opened
from paifang.north.record import Record, decoded
from paifang.store import cursors
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from paifang.config.sink import SinkSettings
    from paifang.errors import PaifangError
    from paifang.north.connector import Connector
    from paifang.north.kinds import Ward
    from paifang.store import Store
    from paifang.store.points import PointTable
    from paifang.store.sql import Connection, Row

BEHIND_MS = 5_000
"""When the oldest record of the live stream has waited so long, all that waits is left behind for what is new."""
BACKLOGS_MOST = 64
"""A sink that is too slow for good is not given ever more ranges: its live stream is just late."""
_END = (1 << 63) - 1

_log = logging.getLogger(__name__)
_Marked = tuple[int, str]


@dataclass(slots=True)
class Figures:
    """Since the gateway started. `problem` says why nothing is confirmed now; None while all is well."""

    is_connected: bool = False
    problem: PaifangError | None = None
    sessions: int = 0
    delivered: int = 0
    dropped: dict[str, int] = field(default_factory=dict[str, int])
    confirmed_ms: int | None = None


@dataclass(slots=True)
class _Batch:
    """Records up to seq `upto`: those to deliver, and those that are dropped before, by reason."""

    upto: int
    records: list[Record]
    dropped: dict[str, list[_Marked]]

    def drop(self, reason: str, seq: int, node: str) -> None:
        self.dropped.setdefault(reason, []).append((seq, node))


class Runner:
    """Runs the sink `settings` on `store` until cancelled. `connect` gives a connector that is not open yet."""

    def __init__(
        self,
        settings: SinkSettings,
        store: Store,
        ward: Ward,
        table: Callable[[bytes | None], PointTable | None],
        connect: Callable[[], Connector],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = settings.name
        self.settings = settings
        self.figures = Figures()
        self._store = store
        self._ward = ward
        self._table = table
        self._connect = connect
        self._sleep = sleep
        self._backoff = Backoff(ward.random)
        self._news = asyncio.Event()
        self._backlog_news = asyncio.Event()
        self._going = asyncio.Event()
        self._halted = asyncio.Event()
        self._has_begun = False
        self._place = cursors.Place(0, (), is_paused=False)
        self._reached: dict[int, int] = {}

    @property
    def state(self) -> str:
        """One of up, down, paused."""
        if self._place.is_paused:
            return "paused"
        return "up" if self.figures.is_connected and self.figures.problem is None else "down"

    def notify(self) -> None:
        """There are new records."""
        self._news.set()

    async def adopt(self, job: Callable[[Connection], object]) -> object:
        """Write `job`, which changes the place, and go on from there. Raises PaifangError."""
        result, place = await self._store.written(lambda connection: (job(connection), self._read(connection)))
        self._take_up(place)
        return result

    async def run(self) -> None:
        """For ever: whatever goes wrong, it is tried again."""
        while True:
            if await self._session():
                await self._sleep(max(self._backoff.pause_s(), self._asked_s()))

    async def _session(self) -> bool:
        """Connect and send for as long as that goes well; whether it ended because something went wrong."""
        try:
            if not self._has_begun:
                await self._begin()
            await self._going.wait()
            async with opened(self._connect()) as connector:
                self.figures.is_connected = True
                self.figures.sessions += 1
                await self._pump(connector)
        except Exception as error:  # noqa: BLE001 - a fault of one sink must not end it for good
            self._fail(explained(self.name, error))
            return True
        finally:
            self.figures.is_connected = False
        return False

    async def _begin(self) -> None:
        now_ms, from_start = self._ward.utc_ms(), self.settings.from_start
        await self.adopt(partial(cursors.begin, sink=self.name, now_ms=now_ms, from_start=from_start))
        self._has_begun = True

    def _fail(self, problem: PaifangError) -> None:
        if self.figures.problem is None or self.figures.problem.message != problem.message:
            _log.warning("sink %s", problem if self.name in problem.message else f"{self.name}: {problem}")
        self.figures.problem = problem

    def _asked_s(self) -> float:
        return self.figures.problem.after_s if isinstance(self.figures.problem, AskedToWait) else 0.0

    async def _pump(self, connector: Connector) -> None:
        """Both streams until one fails, which is raised, or the sink is paused."""
        waits = (self._live(connector), self._backlogs(connector), self._halted.wait())
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(each) for each in waits]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, connector: Connector) -> None:
        while True:
            self._news.clear()
            rows = await self._page(self._place.live, _END, connector.batch_records)
            if not rows:
                if not self._place.backlogs:
                    self.figures.problem = None
                await self._news.wait()
            elif self._is_behind(rows[0]):
                await self.adopt(lambda connection: cursors.defer(connection, self.name, cursors.newest(connection)))
            else:
                await self._hand_over(connector, cursors.LIVE, self._sorted(rows, rows[-1][0]))

    async def _backlogs(self, connector: Connector) -> None:
        while True:
            self._backlog_news.clear()
            backlog = next(iter(self._place.backlogs), None)
            if backlog is None:
                await self._backlog_news.wait()
            else:
                await self._drain(connector, backlog)

    async def _drain(self, connector: Connector, backlog: cursors.Backlog) -> None:
        """Batch after batch; the next one is made ready while the far side confirms the last."""
        upto = backlog.next - 1
        ahead = asyncio.create_task(self._batch(upto, backlog.last, connector.batch_records))
        try:
            while upto < backlog.last:
                batch = await ahead
                upto = batch.upto
                if upto < backlog.last:
                    ahead = asyncio.create_task(self._batch(upto, backlog.last, connector.batch_records))
                await self._hand_over(connector, backlog.id, batch)
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    def _is_behind(self, oldest: Row) -> bool:
        waited_ms = self._ward.utc_ms() - oldest[7]
        return waited_ms > BEHIND_MS and len(self._place.backlogs) < BACKLOGS_MOST

    async def _page(self, after: int, last: int, limit: int) -> list[Row]:
        """Raises PaifangError while the store fails: places could not be kept."""
        if self._store.problem is not None:
            raise self._store.problem
        return await self._store.read(lambda connection: cursors.page(connection, after, last, limit))

    async def _batch(self, after: int, last: int, limit: int) -> _Batch:
        rows = await self._page(after, last, limit)
        return self._sorted(rows, rows[-1][0] if len(rows) == limit else last)

    async def _hand_over(self, connector: Connector, stream: int, batch: _Batch) -> None:
        refused: Mapping[int, str] = {}
        if batch.records:
            async with asyncio.timeout(connector.deliver_limit_s):
                refused = await connector.deliver(batch.records)
        delivered: list[_Marked] = []
        for place, record in enumerate(batch.records):
            if place in refused:
                batch.drop(refused[place], record.seq, record.node)
            else:
                delivered.append((record.seq, record.node))
        self._confirmed(stream, batch.upto, delivered, batch.dropped)

    def _sorted(self, rows: Sequence[Row], upto: int) -> _Batch:
        batch = _Batch(upto, [], {})
        for row in rows:
            seq, node = row[:2]
            if not self.settings.takes(node):
                batch.drop(NOT_WANTED, seq, node)
                continue
            try:
                batch.records.append(decoded(self._ward.site, row, self._table))
            except WireError as error:
                _log.warning("sink %s: record %s/%d.%d: %s", self.name, node, row[2], row[3], error)
                batch.drop(UNREADABLE, seq, node)
        return batch

    def _confirmed(self, stream: int, upto: int, delivered: list[_Marked], dropped: dict[str, list[_Marked]]) -> None:
        self._place = _moved(self._place, stream, upto)
        self._reached[stream] = upto
        name = self.name
        self._store.write(lambda connection: cursors.confirm(connection, name, stream, upto, delivered, dropped))
        figures = self.figures
        figures.delivered += len(delivered)
        for reason, marked in dropped.items():
            figures.dropped[reason] = figures.dropped.get(reason, 0) + len(marked)
        if delivered:
            figures.confirmed_ms = self._ward.utc_ms()
            figures.problem = None
            self._backoff.reset()

    def _read(self, connection: Connection) -> cursors.Place:
        return cursors.place(connection, self.name)

    def _take_up(self, place: cursors.Place) -> None:
        """The place as it is in the store, which may not know yet how far the streams have got since."""
        self._place = place
        for stream, upto in self._reached.items():
            self._place = _moved(self._place, stream, upto)
        self._news.set()
        self._backlog_news.set()
        reached, left = (self._halted, self._going) if place.is_paused else (self._going, self._halted)
        reached.set()
        left.clear()


def _moved(place: cursors.Place, stream: int, upto: int) -> cursors.Place:
    """Never back."""
    if stream == cursors.LIVE:
        return dataclasses.replace(place, live=max(place.live, upto))
    moved = [
        dataclasses.replace(each, next=max(each.next, upto + 1)) if each.id == stream else each
        for each in place.backlogs
    ]
    return dataclasses.replace(place, backlogs=tuple(each for each in moved if each.next <= each.last))
