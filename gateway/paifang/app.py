"""The gateway put together: the one place where its parts learn of one another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import sys
from typing import TYPE_CHECKING, Any

from paifang.archive.restore import finish as finish_restore
from paifang.audit.checkpoints import origin_of
from paifang.audit.log import AuditLog
from paifang.bridges.service import BridgeService
from paifang.bridges.ward.bridged import Clock
from paifang.commands.journal import GATEWAY, Journal
from paifang.commands.room import CommandRoom, Outside
from paifang.commands.target import TWO_PERSONS_CLASS
from paifang.config.folder import lock
from paifang.config.names import split_listen
from paifang.config.places import AUDIT_FOLDER, STORE_FILE
from paifang.control.authority import Authority
from paifang.control.server import ControlServer
from paifang.coordination import Coordination
from paifang.enrolment import Enrolment
from paifang.errors import EXIT_USAGE, PaifangError
from paifang.feed import Feed
from paifang.metrics.service import Metrics, Sources
from paifang.nodes.clocks import Clocks, ClockWatch
from paifang.nodes.desk import estimate_uptime_ms, latest_values
from paifang.nodes.service import Line, Listen, NodeService
from paifang.north.kinds import Ward
from paifang.north.service import SinkService
from paifang.operations import Operations
from paifang.operations.air import AirOperations
from paifang.operations.bridges import BridgeOperations
from paifang.operations.callers import actor
from paifang.operations.commands import CommandOperations
from paifang.operations.insight import InsightOperations
from paifang.operations.nodes import NodeOperations
from paifang.operations.records import RecordOperations
from paifang.operations.signals import SignalOperations
from paifang.operations.sinks import SinkOperations
from paifang.policy import Policy
from paifang.profiles.catalogue import Catalogue
from paifang.report import Commanding, Reporter
from paifang.scada import Scada, registers_of
from paifang.store import Store, commands
from paifang.store.retention import Limits
from paifang.store.upkeep import Upkeep
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from paifang.audit.disk import Disk
    from paifang.commands.target import Target
    from paifang.control.authority import Caller
    from paifang.nodes.links import Link
    from paifang.profiles.model import AnyProfile
    from paifang.settings import Settings
    from paifang.store import Batch
    from paifang.store.points import Point, PointTable

_BYTES_OF_MB = 1_000_000
REMIND_S = 10.0
NOT_YET = (messages.BUSY, messages.TOO_SOON)
"""Refusals of a node that may be asked again."""
SWITCH_INTERVAL_S = 0.0005
"""How long the store's thread waits for the interpreter while the event loop is busy; Python's own 5 ms would make
each commit ten times as long."""

_log = logging.getLogger(__name__)


class Gateway:
    """One gateway with `settings`. `vfs` and `synchronous` are the store's, `audit_disk` the log's, for tests.

    `on_stop` and `on_reload` are what the operations `stop` and `reload` call.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clocks: Clocks | None = None,
        vfs: str | None = None,
        synchronous: str = "FULL",
        audit_disk: Disk | None = None,
        on_stop: Callable[[], object] | None = None,
        on_reload: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.settings = settings
        self.on_stop = on_stop
        self.on_reload = on_reload
        self._clocks = clocks or Clocks()
        self.store = Store(
            settings.data / STORE_FILE,
            settled=self._settled,
            commit_ms=settings.store.commit_ms,
            vfs=vfs,
            synchronous=synchronous,
        )
        self._audit_disk = audit_disk
        self._stack = contextlib.AsyncExitStack()

    @property
    def tcp_address(self) -> tuple[str, int]:
        """Where nodes connect."""
        assert self.nodes.listener is not None
        return self.nodes.listener.host, self.nodes.listener.port

    async def start(self) -> None:
        """Store, audit log, control socket, links, in this order. Raises PaifangError and leaves nothing behind.

        A log that cannot be opened is no reason to leave the ward alone: it is `broken`, and only the safe state is
        commanded.
        """
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        _allow_many_connections()
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(os.close, lock(self.settings.data))
            if finish_restore(self.settings.data):
                _log.warning("a restore that was broken off is carried out")
            self.policy = Policy.load(self.settings.policy_folder, self.settings.site)
            await self.store.open()
            stack.push_async_callback(self.store.close)
            self.journal = await self._open_journal(stack)
            self._compose()
            await self.commands.open()
            self.journal.note("start", GATEWAY, GATEWAY, policy=self.policy.hash, keyset=self.commands.keysets.version)
            stack.callback(self.journal.note, "stop", GATEWAY, GATEWAY)
            stack.push_async_callback(self.commands.close)
            self._remind()
            stack.callback(self._end_reminding)
            self._watch.start()
            stack.callback(self._watch.stop)
            await self.control.start()
            stack.push_async_callback(self.control.stop)
            await self.nodes.start(*_places(self.settings))
            stack.push_async_callback(self._stop_links)
            await self.bridges.start(self.settings.bridges, Catalogue.of(self.settings.data))
            stack.push_async_callback(self.bridges.stop)
            await self.sinks.start(self.settings.sinks)
            stack.push_async_callback(self.sinks.stop)
            self.upkeep.start()
            stack.push_async_callback(self.upkeep.stop)
            await self.coordination.start()
            stack.push_async_callback(self.coordination.stop)
            await self.scada.start(self.settings.modbus_server)
            stack.push_async_callback(self.scada.stop)
            await self.metrics.start(self.settings.metrics)
            stack.push_async_callback(self.metrics.stop)
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Read nothing more, commit and acknowledge what is here, say goodbye, close.

        Raises PaifangError when something could not be stored; it was not acknowledged.
        """
        await self._stack.aclose()

    async def reload(self, settings: Settings) -> None:
        """Go on with other settings, keeping every node. Raises PaifangError and changes nothing."""
        for name, now, wanted in (
            ("site", self.settings.site, settings.site),
            ("data", self.settings.data, settings.data),
            ("control.socket", self.settings.socket_path, settings.socket_path),
        ):
            if now != wanted:
                message = f"{name} cannot change from {now} to {wanted} while the gateway runs"
                raise PaifangError(message, "stop it and start it again", code="restart", exit_code=EXIT_USAGE)
        policy = Policy.load(settings.policy_folder, settings.site)
        registers_of(settings.modbus_server)
        self.sinks.check(settings.sinks)
        prepared = await self.bridges.prepare(settings.bridges, Catalogue.of(settings.data))
        await self.nodes.reload(*_places(settings))
        await self.bridges.apply(prepared)
        await self.sinks.reload(settings.sinks)
        await self.coordination.reload(settings.signals)
        await self.scada.reload(settings.modbus_server)
        await self.metrics.reload(settings.metrics)
        self.settings = settings
        self._go_by(policy, GATEWAY)
        if self.commands.keysets.current is None:
            self.commands.keysets.open()
        self.store.commit_ms = settings.store.commit_ms

    async def _open_journal(self, stack: contextlib.AsyncExitStack) -> Journal:
        folder, site = self.settings.data / AUDIT_FOLDER, self.settings.site
        log = AuditLog(folder, origin_of(site), self._clocks.utc_ms, disk=self._audit_disk)
        has_logged = await self.store.read(commands.settled) > 0
        try:
            await log.open(may_begin=not has_logged)
        except PaifangError as error:
            _log.error("nothing is commanded but the safe state: %s", error)
            return Journal(None, error)
        stack.push_async_callback(_close_log, log)
        return Journal(log)

    def _compose(self) -> None:
        clocks, site = self._clocks, self.settings.site
        self.nodes = NodeService(site, self.store, clocks)
        self.bridges = BridgeService(self.store, Clock(clocks.monotonic, lambda: clocks.utc()[0], clocks.random))
        desk = self.nodes.desk
        outside = Outside(
            site=site,
            data=self.settings.data,
            roots_file=lambda: self.settings.roots_file,
            target=self._target,
            check=self._check,
            sessions=desk.sessions.values,
            table=desk.table,
            encoded_table=self.store.registry.descriptions.get,
            policy=lambda: self.policy,
            settings=lambda: self.settings.authority,
            utc_ms=clocks.utc_ms,
            monotonic=clocks.monotonic,
            random=clocks.random,
        )
        self.commands = CommandRoom(self.store, self.journal, outside)
        self.coordination = Coordination(
            self.settings, self.store, self.nodes, self.bridges.newest, self.commands, clocks
        )
        self.scada = Scada(site, self.store, desk.table, self.commands, clocks)
        self.feed = Feed(self.store, desk.table)
        self.sinks = SinkService(self.store, Ward(site, clocks.utc_ms, clocks.random, self._profile), desk.table)
        self.upkeep = Upkeep(
            self.store, desk.table, self._limits, clocks.utc_ms, self._imbalance, monotonic=clocks.monotonic
        )
        self.enrolment = Enrolment(self.store, self.nodes, self.journal, lambda: self.settings.roots_file)
        self.enrolment.on_removed = self.commands.dispatcher.give_up
        self.enrolment.is_bridged = self.bridges.devices.__contains__
        desk.on_receipt = self.commands.dispatcher.take_receipt
        desk.on_session = self._session
        desk.on_promoted = self._promoted
        desk.on_held = self._held
        self.bridges.on_receipt = self.commands.dispatcher.take_receipt
        self.bridges.on_session = self.feed.session
        self.bridges.on_up = self.commands.dispatcher.promoted
        self._watch = ClockWatch(clocks, self._clock_step)
        self._compose_control()

    def _compose_control(self) -> None:
        room = self.commands
        commanding = Commanding(self.journal, room.dispatcher, room.pendings, room.gates, room.keysets)
        report = Reporter(
            lambda: self.settings,
            self.store,
            self.nodes,
            self.bridges,
            commanding,
            self.feed,
            lambda: self.control.counts,
            self.coordination,
            self.scada,
            self.sinks,
        )
        desk, utc_ms = self.nodes.desk, self._clocks.utc_ms
        self.metrics = Metrics(
            Sources(self.settings.site, self.store, report, self.sinks.rows, self._imbalances, desk.table, utc_ms)
        )
        parts = (
            NodeOperations(self.enrolment, report),
            BridgeOperations(self.bridges, self.journal),
            CommandOperations(room.path, room.approvals, room.lookup, room.keysets, room.delegations),
            InsightOperations(self.coordination.congestion),
            SignalOperations(room.signals),
            SinkOperations(self.sinks, self.journal),
            AirOperations(self.store, self.nodes.desk.table, lambda: self.bridges.devices, self._clocks.utc_ms),
            RecordOperations(
                self.settings.site,
                self.journal,
                room.keysets,
                lambda: self.policy,
                self._reload_policy,
                self._clocks.utc_ms,
            ),
        )
        more = {op: handler for part in parts for op, handler in part.handlers().items()}
        self.operations = Operations(self.store, self.nodes, self.feed, report, more)
        self.operations.on_stop = self.on_stop
        self.operations.on_reload = self.on_reload
        self.control = ControlServer(
            self.settings.socket_path,
            self.operations.handlers(),
            Authority(self.settings.control, self.policy.roles_of),
            own_folder=self.settings.control.socket is None,
            on_denied=self._denied,
        )

    async def _reload_policy(self, caller: Caller) -> dict[str, Any]:
        """Read the policy's files again. Raises PaifangError and goes on with those in force."""
        self._go_by(Policy.load(self.settings.policy_folder, self.settings.site), actor(caller))
        return {"hash": self.policy.hash.hex(), "rules": len(self.policy.rules)}

    def _go_by(self, policy: Policy, who: str) -> None:
        if policy.hash != self.policy.hash:
            self.journal.note("policy", GATEWAY, who, hash=policy.hash, before=self.policy.hash)
        self.policy = policy
        self.control.allow(Authority(self.settings.control, policy.roles_of))

    def _denied(self, caller: Caller, op: str, role: str, times: int) -> None:
        self.journal.note("denied", op, actor(caller), role=role, times=times, pid=caller.pid)

    def _promoted(self, link: Link) -> None:
        self.enrolment.promoted(link)
        self.commands.signals.lost(link.node)
        self.commands.keysets.push(link)
        self.commands.dispatcher.promoted(link.node)

    def _session(self, node: str, connected: bool) -> None:
        self.feed.session(node, connected)
        if not connected:
            self.commands.signals.lost(node)

    def _held(self, link: Link, message: list[Any]) -> None:
        self.enrolment.held(link, message)
        self.commands.signals.held(link.node, message)
        _, what, _, refusal = message
        if what == messages.ROOTED_KEYSET and refusal and refusal not in NOT_YET:
            link.keyset_refused = self.commands.keysets.version

    def _remind(self) -> None:
        """What two roots have signed for a node may have been lost on its way, and its answer too."""
        for link in list(self.nodes.desk.sessions.values()):
            self.enrolment.remind(link)
            self.commands.keysets.push(link)
        self._reminder = asyncio.get_running_loop().call_later(REMIND_S, self._remind)

    def _end_reminding(self) -> None:
        self._reminder.cancel()

    def _imbalances(self) -> int | None:
        return None if self.upkeep.problems is None else len(self.upkeep.problems)

    def _limits(self) -> Limits:
        store = self.settings.store
        return Limits(store.keep_ms, store.budget_mb * _BYTES_OF_MB, store.pack_ms)

    def _clock_step(self, step_ms: int) -> None:
        self.journal.note("clock-step", GATEWAY, GATEWAY, ms=step_ms)
        self.upkeep.distrust_clock()

    def _imbalance(self, problems: list[str]) -> None:
        self.journal.note("balance", GATEWAY, GATEWAY, problems=len(problems), first=problems[0])

    def _settled(self, batch: Batch) -> None:
        self.nodes.desk.settled(batch)
        self.feed.settled(batch)
        self.coordination.settled(batch)
        self.scada.settled(batch)
        self.metrics.settled(batch)
        self.sinks.settled()

    def _profile(self, node: str) -> AnyProfile | None:
        found = self.bridges.devices.get(node)
        return None if found is None else found.planned.profile

    def _target(self, node: str) -> Target | None:
        link = self.nodes.desk.sessions.get(node)
        return self.bridges.target(node) if link is None else _Target(link, self._clocks)

    def _check(self, node: str) -> None:
        """Raise PaifangError unless this is a node, or a bridged device that can be commanded now."""
        if node in self.bridges.devices:
            self.bridges.check(node)
        else:
            self.store.registry.find(node)

    async def _stop_links(self) -> None:
        self.nodes.quiesce()
        with contextlib.suppress(PaifangError):  # closing the store tells
            await self.store.flush()
        await self.nodes.stop()


