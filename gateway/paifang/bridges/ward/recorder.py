"""The records of one life of a device: numbered, and stored as those of a node are.

A life is from the start of the gateway, or a change of its profile, to the next; it has a number like a node's boot.
What the store cannot take is declared lost, as a node would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.store import registry
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paifang.bridges.ward.description import Description
    from paifang.store import Store


class Recorder:
    """`uptime_ms()` counts from the beginning of this life, `utc_ms()` is None while there is no date."""

    def __init__(
        self,
        store: Store,
        name: str,
        description: Description,
        profile: str,
        uptime_ms: Callable[[], int],
        utc_ms: Callable[[], int | None],
    ) -> None:
        self.uptime_ms = uptime_ms
        self._store = store
        self._utc_ms = utc_ms
        self.boot = store.boot(name, max(store.boots(name), default=0) + 1)
        self.boot.description, self.boot.firmware = description.hash, f"profile {profile}"
        self.boot.seen_ms = utc_ms() or 0
        self._number = self._lost = 0
        registry.keep_description(store, description.hash, description.encoded)
        store.touch(self.boot)

    def report(self, values: Mapping[int, int | None], quality: Mapping[int, int], uptime_ms: int) -> None:
        """`quality` of those that are not GOOD; both as made at `uptime_ms`."""
        self._add(messages.REPORT, uptime_ms, values, quality)

    def event(self, code: int, point: int | None, detail: str) -> None:
        self._add(messages.EVENT, self.uptime_ms(), code, point, detail[: messages.TEXT_LIMIT])

    def _add(self, kind: int, uptime_ms: int, *fields: Any) -> None:
        self._number += 1
        if self._store.is_full:
            self._lost = self._lost or self._number
            return
        utc_ms = self._utc_ms()
        boot, now_ms = self.boot, utc_ms or 0
        if boot.offset_ms is None and utc_ms is not None:
            boot.offset_ms = utc_ms - self.uptime_ms()
        if self._lost:
            self._store.settle(boot, self._lost, self._number - 1, messages.GAP_QUEUE_FULL, now_ms)
            self._lost = 0
        # When it was made, not when it is told.
        made_ms = None if utc_ms is None else utc_ms - (self.uptime_ms() - uptime_ms)
        body = messages.encode([kind, boot.boot, self._number, uptime_ms, made_ms, *fields])
        boot.seen_ms = now_ms
        boot.uptime_ms = max(boot.uptime_ms, uptime_ms)
        self._store.add(boot, (boot.node, boot.boot, self._number, kind, uptime_ms, made_ms, now_ms, body))
