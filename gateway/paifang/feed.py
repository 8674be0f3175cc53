"""What is stored, as it is stored, for those who watch; a slow watcher misses some and is told how many."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from paifang.store import history
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from paifang.store import Batch, Store
    from paifang.store.points import PointTable

QUEUE_LIMIT = 2_000
"""Records that wait for one watcher."""


class _Watcher:
    def __init__(self, node: str | None) -> None:
        self.node = node
        self.queue: deque[tuple[Any, ...]] = deque()
        self.missed = 0
        self.ready = asyncio.Event()

    def put(self, item: tuple[Any, ...]) -> None:
        """`item` begins with the node's id."""
        if self.node not in {None, item[0]}:
            return
        if len(self.queue) >= QUEUE_LIMIT:
            self.missed += 1
            return
        self.queue.append(item)
        self.ready.set()


class Feed:
    """Fans out synced records, and nodes that come and go. Items are made at the watcher's own pace."""

    def __init__(self, store: Store, table: Callable[[bytes | None], PointTable | None]) -> None:
        self.missed = 0
        self._store = store
        self._table = table
        self._watchers: set[_Watcher] = set()

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def settled(self, batch: Batch) -> None:
        for watcher in self._watchers:
            for record in batch.records:
                watcher.put(record)

    def session(self, node: str, connected: bool) -> None:
        for watcher in self._watchers:
            watcher.put((node, connected))

    async def watch(self, node: str | None) -> AsyncIterator[dict[str, Any]]:
        """Items of all nodes or of one.

        {kind: "reading", ...} and {kind: "event", ...} as `read` and `events` give them, {kind: "node", node,
        connected}, {kind: "missed", count}.
        """
        watcher = _Watcher(node)
        self._watchers.add(watcher)
        try:
            while True:
                await watcher.ready.wait()
                watcher.ready.clear()
                while watcher.queue:
                    for item in self._items(watcher.queue.popleft()):
                        yield item
                if watcher.missed:
                    self.missed += watcher.missed
                    yield {"kind": "missed", "count": watcher.missed}
                    watcher.missed = 0
        finally:
            self._watchers.discard(watcher)

    def _items(self, entry: tuple[Any, ...]) -> list[dict[str, Any]]:
        node, what = entry[:2]
        if isinstance(what, bool):
            return [{"kind": "node", "node": node, "connected": what}]
        boot = self._store.boot(node, what)
        row = (*entry, boot.offset_ms, boot.description)
        if entry[3] == messages.EVENT:
            return [{"kind": "event", **history.event(row, self._table)}]
        return [{"kind": "reading", **item} for item in history.readings(row, self._table)]
