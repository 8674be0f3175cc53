"""The log as the gateway uses it: written from the event loop, read from anywhere."""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING, Any

from paifang.audit import opening, reading
from paifang.audit.disk import PRIVATE_FOLDER, Disk
from paifang.audit.writer import Pending, Writer
from paifang.errors import PaifangError, resource_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from paifang.audit.entries import Entry

LATE_LIMIT = 10_000
"""Notes kept in memory while the disk does not take them; more are only counted."""
PUBLISH_MS = 1_000


class AuditLog:
    """The audit log in `folder`, called `origin` (see `checkpoints.origin_of`). `utc_ms()` dates its entries.

    `note` and everything that reads may be called from any thread, between `open` and `close`; `record` and `publish`
    from an event loop. Checkpoint and tiles follow the entries within `publish_ms`.
    """

    def __init__(
        self,
        folder: Path,
        origin: str,
        utc_ms: Callable[[], int],
        *,
        disk: Disk | None = None,
        publish_ms: int = PUBLISH_MS,
        late_limit: int = LATE_LIMIT,
    ) -> None:
        self.folder = folder
        self.origin = origin
        self._utc_ms = utc_ms
        self._disk = disk or Disk()
        self._publish_ms = publish_ms
        self._late_limit = late_limit

    async def open(self, *, may_begin: bool = True) -> None:
        """Open the log, or make it at the first start. Raises PaifangError: one that is damaged is not gone on with.

        A gateway that knows that it has logged before says that the log may not begin now: then one that is gone is an
        error too.
        """
        self._lock = _lock(self.folder)
        try:
            self._ledger = await asyncio.to_thread(
                opening.open_ledger, self.folder, self.origin, self._disk, may_begin=may_begin
            )
        except BaseException:
            os.close(self._lock)
            raise
        self._writer = Writer(
            self._ledger,
            self._utc_ms,
            lambda error: opening.explain(error, self.folder),
            publish_s=self._publish_ms / 1000,
            late_limit=self._late_limit,
        )
        self._writer.start()

    async def close(self) -> None:
        """Write and publish what there is. Raises PaifangError when something could not be written."""
        self._writer.close()
        await asyncio.to_thread(self._writer.join)
        os.close(self._lock)
        if self._writer.problem is not None:
            raise self._writer.problem

    # Writing

    def record(
        self, kind: str, subject: str, actor: str, detail: Mapping[str, Any] | None = None
    ) -> asyncio.Future[int]:
        """Log an entry; awaited, this returns its index once it is on the disk. Entries keep the order of the calls.

        Raises PaifangError while the log is `broken`, here or when awaited: the entry is not logged then (only if the
        power goes before the disk recovers, it may be). Raises ValueError for a detail that has no place in CBOR.
        """
        if self.broken is not None:
            raise self.broken
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._writer.submit(Pending(self._utc_ms(), kind, subject, actor, detail or {}, done))
        return done

    def note(self, kind: str, subject: str, actor: str, detail: Mapping[str, Any] | None = None) -> None:
        """Log an entry without waiting. While the log is `broken` it is kept and written later as an "audit-late"."""
        self._writer.submit(Pending(self._utc_ms(), kind, subject, actor, detail or {}, None))

    def publish(self) -> asyncio.Future[None]:
        """Awaited, the checkpoint covers every entry that was on the disk before. Raises PaifangError."""
        if self.broken is not None:
            raise self.broken
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer.ask_publish(done)
        return done

    @property
    def broken(self) -> PaifangError | None:
        """Why nothing can be logged now; None while all is well."""
        return self._writer.problem

    @property
    def late(self) -> int:
        """Notes that wait in memory for the disk to work again."""
        return len(self._writer.late)

    @property
    def lost(self) -> int:
        """Notes that found no room in memory; the log will say how many, once it works again."""
        return self._writer.lost

    # Reading

    @property
    def size(self) -> int:
        """Entries that are on the disk."""
        return self._ledger.size

    @property
    def public_key(self) -> str:
        """The log's public key as text: what whoever verifies it needs, from another place than the log."""
        return self._ledger.verifier.vkey

    @property
    def public_folder(self) -> Path:
        """Checkpoint and tiles: what a witness copies."""
        return self._ledger.public

    def checkpoint(self) -> str:
        """The newest signed note."""
        return self._ledger.note

    def read_raw(self, first: int, last: int) -> list[bytes]:
        """The bytes of the entries first … last, as far as there are. Raises PaifangError."""
        begin, recent = self._ledger.recent(first, last + 1)
        return reading.bundled(self._ledger.public, first, min(begin, last + 1), begin) + recent

    def read(self, first: int, last: int) -> list[Entry]:
        """The entries first … last, as far as there are. Raises PaifangError."""
        return reading.decoded(first, self.read_raw(first, last))

    def since(self, first: int) -> Iterator[Entry]:
        """Every entry from index `first` on, to the end that the log has when this begins. Raises PaifangError."""
        return reading.since(self, first)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that entry `index` is in the tree of `size` entries. Raises PaifangError for a wrong index."""
        return reading.inclusion(self._ledger.view(), index, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the first `old` of `new` entries are the same. Raises PaifangError for wrong sizes."""
        return reading.consistency(self._ledger.view(), old, new)


def _lock(folder: Path) -> int:
    """Make the folder this log's alone and return the file that keeps it so. Raises PaifangError."""
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise opening.explain(error, folder) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        message = f"another gateway writes the audit log in {folder}"
        raise resource_error(message, "stop it first, or choose another data folder") from error
    return file
