"""Sending: logged first, sent once, answered by a receipt or by nothing; never queued and never repeated.

A command without its receipt stays open until the node has been asked for it (`recall`) and has answered: with the
receipt that it kept, or that it kept none. Either is the one verdict of the command, here and in the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from paifang.commands.journal import GATEWAY
from paifang.commands.rates import Rates
from paifang.commands.refusals import offline, unlogged
from paifang.errors import PaifangError
from paifang.store import commands
from paifang_wire import messages, names
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from paifang.commands.journal import Journal
    from paifang.commands.target import Target
    from paifang.store import Store
    from paifang.store.commands import Command

SAFE_LOG_S = 0.25
"""So long the safe state waits for the log; then it goes first."""
RECALL_S = 1.0
"""So long who waits for a verdict waits for the answer to a recall."""
RECALL_EVERY_S = 30.0
"""On a serial line a recall or its answer may be lost."""
OPEN_MOST_MS = 7 * 86_400_000
"""A node that has not answered for so long has another gateway, or none any more."""
RECENT = 2_000
"""Commands as they are now; of others the store knows."""
STOP_S = 5.0
"""What is being logged when the gateway stops has this long."""
STRAY_A_MINUTE = 30
"""Receipts of a node that answer nothing of ours, which are logged all the same; more are only counted."""

_NO_HASH = bytes(32)
_MOST = 1 << 31
_log = logging.getLogger(__name__)


class Open:
    """A command without a verdict: in `session` it was sent, None if that was before this gateway started."""

    __slots__ = ("command", "command_hash", "done", "recalled", "session")

    def __init__(self, command: Command, session: object) -> None:
        assert command.payload is not None
        self.command = command
        self.command_hash = hashlib.sha256(command.payload).digest()
        self.session = session
        self.recalled = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Dispatcher:
    """Sends commands and settles them. `target(node)` is the live session of a node, None when there is none."""

    def __init__(
        self, store: Store, journal: Journal, target: Callable[[str], Target | None], utc_ms: Callable[[], int]
    ) -> None:
        self.open: dict[bytes, Open] = {}
        self.ignored_receipts = 0
        self._store = store
        self._journal = journal
        self._target = target
        self._utc_ms = utc_ms
        self._unsettled: dict[bytes, int] = {}
        self._recent: OrderedDict[bytes, Command] = OrderedDict()
        self._stray = Rates(STRAY_A_MINUTE)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._recaller: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._recaller = asyncio.get_running_loop().call_later(RECALL_EVERY_S, self._recall_all)

    async def stop(self) -> None:
        """Tell whoever waits that the verdict is not known; what is open stays open."""
        if self._recaller is not None:
            self._recaller.cancel()
        for waiting in self.open.values():
            if not waiting.done.done():
                waiting.done.set_result(None)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S)
        for task in list(self._tasks):
            task.cancel()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Have `work` done, and wait for nobody."""
        self._spawn(work)

    async def outlive(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run `work` to its end though its caller may have gone."""
        return await asyncio.shield(self._spawn(work))

    async def send(self, command: Command, expect: int | None, deadline_ms: int, log: Mapping[str, Any]) -> None:
        """Log and send `command`, and wait for its verdict until the node's uptime is `deadline_ms` and a little more.

        Without an answer `command.verdict` stays None. `log` is what the log says of it besides. Raises PaifangError
        when nothing was sent.
        """
        target = self._target(command.node)
        if target is None:
            raise offline(command.node)
        fields = [command.id, command.point, command.op, command.value, expect, deadline_ms]
        is_signed = command.approval is not None  # the node checks signatures of two persons or none
        signatures = [command.signed, command.approval] if is_signed else [None, None]
        message = [messages.COMMAND, *fields, *signatures]
        command.payload = messages.encode(message)
        held = self._unsettled.get(command.id)
        self._unsettled[command.id] = self._journal.size if held is None else held
        try:
            await self._log_first(command, log)
        except BaseException:
            if held is None:
                del self._unsettled[command.id]
            raise
        await self._send_logged(command, target, message, deadline_ms)

    async def log_pending(self, command: Command, log: Mapping[str, Any]) -> int:
        """The index of the entry of a command that waits for approval. Raises PaifangError when it was not logged."""
        self._unsettled[command.id] = self._journal.size
        detail = {name: value for name, value in log.items() if name != "actor"}
        try:
            return await self._journal.record("pending", command.node, str(log["actor"]), **detail)
        except PaifangError as error:
            del self._unsettled[command.id]
            raise unlogged(error) from error

    def take_receipt(self, node: str, receipt: list[Any], payload: bytes) -> None:
        """A receipt that `node` sent; one that answers no open command is counted and changes nothing."""
        _, identifier, command_hash, verdict, reason = receipt[:5]
        waiting = self.open.get(identifier)
        if waiting is None or waiting.command.node != node:
            self._take_stray(node, identifier, payload)
            return
        is_unkept = (verdict, reason, command_hash) == (messages.UNKNOWN, messages.NOT_KEPT, _NO_HASH)
        if not waiting.recalled if is_unkept else command_hash != waiting.command_hash:
            self._take_stray(node, identifier, payload)
            return
        self._end(waiting, receipt, payload)

    def promoted(self, node: str) -> None:
        """The node has a new session: ask it for what it was told in earlier ones."""
        target = self._target(node)
        for waiting in list(self.open.values()):
            if target is not None and waiting.command.node == node and waiting.session != target.session:
                self._recall(waiting, target)

    def adopt(self, command: Command) -> None:
        """A command of before the start that has no verdict: it is open again."""
        assert command.entry is not None
        self._unsettled[command.id] = command.entry
        self.open[command.id] = Open(command, None)

    def keep(self, command: Command, verdict_entry: int | None = None) -> None:
        """Have the command's row written as it is now; `verdict_entry` is where the log has its verdict."""
        settled = None
        if verdict_entry is not None:
            self._unsettled.pop(command.id, None)
            settled = min(self._unsettled.values(), default=verdict_entry + 1)
            if command.entry is None:  # logged late, but before its verdict
                command.entry = verdict_entry
        self._recent[command.id] = command
        self._recent.move_to_end(command.id)
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        row = command.row
        self._store.write(lambda connection: commands.put(connection, row, settled))

    async def find(self, identifier: bytes) -> Command | None:
        """A command by its id, as it is now. Raises PaifangError when the store cannot be read."""
        found = self._recent.get(identifier)
        if found is not None:
            return found
        return await self._store.read(lambda connection: commands.find(connection, identifier))

    def hold(self, command: Command, entry: int) -> None:
        """The log's entries from `entry` on are looked at again at the next start, until the command has a verdict."""
        self._unsettled[command.id] = entry

    async def verdict(self, command: Command, verdict: int, reason: int, why: str | None = None) -> None:
        """End a command that never reached its node."""
        detail = {"verdict": names.VERDICTS[verdict], "reason": names.REFUSALS[reason] if reason else None, "why": why}
        entry = await self._log_verdict(command, GATEWAY, detail)
        command.verdict, command.reason, command.ended_ms = verdict, reason, self._utc_ms()
        self.keep(command, entry)

    def expire(self, command: Command) -> None:
        """End a command that was never approved."""
        self._spawn(self.expired(command))

    async def expired(self, command: Command) -> None:
        detail = {"verdict": names.VERDICTS[messages.REFUSED], "reason": names.REFUSALS[messages.EXPIRED]}
        entry = await self._log_verdict(command, GATEWAY, detail, "expired")
        command.verdict, command.reason, command.ended_ms = messages.REFUSED, messages.EXPIRED, self._utc_ms()
        self.keep(command, entry)

    # Sending

    async def _log_first(self, command: Command, log: Mapping[str, Any]) -> None:
        actor = str(log["actor"])
        detail = {name: value for name, value in log.items() if name != "actor"}
        detail |= {"id": command.id, "op": names.OPS[command.op], "payload": command.payload}
        if command.op != messages.OP_SAFE:
            try:
                command.entry = await self._journal.record("command", command.node, actor, **detail)
            except PaifangError as error:
                raise unlogged(error) from error
            return
        logging_ = self._spawn(self._log_safe(command, actor, detail))
        await asyncio.wait({logging_}, timeout=SAFE_LOG_S)

    async def _log_safe(self, command: Command, actor: str, detail: Mapping[str, Any]) -> None:
        try:
            command.entry = await self._journal.record("command", command.node, actor, **detail)
        except PaifangError as error:
            _log.warning("the safe state of %s is logged late: %s", command.node, error)
            self._journal.note("command", command.node, actor, **detail)

    async def _send_logged(self, command: Command, target: Target, message: list[Any], deadline_ms: int) -> None:
        now = self._target(command.node)
        if now is None or now.boot != target.boot or now.description != target.description:
            await self.verdict(command, messages.REFUSED, 0, "offline")
            raise offline(command.node)
        command.sent_ms = self._utc_ms()
        waiting = self.open[command.id] = Open(command, now.session)
        self.keep(command)
        try:
            now.send(message)
        except WireError:
            del self.open[command.id]
            await self.verdict(command, messages.REFUSED, 0, "offline")
            raise offline(command.node) from None
        await self._wait(waiting, max(deadline_ms - now.uptime_ms(), 0) / 1000)

    async def _wait(self, waiting: Open, time_s: float) -> None:
        await asyncio.wait({waiting.done}, timeout=time_s)
        if waiting.done.done():
            return
        target = self._target(waiting.command.node)
        if target is not None:
            self._recall(waiting, target)
            await asyncio.wait({waiting.done}, timeout=RECALL_S)

    # Settling

    def _recall(self, waiting: Open, target: Target) -> None:
        waiting.recalled = True
        try:
            target.send([messages.RECALL, waiting.command.id])
        except WireError as error:
            _log.info("cannot ask %s for a receipt: %s", target.node, error)

    def give_up(self, node: str) -> None:
        """The node is removed: what it has not answered, it will not answer."""
        for waiting in list(self.open.values()):
            if waiting.command.node == node:
                self._abandon(waiting, "the node was removed")

    def _abandon(self, waiting: Open, why: str) -> None:
        del self.open[waiting.command.id]
        self._spawn(self._abandoned(waiting, why))

    async def _abandoned(self, waiting: Open, why: str) -> None:
        await self.verdict(waiting.command, messages.UNKNOWN, 0, why)
        if not waiting.done.done():
            waiting.done.set_result(None)

    def _recall_all(self) -> None:
        """Once more, all that are open and that nobody waits for."""
        self.start()
        oldest_ms = self._utc_ms() - OPEN_MOST_MS
        for waiting in list(self.open.values()):
            if (waiting.command.sent_ms or 0) < oldest_ms:
                self._abandon(waiting, "no answer for a week")
                continue
            target = self._target(waiting.command.node)
            if target is not None and waiting.recalled:
                self._recall(waiting, target)

    def _take_stray(self, node: str, identifier: bytes, payload: bytes) -> None:
        """A receipt of another gateway's command, or of one that has its verdict, is evidence at least."""
        self.ignored_receipts += 1
        if self._stray.take(node, asyncio.get_running_loop().time()):
            self._journal.note("receipt", node, node, id=identifier, receipt=payload)

    def _end(self, waiting: Open, receipt: list[Any], payload: bytes) -> None:
        del self.open[waiting.command.id]
        self._spawn(self._settle(waiting, receipt, payload))

    async def _settle(self, waiting: Open, receipt: list[Any], payload: bytes) -> None:
        """Log the verdict, and tell it only then; but who made safe is told at once, whatever the log does."""
        command, node = waiting.command, waiting.command.node
        _, _, _, verdict, reason, before, after = receipt[:7]
        detail = {
            "verdict": _name(names.VERDICTS, verdict),
            "reason": _name(names.REFUSALS, reason) if reason else None,
            "before": before,
            "after": after,
            "receipt": payload,
        }
        if command.op == messages.OP_SAFE:
            self._tell(waiting, verdict, reason, payload)
        self._journal.note("receipt", node, node, id=command.id, receipt=payload)
        entry = await self._log_verdict(command, node, detail)
        self._tell(waiting, verdict, reason, payload)
        self.keep(command, entry)

    def _tell(self, waiting: Open, verdict: int, reason: int, payload: bytes) -> None:
        command = waiting.command
        command.verdict, command.reason = min(verdict, len(names.VERDICTS)), min(reason, _MOST)
        command.receipt, command.ended_ms = payload, command.ended_ms or self._utc_ms()
        if not waiting.done.done():
            waiting.done.set_result(None)

    async def _log_verdict(
        self, command: Command, actor: str, detail: Mapping[str, Any], kind: str = "verdict"
    ) -> int | None:
        """The index of the entry, None when it will be logged late."""
        try:
            return await self._journal.record(kind, command.node, actor, id=command.id, **detail)
        except PaifangError:
            self._journal.note(kind, command.node, actor, id=command.id, **detail)
            return None

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _name(table: tuple[str, ...], number: int) -> str:
    return table[number] if number < len(table) else str(number)
