"""The one thread that writes the log: a group of entries is one synced append, told of only then."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.audit import entries
from paifang.errors import PaifangError, resource_error

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    from paifang.audit.ledger import Ledger

RETRY_FIRST_S = 0.1
RETRY_LONGEST_S = 5.0

_OUTAGE = "gateway"


@dataclass(slots=True)
class Pending:
    """An entry on its way to the disk. `done` is the future of who waits for its index; a note has none."""

    utc_ms: int
    kind: str
    subject: str
    actor: str
    detail: Mapping[str, Any]
    done: asyncio.Future[int] | None

    def encoded(self) -> bytes:
        """The entry's bytes. Raises ValueError."""
        return entries.encode(self.utc_ms, self.kind, self.subject, self.actor, self.detail)

    def encoded_late(self, utc_ms: int) -> bytes:
        """As an "audit-late", written at `utc_ms`."""
        detail = {"kind": self.kind, "utc_ms": self.utc_ms, "detail": dict(self.detail)}
        return entries.encode(utc_ms, entries.LATE, self.subject, self.actor, detail)


class Writer(threading.Thread):
    """Appends to `ledger` what is submitted, and publishes it `publish_s` later.

    When the disk refuses, `problem` says why: who waits is told, notes are kept (at most `late_limit`, then counted as
    `lost`), and it is tried again with backoff; what was kept then goes into the log behind an entry about the outage.
    """

    def __init__(
        self,
        ledger: Ledger,
        utc_ms: Callable[[], int],
        explain: Callable[[OSError], PaifangError],
        *,
        publish_s: float,
        late_limit: int,
    ) -> None:
        super().__init__(name="paifang-audit", daemon=True)
        self.problem: PaifangError | None = None
        self.late: list[Pending] = []
        self.lost = 0
        self._ledger = ledger
        self._utc_ms = utc_ms
        self._explain = explain
        self._publish_s = publish_s
        self._late_limit = late_limit
        self._group: list[tuple[Pending, bytes]] = []
        self._asked: list[asyncio.Future[None]] = []
        self._closing = False
        self._wake = threading.Condition()
        self._due_s: float | None = None
        self._delay_s = RETRY_FIRST_S
        self._since_ms: int | None = None

    def submit(self, entry: Pending) -> None:
        """Take in one entry. Raises ValueError when it cannot be encoded, PaifangError after `close`."""
        data = entry.encoded()
        with self._wake:
            self._check_open()
            self._group.append((entry, data))
            self._wake.notify()

    def ask_publish(self, done: asyncio.Future[None]) -> None:
        """Publish now, and tell `done`. Raises PaifangError after `close`."""
        with self._wake:
            self._check_open()
            self._asked.append(done)
            self._wake.notify()

    def close(self) -> None:
        """End the thread after a last try to write and publish everything."""
        with self._wake:
            self._closing = True
            self._wake.notify()

    def run(self) -> None:
        closing = False
        while not closing:
            group, asked, closing = self._take()
            if self.problem is not None:
                self._keep(group)
                group = []
            try:
                if self.problem is None:
                    self._write(group)
                else:
                    self._write_late()
                group = []
                if asked or closing or self.problem is not None or self._is_due():
                    self._ledger.publish()
                    self._due_s = None
                self.problem, self._delay_s = None, RETRY_FIRST_S
                _tell([(done, None) for done in asked])
            except Exception as error:  # noqa: BLE001 - whatever it was, the log does not grow
                self._fail(error, group, asked)
        with contextlib.suppress(OSError):
            self._ledger.close()

    def _check_open(self) -> None:
        if self._closing:
            raise PaifangError("the audit log is closed", code="closed")

    def _take(self) -> tuple[list[tuple[Pending, bytes]], list[asyncio.Future[None]], bool]:
        """Wait for work (while the disk fails, for the time of the next try) and take all of it."""
        with self._wake:
            if self.problem is not None:
                self._wake.wait_for(lambda: self._closing, self._delay_s)
            else:
                rest_s = None if self._due_s is None else max(self._due_s - time.monotonic(), 0)
                self._wake.wait_for(lambda: self._group or self._asked or self._closing, rest_s)
            group, self._group = self._group, []
            asked, self._asked = self._asked, []
            return group, asked, self._closing

    def _is_due(self) -> bool:
        return self._due_s is not None and time.monotonic() >= self._due_s

    def _write(self, group: list[tuple[Pending, bytes]]) -> None:
        if not group:
            return
        first = self._ledger.append([data for _, data in group])
        if self._due_s is None:
            self._due_s = time.monotonic() + self._publish_s
        _tell([(entry.done, index) for index, (entry, _) in enumerate(group, first) if entry.done is not None])

    def _keep(self, group: list[tuple[Pending, bytes]]) -> None:
        """Keep the notes of a group that cannot be written, tell those who wait for the others."""
        for entry, _ in group:
            if entry.done is None and len(self.late) < self._late_limit:
                self.late.append(entry)
            elif entry.done is None:
                self.lost += 1
        _tell([(entry.done, self.problem) for entry, _ in group if entry.done is not None])

    def _write_late(self) -> None:
        """Log the outage and the notes kept during it. Raises OSError."""
        now_ms = self._utc_ms()
        found: list[bytes] = []
        if self._since_ms is not None:
            detail = {"since_ms": self._since_ms, "problem": str(self.problem), "late": len(self.late)}
            found.append(entries.encode(now_ms, entries.LATE, _OUTAGE, _OUTAGE, {**detail, "lost": self.lost}))
        self._ledger.append([*found, *(entry.encoded_late(now_ms) for entry in self.late)])
        self.late, self.lost, self._since_ms = [], 0, None

    def _fail(
        self, error: Exception, group: list[tuple[Pending, bytes]], asked: Sequence[asyncio.Future[None]]
    ) -> None:
        if self.problem is None:
            self._since_ms = self._utc_ms()
        self.problem = self._problem_of(error)
        self._keep(group)
        _tell([(done, self.problem) for done in asked])
        self._delay_s = min(2 * self._delay_s, RETRY_LONGEST_S)

    def _problem_of(self, error: Exception) -> PaifangError:
        if isinstance(error, PaifangError):
            return error
        if isinstance(error, OSError):
            return self._explain(error)
        hint = "this is a fault of the gateway: please report it"
        return resource_error(f"the audit log: {type(error).__name__}: {error}", hint)


def _tell(results: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    """Give futures their results, or errors, in their own loops."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for done, result in results:
        by_loop.setdefault(done.get_loop(), []).append((done, result))
    for loop, found in by_loop.items():
        with contextlib.suppress(RuntimeError):  # a loop that is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, found)


def _resolve(results: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for done, result in results:
        if done.done():
            continue
        if isinstance(result, PaifangError):
            done.set_exception(result)
        else:
            done.set_result(result)
