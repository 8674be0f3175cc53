"""One connection or serial line: bytes in, verified messages on, frames out. What carries the bytes is beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from paifang_wire import messages
from paifang_wire.errors import WireError
from paifang_wire.link import GatewayLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.nodes.clocks import Clocks
    from paifang.nodes.counters import Counters
    from paifang.store import Boot, Node
    from paifang.store.points import PointTable


class Carrier(Protocol):
    """What a link is carried by: `peer` names it for people, `framed` wraps a frame for it."""

    peer: str

    def write(self, data: bytes) -> None: ...
    def close(self, why: str) -> None: ...


class Desk(Protocol):
    """Who handles what links receive."""

    counters: Counters
    clocks: Clocks

    def lookup(self, link: Link, node: str) -> tuple[bytes, int, bytes | None] | None: ...
    def handle(self, link: Link, message: list[Any], frame: bytes) -> None: ...
    def lost(self, link: Link) -> None: ...


class Link:
    """A conversation with whoever is at the other end, a node once `node` is set.

    `boot` and `table` are those of the node's session; `uptime_ms` was the node's at `uptime_at_s` of our clock.
    `hello` is the one answered last, `enrolled` whom the registry knew by that name then. `latest` are the newest good
    values of this boot as (value, uptime_ms), None for a value that is not good; `keyset` is the version that the node
    holds, `keyset_refused` the newest one that it did not take; `number` tells its live session from all others.
    """

    __slots__ = (
        "boot",
        "carrier",
        "desk",
        "enrolled",
        "framed",
        "heard_s",
        "hello",
        "keyset",
        "keyset_refused",
        "latest",
        "node",
        "number",
        "opened_s",
        "session",
        "table",
        "uptime_at_s",
        "uptime_ms",
    )

    def __init__(
        self,
        desk: Desk,
        carrier: Carrier,
        framed: Callable[[bytes], bytes],
        site: str,
        random: Callable[[int], bytes],
        now_s: float,
    ) -> None:
        self.desk = desk
        self.carrier = carrier
        self.framed = framed
        self.session = GatewayLink(site, lambda node: desk.lookup(self, node), random)
        self.node = ""
        self.boot: Boot | None = None
        self.table: PointTable | None = None
        self.hello: list[Any] | None = None
        self.enrolled: Node | None = None
        self.latest: dict[int, tuple[int | None, int]] = {}
        self.keyset = self.keyset_refused = 0
        self.number = 0
        self.opened_s = self.heard_s = now_s
        self.uptime_ms = 0
        self.uptime_at_s = now_s

    def receive(self, frames: list[bytes]) -> None:
        """Take in whole frames; a bad one is counted by its reason and answered with silence."""
        desk = self.desk
        counters = desk.counters
        counters.frames += len(frames)
        receive = self.session.receive
        for frame in frames:
            try:
                desk.handle(self, receive(frame), frame)
            except WireError as error:
                counters.refused[error.reason] += 1
                if self.session.claimed:
                    counters.turned_away.note(
                        self.session.claimed, error.reason, self.carrier.peer, desk.clocks.utc_ms()
                    )

    def send(self, message: tuple[Any, ...] | list[Any]) -> None:
        """Seal and send a message of the session. Raises WireError(NO_SESSION) before there is one."""
        self.send_frame(self.session.send(message))

    def send_frame(self, frame: bytes) -> None:
        data = self.framed(frame)
        self.desk.counters.bytes_out += len(data)
        self.carrier.write(data)

    def close(self, why: str, bye: int | None = None) -> None:
        """Say goodbye if there is a session, and hang up."""
        if bye is not None and self.node:
            self.send((messages.BYE, bye))
        self.carrier.close(why)
