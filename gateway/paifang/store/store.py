"""The store as the gateway sees it: records go in, acks come out once they are synced."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import apsw

from paifang.errors import PaifangError
from paifang.store import database, health
from paifang.store.boots import Boot, Boots
from paifang.store.registry import Registry
from paifang.store.writer import Batch, Job, Writer, split_waiting
from paifang_wire.errors import OVER_LIMIT, WireError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from paifang.store.sql import Connection

RECORDS_LIMIT = 100_000
"""Records and gaps kept in memory while the disk does not take them; then new ones are refused and stay on nodes."""


class Store:
    """One gateway's records, nodes and commands in the SQLite file `path`.

    `settled(batch)` is called in the event loop after each synced commit, and only then: `batch.acks` may go out.
    Commits begin at least `commit_ms` apart, so that a trickle does not wear the disk out.
    `vfs` names an apsw VFS, `synchronous` is SQLite's setting, `writer` makes what commits: all three are for tests of
    what is written when.
    """

    def __init__(
        self,
        path: Path,
        *,
        settled: Callable[[Batch], None],
        commit_ms: int = 0,
        vfs: str | None = None,
        synchronous: str = "FULL",
        records_limit: int = RECORDS_LIMIT,
        writer: type[Writer] = Writer,
    ) -> None:
        self.path = path
        self.commit_ms = commit_ms
        self.problem: PaifangError | None = None
        """Why the disk does not take what is to be stored; None while all is well."""
        self.stored = self.duplicates = self.conflicts = self.commits = 0
        self._settled = settled
        self._vfs = vfs
        self._synchronous = synchronous
        self._records_limit = records_limit
        self._make_writer = writer
        self._next = Batch()
        self._touched: list[Boot] = []
        self._in_flight: Batch | None = None
        self._in_flight_boots: list[tuple[Boot, int, int]] = []
        self._timer: asyncio.Handle | None = None
        self._soon = False
        self._began_s = 0.0
        self._idle = asyncio.Event()
        self._idle.set()
        self._readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="paifang-read")

    async def open(self) -> None:
        """Open or create the file and start the writer. Raises PaifangError (exit code 4)."""
        self._loop = asyncio.get_running_loop()
        left_open = health.was_left_open(self.path)
        self._connection = self._connect()
        if left_open:
            health.check_start(self._connection, self.path)
        self._reading = self._connect()
        try:
            self.registry = Registry(self._connection)
        except apsw.Error as error:
            raise database.explain(error, str(self.path)) from error
        self._boots = Boots(self._connection)
        post = self._loop.call_soon_threadsafe
        self._writer = self._make_writer(
            self._connect,
            str(self.path),
            lambda batch: post(self._on_commit, batch),
            lambda problem, waiting: post(self._on_failure, problem, waiting),
        )
        self._writer.start()

    async def close(self) -> None:
        """Commit what is buffered, tell what that settled, and close. Raises PaifangError when it cannot be stored."""
        if self.problem is None:
            with contextlib.suppress(PaifangError):
                await self.flush()
        self._hand_over()
        self._writer.close()
        await self._loop.run_in_executor(None, self._writer.join)
        self._readers.shutdown()
        for connection in (self._reading, self._connection):
            database.close(connection)
        if self.problem is not None:
            raise self.problem

    # Records

    def boots(self, node: str) -> dict[int, Boot]:
        """The newest boots of `node` by their number."""
        return self._boots.of(node)

    def boot(self, node: str, number: int) -> Boot:
        return self._boots.get(node, number)

    def add(self, boot: Boot, record: tuple[Any, ...]) -> bool:
        """Take in one record, the values of (node, boot, number, kind, uptime_ms, utc_ms, received_ms, body).

        Returns False when its number was settled before. Either way an ack follows once that is synced.
        Raises WireError(OVER_LIMIT) when the number is too far ahead. Not to be called while the store `is_full`.
        """
        lane = boot.lane(record[2])
        new = lane.add(record[2])
        if new:
            boot.stored += 1
            self._next.records.append(record)
        else:
            self.duplicates += 1
        if not boot.queued:
            self.touch(boot)
        if lane is boot.backlog:
            boot.backlog_queued = True
        return new

    def settle(self, boot: Boot, first: int, last: int, reason: int, received_ms: int) -> int:
        """Take in that the node has lost records first..last; returns how many numbers that settled.

        Raises WireError(OVER_LIMIT) as RecordMarks.settle does, and for numbers of two lanes. Not to be called while
        the store `is_full`.
        """
        lane = boot.lane(first)
        if lane is not boot.lane(last):
            raise WireError(OVER_LIMIT, f"records {first} to {last} are of two lanes")
        lost = lane.settle(first, last)
        if lost:
            boot.lost += lost
            self._next.gaps.append((boot.node, boot.boot, first, last, reason, lost, received_ms))
        self.touch(boot)
        if lane is boot.backlog:
            boot.backlog_queued = True
        return lost

    def touch(self, boot: Boot) -> None:
        """Have `boot` written, and acknowledged, with the next commit."""
        if not boot.queued:
            boot.queued = True
            self._touched.append(boot)
            self._schedule(self.commit_ms)

    # Everything else that is written or read

    def write(self, job: Callable[[Connection], Any]) -> None:
        """Run `job` in the writer, in the next commit, before the records that are added after it."""
        self._next.jobs.append(Job(job))
        self._schedule(self.commit_ms)

    async def written(self, job: Callable[[Connection], Any]) -> Any:
        """As `write`, and return the job's result once it is synced. Raises PaifangError.

        While the disk fails this does not wait for it to recover.
        """
        if self.problem is not None:
            raise self.problem
        done: asyncio.Future[Any] = self._loop.create_future()
        self._next.jobs.append(Job(job, done))
        self._schedule(0)
        return await done

    async def read(self, query: Callable[[Connection], Any]) -> Any:
        """Run `query` on a reading connection of a thread of its own. Raises PaifangError."""
        try:
            return await self._loop.run_in_executor(self._readers, query, self._reading)
        except apsw.Error as error:
            raise database.explain(error, str(self.path)) from error

    async def look(self, query: Callable[[Connection], Any]) -> Any:
        """As `read`, in a thread and on a connection of its own: for what takes its time. Raises PaifangError."""
        return await self._loop.run_in_executor(None, self._look, query)

    def _look(self, query: Callable[[Connection], Any]) -> Any:
        connection = self._connect()
        try:
            return query(connection)
        except apsw.Error as error:
            raise database.explain(error, str(self.path)) from error
        finally:
            database.close(connection)

    async def flush(self) -> None:
        """Wait until all that was taken in is synced."""
        while not self._is_empty() or self._in_flight is not None:
            self._hand_over()
            await self._idle.wait()
            if self.problem is not None:
                raise self.problem

    def forget(self, node: str) -> None:
        """Read the boots of `node` anew when they are next asked for."""
        self._boots.forget(node)

    @property
    def is_full(self) -> bool:
        """No more records and gaps are taken in until the disk takes some."""
        return len(self._next.records) + len(self._next.gaps) >= self._records_limit

    @property
    def buffered(self) -> int:
        """Records taken in that are not synced yet."""
        return len(self._next.records) + (len(self._in_flight.records) if self._in_flight else 0)

    # Group commit

    def _connect(self) -> Connection:
        return database.connect(self.path, vfs=self._vfs, synchronous=self._synchronous)

    def _is_empty(self) -> bool:
        return not self._touched and not self._next.jobs

    def _schedule(self, delay_ms: float) -> None:
        """Have a commit begin in `delay_ms`; while one is under way the next follows it."""
        if self._in_flight is not None or self._soon:
            return
        if delay_ms == 0:
            self._cancel_timer()
            self._soon = True
            self._timer = self._loop.call_soon(self._hand_over)
        elif self._timer is None:
            self._timer = self._loop.call_later(delay_ms / 1000, self._hand_over)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._soon = False

    def _hand_over(self) -> None:
        """Give the writer all that has come in while it wrote the last batch."""
        self._cancel_timer()
        if self._in_flight is not None or self._is_empty():
            return
        batch, self._next = self._next, Batch()
        for boot in self._touched:
            boot.queued, boot.in_flight = False, True
            batch.boots.append(boot.row())
            batch.acks += boot.acks()
            boot.backlog_queued = False
            self._in_flight_boots.append((boot, boot.marks.high, boot.backlog.high))
        self._touched = []
        self._in_flight = batch
        self._began_s = self._loop.time()
        self._idle.clear()
        self._writer.submit(batch)

    def _on_commit(self, batch: Batch) -> None:
        self.problem = None
        self.commits += 1
        self.stored += len(batch.records)
        self.conflicts += len(batch.records) - batch.inserted
        for boot, high, backlog in self._in_flight_boots:
            boot.synced_high, boot.synced_backlog = high, backlog
            boot.in_flight = False
        self._in_flight = None
        self._in_flight_boots = []
        self._idle.set()
        for job, result in zip(batch.jobs, batch.results, strict=True):
            _resolve(job, result)
        self._settled(batch)
        self._follow_up()

    def _follow_up(self) -> None:
        """Begin the next commit: at once when the last one took its time or somebody waits, else in its turn."""
        if self._is_empty():
            return
        rest_ms = self.commit_ms - (self._loop.time() - self._began_s) * 1000
        if rest_ms <= 0 or any(job.done is not None for job in self._next.jobs):
            self._hand_over()
        else:
            self._schedule(rest_ms)

    def _on_failure(self, problem: PaifangError, waiting: list[Job]) -> None:
        """The writer goes on trying; who waits for a job of his own is told now."""
        self.problem = problem
        self._idle.set()
        for job in [*waiting, *split_waiting(self._next)]:
            _resolve(job, problem)


def _resolve(job: Job, result: Any) -> None:
    if job.done is None or job.done.done():
        return
    if isinstance(result, PaifangError):
        job.done.set_exception(result)
    else:
        job.done.set_result(result)
