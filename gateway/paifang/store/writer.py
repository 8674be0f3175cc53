"""The one thread that writes: a batch is one transaction, and is done only when it is synced."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import apsw

from paifang.errors import PaifangError
from paifang.store import boots
from paifang.store.bulk import Bulk
from paifang.store.database import STORAGE_FAULTS, close, explain

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from paifang.store.sql import Connection

RETRY_FIRST_S = 0.1
RETRY_LONGEST_S = 5.0

_RECORDS = Bulk(
    "records", "node,boot,number,kind,uptime_ms,utc_ms,received_ms,body", "ON CONFLICT(node,boot,number) DO NOTHING"
)
_BOOTS = Bulk("boots", boots.COLUMNS, boots.UPSERT)
_GAPS = Bulk("gaps", "node,boot,first,last,reason,lost,received_ms")


@dataclass(frozen=True, slots=True)
class Job:
    """A write of its own inside a batch. `done` gets the result, or the PaifangError that undid only this job.

    A job that somebody waits for is given up at the batch's first failure, so that its waiter can be told the truth.
    """

    write: Callable[[Connection], Any]
    done: asyncio.Future[Any] | None = None


def split_waiting(batch: Batch) -> list[Job]:
    """Take the jobs that somebody waits for out of `batch` and return them."""
    waiting = [job for job in batch.jobs if job.done is not None]
    batch.jobs = [job for job in batch.jobs if job.done is None]
    return waiting


@dataclass(slots=True)
class Batch:
    """What one transaction writes, in this order.

    `acks` are the (node, boot, high, bitmap) that may be acknowledged once it is synced.
    """

    jobs: list[Job] = field(default_factory=list[Job])
    records: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    gaps: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    boots: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    acks: list[tuple[str, int, int, int]] = field(default_factory=list[tuple[str, int, int, int]])
    results: list[Any] = field(default_factory=list[Any])
    """Of `jobs`, filled by the writer: a value or a PaifangError each."""
    inserted: int = 0


class Writer(threading.Thread):
    """Writes the batches given to `submit`, one at a time, in order.

    `committed(batch)` and `failed(error, jobs given up)` are called in this thread. A batch that the disk refuses is
    tried again with backoff for as long as the gateway runs; it is given up only on the way out.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        path: str,
        committed: Callable[[Batch], object],
        failed: Callable[[PaifangError, list[Job]], object],
    ) -> None:
        super().__init__(name="paifang-store", daemon=True)
        self._connect = connect
        self._path = path
        self._committed = committed
        self._failed = failed
        self._batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._connection: Connection | None = None

    def submit(self, batch: Batch) -> None:
        self._batches.put(batch)

    def close(self) -> None:
        """End the thread after the batches given so far; one that the disk refuses gets a last try."""
        self._closing.set()
        self._batches.put(None)

    def run(self) -> None:
        while (batch := self._batches.get()) is not None:
            self._write(batch)
        self._disconnect()

    def _write(self, batch: Batch) -> None:
        delay_s = RETRY_FIRST_S
        while True:
            last_try = self._closing.is_set()
            if self.attempt(batch) or last_try:
                return
            self._closing.wait(delay_s)
            delay_s = min(2 * delay_s, RETRY_LONGEST_S)

    def attempt(self, batch: Batch) -> bool:
        """Write `batch` once, tell how that went, and return whether it is stored."""
        try:
            self._commit(batch)
        except Exception as error:  # noqa: BLE001 - whatever it was, the batch is not stored
            problem = error if isinstance(error, PaifangError) else explain(error, self._path)
            self._disconnect()
            self._failed(problem, split_waiting(batch))
            return False
        self._committed(batch)
        return True

    def _commit(self, batch: Batch) -> None:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            batch.results = [_run(job, connection) for job in batch.jobs]
            batch.inserted = _RECORDS.insert(connection, batch.records)
            _GAPS.insert(connection, batch.gaps)
            _BOOTS.insert(connection, batch.boots)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _disconnect(self) -> None:
        if self._connection is not None:
            close(self._connection)
            self._connection = None


def _run(job: Job, connection: Connection) -> Any:
    """The job's result, or the PaifangError that it ended in; faults of the disk go on to the batch."""
    try:
        with connection:
            return job.write(connection)
    except PaifangError as error:
        return error
    except STORAGE_FAULTS:
        raise
    except apsw.Error as error:
        return explain(error, "the store")
