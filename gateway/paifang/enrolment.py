"""Who may speak: enrolling nodes, taking keys away or changing them, believing a boot count that starts anew."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

from paifang.commands.refusals import unlogged
from paifang.errors import PaifangError, bad_argument
from paifang.keys import epochs
from paifang.keys.roots import Rooted, Roots
from paifang.nodes.buckets import Buckets
from paifang.store import Node, registry
from paifang_wire import messages, names, sign1
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from paifang.commands.journal import Journal
    from paifang.nodes.links import Link
    from paifang.nodes.service import NodeService
    from paifang.store import Store
    from paifang.store.sql import Connection


class Enrolment:
    """Changes the registry: in the log first, then in the file, then in memory; one change at a time.

    A change that has begun is brought to its end, though its caller may have gone. `roots_file()` is where the public
    root keys are.
    """

    def __init__(self, store: Store, service: NodeService, journal: Journal, roots_file: Callable[[], Path]) -> None:
        self._store = store
        self._service = service
        self._journal = journal
        self.on_removed: Callable[[str], object] = lambda _node: None
        """Told of each node that is removed."""
        self.is_bridged: Callable[[str], bool] = lambda _node: False
        """Whether a device behind a bridge has this name."""
        self._roots_file = roots_file
        self._turn = asyncio.Lock()
        self._held = Buckets(per_second=0.1, burst=20)

    async def add(self, node: str, key: bytes, epoch: int, actor: str) -> dict[str, Any]:
        """Believe `node` under `key` from now on. Raises PaifangError when it has another key already."""
        return await asyncio.shield(self._add(node, key, epoch, actor))

    async def remove(self, node: str, actor: str) -> dict[str, Any]:
        """Forget the key of `node`; its records stay. A log that is broken does not keep a thief in."""
        self._store.registry.find(node)
        self._journal.note("remove", node, actor)
        await asyncio.shield(self._apart(node, registry.delete, stays=False))
        self.on_removed(node)
        return {"node": node}

    async def reset_boot(self, node: str, actor: str) -> dict[str, Any]:
        """Believe any boot count of `node` once more; its records so far are kept apart from those to come."""
        self._store.registry.find(node)
        await self._record("reset-boot", node, actor)
        await asyncio.shield(self._apart(node, registry.set_aside, stays=True))
        return {"node": node}

    async def rekey(self, node: str, key: bytes, epoch: int, record: bytes, actor: str) -> dict[str, Any]:
        """Tell `node` to take the keys of a later epoch, and believe it under `key` beside the one it has now.

        `record` is an epoch change for this node that two roots have signed. Returns {node, epoch, sent}; once the
        node has answered under the new key, the old one counts no more.
        """
        return await asyncio.shield(self._rekey(node, key, epoch, record, actor))

    def promoted(self, link: Link) -> None:
        """A node has a session: under its next key, which is its only one from now on, or still under the old one."""
        known = self._store.registry.nodes.get(link.node)
        if known is None or known.next_key is None or link.session.key != known.next_key:
            self.remind(link)
            return
        now = self._store.registry.nodes[link.node] = known.rekeyed
        link.enrolled = now
        self._journal.note("epoch", link.node, link.node, epoch=now.epoch)
        self._store.write(lambda connection: registry.insert(connection, now))

    def remind(self, link: Link) -> None:
        """Tell a node that is to have another epoch, and is here under its old key."""
        known = self._store.registry.nodes.get(link.node)
        if known is not None and known.next_record is not None:
            self._tell(link, known)

    def held(self, link: Link, message: list[Any]) -> None:
        """What a node says about something that it was given; one that says so often fills no log."""
        what: int = message[1]
        version, refusal = message[2:]
        if what < len(names.HELD) and self._held.take(link.node, self._service.clocks.monotonic()):
            self._journal.note(names.HELD[what], link.node, link.node, held=version, refusal=refusal)

    async def _add(self, node: str, key: bytes, epoch: int, actor: str) -> dict[str, Any]:
        async with self._turn:
            new = Node(node, key, epoch, self._service.clocks.utc_ms())
            registry.check_new(new)
            known = self._store.registry.nodes.get(node)
            if known is not None and (known.key, known.epoch) != (key, epoch):
                hint = f"`paifang nodes remove {node}` first, if it is to have a new one"
                raise PaifangError(f"node {node} is enrolled with another key", hint, code="exists")
            if self.is_bridged(node):
                raise PaifangError(f"{node} is a device behind a bridge", "give the node another name", code="exists")
            if known is None:
                await self._record("enrol", node, actor, epoch=epoch)
                await self._store.flush()
                await self._store.written(lambda connection: _insert_new(connection, new))
                self._store.forget(node)
                self._store.registry.least_boot.pop(node, None)
                self._store.registry.nodes[node] = new
                self._service.desk.strangers.forget(node)
        return {"node": node, "epoch": epoch, "added": known is None}

    async def _rekey(self, node: str, key: bytes, epoch: int, record: bytes, actor: str) -> dict[str, Any]:
        async with self._turn:
            known = self._store.registry.find(node)
            self._check_record(node, epoch, record)
            if (known.key, known.epoch) == (key, epoch):
                return {"node": node, "epoch": epoch, "sent": False}
            if epoch <= known.epoch:
                raise bad_argument(f"node {node} has epoch {known.epoch}: {epoch} is not a later one")
            new = dataclasses.replace(known, next_key=key, next_epoch=epoch, next_record=record)
            registry.check_new(dataclasses.replace(known, key=key, epoch=epoch))
            await self._record("rekey", node, actor, epoch=epoch, record=record)
            await self._store.written(lambda connection: registry.insert(connection, new))
            self._store.registry.nodes[node] = new
            link = self._service.desk.sessions.get(node)
            if link is not None:
                self._tell(link, new)
        return {"node": node, "epoch": epoch, "sent": link is not None}

    def _check_record(self, node: str, epoch: int, record: bytes) -> None:
        rooted = Rooted.decode(record, "the epoch record")
        Roots.read(self._roots_file()).check(sign1.EPOCH, rooted)
        if epochs.read(rooted) != (node, epoch):
            named, number = epochs.read(rooted)
            raise bad_argument(f"the record brings {named} to epoch {number}, not {node} to {epoch}")

    def _tell(self, link: Link, node: Node) -> None:
        assert node.next_record is not None
        rooted = Rooted.decode(node.next_record)
        try:
            link.send([messages.ROOTED, messages.ROOTED_EPOCH, rooted.payload, *rooted.detached])
        except WireError as error:
            link.close(error.reason)

    async def _record(self, kind: str, node: str, actor: str, **detail: Any) -> None:
        try:
            await self._journal.record(kind, node, actor, **detail)
        except PaifangError as error:
            raise unlogged(error) from error

    async def _apart(self, node: str, job: Callable[[Connection, str], Any], *, stays: bool) -> None:
        """Run `job` while nothing of `node` is under way: unknown for the moment, its session over, all synced."""
        async with self._turn:
            known = self._store.registry.find(node)
            del self._store.registry.nodes[node]
            try:
                self._service.drop(node)
                await self._store.flush()
                await self._store.written(lambda connection: job(connection, node))
            except PaifangError:
                stays = True
                raise
            else:
                self._store.forget(node)
                self._store.registry.least_boot.pop(node, None)
            finally:
                if stays:
                    self._store.registry.nodes[node] = known
                    self._service.desk.strangers.forget(node)


def _insert_new(connection: Connection, node: Node) -> None:
    """What a bridged device of this name has reported before is of an earlier life."""
    registry.set_aside(connection, node.id)
    registry.insert(connection, node)
