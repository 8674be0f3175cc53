"""A worker: takes messages, stores them, acknowledges what is committed. It keeps nothing that others would miss."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from paifang.city import batch as batches
from paifang.city.batch import Batch, Refusal
from paifang.city.database import Database, DataRefusedError
from paifang.city.intake import Intake
from paifang.city.writing import Done, Writer
from paifang.errors import PaifangError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.js.api import StreamInfo

    from paifang.city.batch import Message
    from paifang.config.city import CitySettings

PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Between tries to reach an engine that is away; the last one stays."""

_STREAM = """
INSERT INTO paifang.streams(name, created, begins)
SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM paifang.streams WHERE name = $1 AND created = $2) ON CONFLICT DO NOTHING
"""
_STREAM_ID = "SELECT id FROM paifang.streams WHERE name = $1 AND created = $2"

_log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Figures:
    """Since the worker started."""

    done: Done = field(default_factory=Done)
    batches: int = 0
    sessions: int = 0
    problem: PaifangError | None = None


class Worker:
    """`name` stands in the tallies. It runs until it is cancelled, or told to `stop`."""

    def __init__(
        self,
        settings: CitySettings,
        name: str,
        *,
        now: Callable[[], datetime] = _now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        turn: int = 0,
    ) -> None:
        self.figures = Figures()
        self._settings = settings
        self._name = name
        self._now = now
        self._sleep = sleep
        self._turn = turn
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finish the batch that is in hand, and end."""
        self._stopping.set()

    async def run(self) -> None:
        """Raises nothing that passes by itself: engines that are away are tried again, with pauses."""
        failures = 0
        while not self._stopping.is_set():
            before = self.figures.batches
            try:
                await self._session()
                return
            except PaifangError as error:
                failures = 1 if self.figures.batches > before else failures + 1
                self._tell(error)
            await self._pause(PAUSES_S[min(failures, len(PAUSES_S)) - 1])

    async def _session(self) -> None:
        """Work on one connection to each engine until one is lost, which is raised, or told to stop."""
        intake = Intake(self._settings.stream, f"city worker {self._name}", self._turn)
        self._turn += 1
        try:
            stream = await intake.open()
            async with await Database.open(self._settings.postgres, self._name) as database:
                await database.check()
                number = await _stream_number(database, stream)
                self.figures.sessions += 1
                writer = Writer(database, self._name, number, self._now)
                await self._pump(intake, writer)
        finally:
            await intake.close()

    async def _pump(self, intake: Intake, writer: Writer) -> None:
        """The next messages are on their way while those in hand are written."""
        most = self._settings.worker.batch
        stopping = asyncio.ensure_future(self._stopping.wait())
        coming = asyncio.ensure_future(intake.take(most))
        try:
            while True:
                await asyncio.wait([coming, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    return
                messages = coming.result()
                self.figures.problem = None
                if self._stopping.is_set():
                    await intake.give_back(messages)
                    return
                coming = asyncio.ensure_future(intake.take(most))
                if messages:
                    await self._store(intake, writer, messages)
        finally:
            stopping.cancel()
            await self._hand_back(intake, coming)

    async def _hand_back(self, intake: Intake, coming: asyncio.Future[list[Message]]) -> None:
        """What came meanwhile is another worker's at once, not after the wait for an acknowledgement."""
        coming.cancel()
        (came,) = await asyncio.gather(coming, return_exceptions=True)
        await _try_to_give_back(intake, intake.arrived() if isinstance(came, BaseException) else came)

    async def _store(self, intake: Intake, writer: Writer, messages: list[Message]) -> None:
        try:
            await self._write(intake, writer, batches.sorted_out(messages))
        except PaifangError:
            await _try_to_give_back(intake, messages)
            raise
        self.figures.batches += 1

    async def _write(self, intake: Intake, writer: Writer, batch: Batch) -> None:
        """Rows that PostgreSQL does not take are looked for by halves, and set aside when they were tried enough."""
        try:
            done = await writer.write(batch)
        except DataRefusedError as error:
            if len(batch.stored) > 1:
                for half in batch.halves():
                    await self._write(intake, writer, half)
            else:
                await self._set_aside(intake, writer, batch, error)
            return
        self.figures.done += done
        await intake.acknowledge([each.message for each in (*batch.stored, *batch.refused)])

    async def _set_aside(self, intake: Intake, writer: Writer, batch: Batch, error: DataRefusedError) -> None:
        for each in batch.stored:
            _log.warning("message %d: %s", each.message.place, error.message)
            if each.message.tries < self._settings.worker.tries:
                await intake.give_back([each.message])
                await self._write(intake, writer, Batch([], batch.refused))
            else:
                refusal = Refusal(each.message, error.message, each.document.site)
                await self._write(intake, writer, Batch([], [*batch.refused, refusal]))

    def _tell(self, error: PaifangError) -> None:
        if self.figures.problem is None or self.figures.problem.message != error.message:
            _log.warning("%s", error)
        self.figures.problem = error

    async def _pause(self, seconds: float) -> None:
        pausing = asyncio.ensure_future(self._sleep(seconds))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([pausing, stopping], return_when=asyncio.FIRST_COMPLETED)
        for each in (pausing, stopping):
            each.cancel()
        await asyncio.gather(pausing, stopping, return_exceptions=True)


async def _stream_number(database: Database, stream: StreamInfo) -> int:
    name, created = str(stream.config.name), str(stream.created)
    with database.told():
        await database.connection.execute(_STREAM, name, created, max(stream.state.first_seq, 1))
        return await database.connection.fetchval(_STREAM_ID, name, created)


async def _try_to_give_back(intake: Intake, messages: list[Message]) -> None:
    try:
        await intake.give_back(messages)
    except PaifangError as error:
        _log.debug("%s", error)
