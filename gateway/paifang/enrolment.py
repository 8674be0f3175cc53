"""Who may speak: enrolling nodes, taking their keys away, believing a boot count that starts anew."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from paifang.errors import PaifangError
from paifang.store import Node, registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.nodes.service import NodeService
    from paifang.store import Store
    from paifang.store.sql import Connection


class Enrolment:
    """Changes the registry, in the file first and then in memory; one change at a time.

    A change that has begun is brought to its end, though its caller may have gone.
    """

    def __init__(self, store: Store, service: NodeService) -> None:
        self._store = store
        self._service = service
        self._turn = asyncio.Lock()

    async def add(self, node: str, key: bytes, epoch: int) -> dict[str, Any]:
        """Believe `node` under `key` from now on. Raises PaifangError when it has another key already."""
        return await asyncio.shield(self._add(node, key, epoch))

    async def remove(self, node: str) -> dict[str, Any]:
        """Forget the key of `node`; its records stay."""
        await asyncio.shield(self._apart(node, registry.delete, stays=False))
        return {"node": node}

    async def reset_boot(self, node: str) -> dict[str, Any]:
        """Believe any boot count of `node` once more; its records so far are kept apart from those to come."""
        await asyncio.shield(self._apart(node, registry.set_aside, stays=True))
        return {"node": node}

    async def _add(self, node: str, key: bytes, epoch: int) -> dict[str, Any]:
        async with self._turn:
            new = Node(node, key, epoch, self._service.clocks.utc_ms())
            registry.check_new(new)
            known = self._store.registry.nodes.get(node)
            if known is not None and (known.key, known.epoch) != (key, epoch):
                hint = f"`paifang nodes remove {node}` first, if it is to have a new one"
                raise PaifangError(f"node {node} is enrolled with another key", hint, code="exists")
            if known is None:
                await self._store.written(lambda connection: registry.insert(connection, new))
                self._store.registry.nodes[node] = new
                self._service.desk.strangers.forget(node)
        return {"node": node, "epoch": epoch, "added": known is None}

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
