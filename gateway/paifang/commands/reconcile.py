"""After a start: what the log's end and the store say of each command is brought together again.

A power cut may have left an entry without a row, a row older than its entry, or a verdict on one side only. The log is
written first, so it leads; what only the store knows (the log was broken then) is logged late. A command without a
verdict anywhere is open again, and its node will be asked.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.commands import answers, entries
from paifang.commands.journal import GATEWAY
from paifang.errors import PaifangError
from paifang.store import commands
from paifang_wire import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.audit.entries import Entry
    from paifang.commands.dispatch import Dispatcher
    from paifang.commands.journal import Journal
    from paifang.commands.pending import Pendings
    from paifang.store import Store
    from paifang.store.commands import Command

_ENDS = ("verdict", "expired")
_BEGINS = ("command", "pending")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Trace:
    """What is known of one command: by the log (`begun`, and `ended` with its verdict), and by the store."""

    row: Command | None = None
    begun: Command | None = None
    ended: Entry | None = None


class Reconciler:
    def __init__(
        self, store: Store, journal: Journal, dispatcher: Dispatcher, pendings: Pendings, utc_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._journal = journal
        self._dispatcher = dispatcher
        self._pendings = pendings
        self._utc_ms = utc_ms
        self._is_readable = journal.log is not None

    async def run(self) -> dict[str, int]:
        """Returns how many commands are open again, wait again, and were settled on one side."""
        first = await self._store.read(commands.settled)
        if first > self._journal.size:
            _log.warning("the audit log is shorter than the store remembers it: all of it is looked at")
            first = 0
        try:
            traces = await asyncio.to_thread(self._read_log, first)
        except PaifangError as error:
            _log.error("commands are taken from the store alone: %s", error)
            traces = {}
            self._is_readable = False
        for row in await self._store.read(commands.unsettled):
            traces.setdefault(row.id, Trace()).row = row
        await self._read_rows(traces)
        counts = {"open": 0, "pending": 0, "settled": 0}
        for trace in traces.values():
            counts[await self._settle(trace)] += 1
        await self._store.flush()
        return counts

    def _read_log(self, first: int) -> dict[bytes, Trace]:
        traces: dict[bytes, Trace] = {}
        for entry in self._journal.since(first):
            kind, detail = entries.plain(entry)
            if kind not in _BEGINS and kind not in _ENDS:
                continue
            trace = traces.setdefault(detail["id"], Trace())
            if kind in _ENDS:
                trace.ended = trace.ended or entry
            else:
                trace.begun = entries.command_of(entry)
        return traces

    async def _read_rows(self, traces: dict[bytes, Trace]) -> None:
        missing = [identifier for identifier, trace in traces.items() if trace.row is None]
        unlogged = await self._store.read(commands.unlogged)
        found = await self._store.read(
            lambda connection: [row for each in missing if (row := commands.find(connection, each)) is not None]
        )
        for row in [*found, *unlogged]:
            traces.setdefault(row.id, Trace()).row = row

    async def _settle(self, trace: Trace) -> str:
        command = trace.row or trace.begun
        if command is None:
            return "settled"  # its beginning is before what the store has settled
        if trace.begun is not None:
            command.entry = trace.begun.entry
            if trace.begun.payload is not None and command.sent_ms is None:
                command = trace.begun
        if trace.ended is not None:
            return self._end(command, trace.ended)
        if trace.begun is None and command.sent_ms is not None and self._is_readable:
            await self._log_late(command)
        if command.verdict is not None:
            return await self._log_verdict(command) if self._is_readable else "settled"
        if command.sent_ms is None:
            return await self._wait_again(command)
        if command.entry is None:
            command.entry = self._journal.size
        self._dispatcher.adopt(command)
        self._dispatcher.keep(command)
        return "open"

    def _end(self, command: Command, entry: Entry) -> str:
        if command.verdict is None:
            entries.settle(command, entry)
        self._dispatcher.keep(command, entry.index)
        return "settled"

    async def _log_late(self, command: Command) -> None:
        detail = {"op": names.OPS[command.op], "point": command.point, "value": command.value}
        detail |= {"person": command.person, "via": command.via, "payload": command.payload, "sent_ms": command.sent_ms}
        detail |= {"description": command.description, "order": command.signed, "approval": command.approval}
        detail |= {"uid": command.uid, "approver": command.approver, "asked_ms": command.asked_ms}
        detail |= {"expires_ms": command.expires_ms, "id": command.id, "late": True}
        command.entry = await self._record("command", command, command.person, detail)

    async def _log_verdict(self, command: Command) -> str:
        assert command.verdict is not None
        detail: dict[str, Any] = {
            "id": command.id,
            "verdict": answers.verdict(command),
            "reason": answers.reason(command),
            "receipt": command.receipt,
            "late": True,
        }
        index = await self._record("verdict", command, GATEWAY, detail)
        self._dispatcher.keep(command, index)
        return "settled"

    async def _wait_again(self, command: Command) -> str:
        assert command.expires_ms is not None
        if command.entry is not None:
            self._dispatcher.hold(command, command.entry)
        if command.expires_ms <= self._utc_ms():
            await self._dispatcher.expired(command)
            return "settled"
        self._pendings.add(command)
        return "pending"

    async def _record(self, kind: str, command: Command, actor: str, detail: dict[str, Any]) -> int | None:
        try:
            return await self._journal.record(kind, command.node, actor, **detail)
        except PaifangError:
            return None
