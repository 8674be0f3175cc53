"""What has come in and what became of it, by reason: every count balances."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from paifang_wire.errors import BAD_MAC, BOOT_BACK, WRONG_SITE, WRONG_SUITE


@dataclass(frozen=True, slots=True)
class Refusal:
    """The hello that was refused last of those that said they were some node; it may have been somebody else's."""

    reason: str
    peer: str
    hellos: int
    last_ms: int


class TurnedAway:
    """Why hellos were refused that a node with wrong settings would send, for the last `limit` names claimed."""

    REASONS = frozenset((BAD_MAC, BOOT_BACK, WRONG_SITE, WRONG_SUITE))

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._last: OrderedDict[str, Refusal] = OrderedDict()

    def note(self, node: str, reason: str, peer: str, now_ms: int) -> None:
        if reason not in self.REASONS:
            return
        before = self._last.pop(node, None)
        self._last[node] = Refusal(reason, peer, before.hellos + 1 if before else 1, now_ms)
        if len(self._last) > self._limit:
            self._last.popitem(last=False)

    def forget(self, node: str) -> None:
        """`node` has been believed."""
        self._last.pop(node, None)

    def of(self, node: str) -> Refusal | None:
        return self._last.get(node)


@dataclass(slots=True)
class Counters:
    """Since the start of the gateway. `refused` counts frames by reason, `gaps` record numbers by reason.

    `turned_away` says of single nodes why their hellos were refused.
    """

    refused: Counter[str] = field(default_factory=Counter[str])
    gaps: Counter[str] = field(default_factory=Counter[str])
    frames: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    acks: int = 0
    hellos: int = 0
    promotions: int = 0
    displaced: int = 0
    connections: int = 0
    closed: Counter[str] = field(default_factory=Counter[str])
    turned_away: TurnedAway = field(default_factory=TurnedAway)


@dataclass(slots=True)
class Stranger:
    """A node id that said hello and is not enrolled."""

    node: str
    peer: str
    hellos: int
    first_ms: int
    last_ms: int


class Strangers:
    """The last `limit` unknown node ids, so that a flood of made-up ones takes no more room."""

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._seen: OrderedDict[str, Stranger] = OrderedDict()

    def note(self, node: str, peer: str, now_ms: int) -> None:
        stranger = self._seen.get(node)
        if stranger is None:
            stranger = self._seen[node] = Stranger(node, peer, 0, now_ms, now_ms)
        stranger.hellos += 1
        stranger.peer = peer
        stranger.last_ms = now_ms
        self._seen.move_to_end(node)
        if len(self._seen) > self._limit:
            self._seen.popitem(last=False)

    def forget(self, node: str) -> None:
        self._seen.pop(node, None)

    def all(self) -> list[Stranger]:
        """The latest first."""
        return list(reversed(self._seen.values()))
