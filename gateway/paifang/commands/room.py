"""All of the commands' path put together."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.commands.approvals import Approvals
from paifang.commands.delegations import Delegations
from paifang.commands.dispatch import Dispatcher
from paifang.commands.gates import Gates
from paifang.commands.givers import Givers
from paifang.commands.keysets import KeySets
from paifang.commands.lookup import Lookup
from paifang.commands.path import CommandPath, Tools
from paifang.commands.pending import Pendings
from paifang.commands.reconcile import Reconciler
from paifang.commands.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from paifang.commands.journal import Journal
    from paifang.commands.keysets import Session
    from paifang.commands.target import Target
    from paifang.policy import Policy
    from paifang.settings import AuthoritySettings
    from paifang.store import Store
    from paifang.store.points import PointTable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outside:
    """What the path needs of the rest: live sessions, point tables by their hash, what is in force, clocks.

    `check(name)` raises PaifangError unless there is such a node or device, and says why it takes no commands.
    """

    site: str
    data: Path
    roots_file: Callable[[], Path]
    target: Callable[[str], Target | None]
    check: Callable[[str], object]
    sessions: Callable[[], Iterable[Session]]
    table: Callable[[bytes | None], PointTable | None]
    encoded_table: Callable[[bytes], bytes | None]
    policy: Callable[[], Policy]
    settings: Callable[[], AuthoritySettings]
    utc_ms: Callable[[], int]
    monotonic: Callable[[], float]
    random: Callable[[int], bytes]


class CommandRoom:
    """The parts by their names; `open` and `close` are for the whole."""

    def __init__(self, store: Store, journal: Journal, outside: Outside) -> None:
        site, utc_ms, monotonic = outside.site, outside.utc_ms, outside.monotonic
        self.journal = journal
        self.dispatcher = Dispatcher(store, journal, outside.target, utc_ms)
        self.pendings = Pendings(self.dispatcher, utc_ms)
        self.gates = Gates(journal, outside.policy, outside.settings, utc_ms, monotonic)
        self.keysets = KeySets(site, outside.data, outside.roots_file, journal, outside.sessions)
        self.delegations = Delegations(site, store, journal, self.keysets, utc_ms, monotonic)
        self.signals = Signals(outside.data, outside.roots_file, journal, outside.target, store.registry.find)
        tools = Tools(
            store=store,
            journal=journal,
            dispatcher=self.dispatcher,
            pendings=self.pendings,
            givers=Givers(site, self.keysets, self.delegations),
            gates=self.gates,
            target=outside.target,
            check=outside.check,
            settings=outside.settings,
            utc_ms=utc_ms,
            monotonic=monotonic,
            random=outside.random,
        )
        self.path = CommandPath(tools)
        self.approvals = Approvals(tools, self.path, self.keysets)
        self.lookup = Lookup(site, tools, self.path, self.keysets, outside.table, outside.encoded_table)
        self._reconciler = Reconciler(store, journal, self.dispatcher, self.pendings, utc_ms)

    async def open(self) -> None:
        """Take up what was left, before any node is spoken to. Raises PaifangError when the store cannot be read."""
        self.keysets.open()
        await self.delegations.open()
        counts = await self._reconciler.run()
        if any(counts.values()):
            _log.info("commands from before the start: %s", counts)
        self.dispatcher.start()

    async def close(self) -> None:
        self.pendings.close()
        await self.dispatcher.stop()