class _Target:
    """A live session as the commands see it."""

    def __init__(self, link: Link, clocks: Clocks) -> None:
        self._link = link
        self._clocks = clocks
        self.node = link.node
        self.table: PointTable | None = link.table
        self.session: object = link.number
        self.boot = link.boot.boot if link.boot else 0
        self.description = (link.boot.description if link.boot else None) or b""

    def two_persons(self, point: Point) -> bool:
        return point.point_class == TWO_PERSONS_CLASS

    def uptime_ms(self) -> int:
        return estimate_uptime_ms(self._link, self._clocks.monotonic())

    def values(self) -> dict[int, int]:
        return latest_values(self._link, self._clocks.monotonic())

    def send(self, message: Sequence[Any]) -> None:
        self._link.send(list(message))


async def _close_log(log: AuditLog) -> None:
    """What could not be logged was told as it happened."""
    try:
        await log.close()
    except PaifangError as error:
        _log.error("%s", error)


def _places(settings: Settings) -> tuple[Listen, list[Line]]:
    host, port = split_listen(settings.nodes.tcp.listen)
    lines = [Line(str(line.device), line.baud) for line in settings.nodes.serial]
    return Listen(host, port, settings.nodes.tcp.backlog), lines


def _allow_many_connections() -> None:
    """As many open files as the machine lets us have: a ward may be ten thousand nodes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
