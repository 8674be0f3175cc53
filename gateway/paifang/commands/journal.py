"""The audit log as commands meet it: what is logged, by whom, and what happens while it cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paifang.audit.entries import Entry
    from paifang.audit.log import AuditLog
    from paifang.errors import PaifangError

GATEWAY = "gateway"
"""The actor of what nobody asked for."""


class Journal:
    """Writes entries to `log`. One that could not be opened is None, and `problem` says why: nothing is logged then."""

    def __init__(self, log: AuditLog | None, problem: PaifangError | None = None) -> None:
        self.log = log
        self.unlogged = 0
        """Entries that there was no log for."""
        self._problem = problem

    @property
    def broken(self) -> PaifangError | None:
        """Why nothing can be logged now; None while all is well."""
        return self._problem if self.log is None else self.log.broken

    @property
    def size(self) -> int:
        return 0 if self.log is None else self.log.size

    async def record(self, kind: str, subject: str, actor: str, **detail: Any) -> int:
        """The index of the entry once it is on the disk. Raises PaifangError when it could not be logged."""
        if self.log is None:
            assert self._problem is not None
            raise self._problem
        return await self.log.record(kind, subject, actor, detail)

    def note(self, kind: str, subject: str, actor: str, **detail: Any) -> None:
        """Log without waiting; while the log is broken, it comes later, as an "audit-late"."""
        if self.log is None:
            self.unlogged += 1
        else:
            self.log.note(kind, subject, actor, detail)

    def since(self, first: int) -> Iterable[Entry]:
        """Every entry from an index on."""
        return () if self.log is None else self.log.since(first)
