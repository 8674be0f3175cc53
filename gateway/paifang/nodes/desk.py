"""The front desk: what happens with each message that a node's link brings."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from paifang.nodes.counters import Counters, Strangers
from paifang.nodes.doorkeeper import Doorkeeper
from paifang.store import registry
from paifang.store.points import PointTable, decode_table, encode_points
from paifang_wire import messages, names
from paifang_wire.cose import Mac0
from paifang_wire.errors import BOOT_BACK, NO_SESSION, SHAPE, UNKNOWN_NODE, UNKNOWN_POINT, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.nodes.clocks import Clocks
    from paifang.nodes.links import Link
    from paifang.store import Batch, Boot, Store

STORE_FULL = "store-full"
"""Refused because the disk does not take it and the buffer is full; the node keeps the record."""
LATEST_MS = 60_000
"""How long a reported value passes for the present one."""
BYE_DISPLACED = 1
BYE_STOPPING = 2
BYE_REMOVED = 3

_log = logging.getLogger(__name__)
_HELLO_FIRMWARE, _HELLO_DESCRIPTION, _HELLO_UPTIME, _HELLO_RESET, _HELLO_KEYSET = 6, 7, 8, 9, 10
_INTEGER_BITS = 63
"""What a column of the store holds; the wire could carry one bit more."""
_BOOT_BITS = 31
"""A node counts its boots in an i32; removing a node sets its boots aside, which takes room for many times this."""
_split = Mac0(b"", b"").split


class FrontDesk:
    """Handles the messages of all links; `sessions` are the live ones, by node.

    `on_receipt(node, message, payload)` gets the receipts, `on_session(node, connected)` what comes and goes,
    `on_promoted(link)` each new session, `on_held(link, message)` what a node says of the key set or epoch it holds.
    """

    def __init__(self, store: Store, clocks: Clocks) -> None:
        self.store = store
        self.clocks = clocks
        self.counters = Counters()
        self.strangers = Strangers()
        self.sessions: dict[str, Link] = {}
        self.on_receipt: Callable[[str, list[Any], bytes], None] | None = None
        self.on_session: Callable[[str, bool], None] | None = None
        self.on_promoted: Callable[[Link], None] | None = None
        self.on_held: Callable[[Link, list[Any]], None] | None = None
        self._doorkeeper = Doorkeeper()
        self._tables: dict[bytes, PointTable] = {}
        self._handlers: dict[int, Callable[[Link, list[Any], bytes], None]] = {
            messages.HELLO: self._hello,
            messages.DESCRIBE: self._describe,
            messages.REPORT: self._report,
            messages.EVENT: self._event,
            messages.GAP: self._gap,
            messages.RECEIPT: self._receipt,
            messages.CLOCK: self._clock,
            messages.BYE: self._bye,
            messages.HELD: self._held,
        }

    # What links ask

    def lookup(self, link: Link, node: str) -> tuple[bytes, int, bytes | None] | None:
        """The key, least boot, next key of `node`. Raises WireError(RATE) before anything is computed for a flood."""
        self._doorkeeper.admit_peer(link.carrier.peer, self.clocks.monotonic())
        known = self.store.registry.lookup(node)
        if known is None:
            self.strangers.note(node, link.carrier.peer, self.clocks.utc_ms())
        return known

    def handle(self, link: Link, message: list[Any], frame: bytes) -> None:
        """Take in a verified message. Raises WireError to have it counted as refused."""
        link.heard_s = self.clocks.monotonic()
        if link.session.promoted:
            self._promote(link)
        self._handlers[message[0]](link, message, frame)

    def lost(self, link: Link) -> None:
        """The connection of `link` is gone."""
        if link.node and self.sessions.get(link.node) is link:
            del self.sessions[link.node]
            if self.on_session is not None:
                self.on_session(link.node, False)

    def settled(self, batch: Batch) -> None:
        """Acknowledge what has been synced, to those who are still there."""
        for node, boot, high, bitmap in batch.acks:
            link = self.sessions.get(node)
            if link is None:
                continue
            try:
                link.send((messages.ACK, boot, high, bitmap))
            except WireError as error:
                link.close(error.reason)
            else:
                self.counters.acks += 1

    def table(self, description: bytes | None) -> PointTable | None:
        """The point table of this hash, None when no node has shown it yet."""
        if description is None:
            return None
        table = self._tables.get(description)
        if table is None:
            encoded = self.store.registry.descriptions.get(description)
            if encoded is not None:
                table = self._tables[description] = decode_table(encoded)
        return table

    # Sessions

    def _hello(self, link: Link, message: list[Any], _frame: bytes) -> None:
        _, _, node, boot, nonce, _, _, description, uptime_ms = message[:9]
        _check_integers(uptime_ms)
        if boot >> _BOOT_BITS:
            raise WireError(SHAPE, "boot count without sense")
        self._doorkeeper.admit_node(node, nonce, self.clocks.monotonic())
        known_boot = self.store.boots(node).get(boot)
        if known_boot is not None and uptime_ms < known_boot.uptime_ms:
            # Its boot count started again: its new records would pass for old ones, and be thanked for unstored.
            raise WireError(BOOT_BACK, "boot " + str(boot) + " with the uptime of an earlier one")
        known = sorted((known for known in self.store.boots(node).values() if known.boot <= boot), key=_number)
        newest = [mark for each in reversed(known[-messages.WELCOME_BOOTS :]) for mark in each.synced()]
        link.hello = message
        link.enrolled = self.store.registry.nodes.get(node)
        self.counters.hellos += 1
        link.send_frame(link.session.welcome(*self.clocks.utc(), newest, self.table(description) is None))

    def _promote(self, link: Link) -> None:
        """The session that this link's last hello opened is live from now on, and its boot count believed."""
        hello, node = link.hello, link.session.node
        assert hello is not None
        self._check_still_welcome(link, node)
        if link.node != node:
            self.lost(link)
        before = self.sessions.get(node)
        self.sessions[node] = link
        link.node = node
        if before is not None and before is not link:
            self.counters.displaced += 1
            before.close("displaced", BYE_DISPLACED)
        boot = link.boot = self.store.boot(node, link.session.boot)
        boot.firmware = hello[_HELLO_FIRMWARE]
        boot.description = hello[_HELLO_DESCRIPTION]
        boot.reset_cause = min(hello[_HELLO_RESET], len(names.RESETS))
        boot.seen_ms = self.clocks.utc_ms()
        link.table = self.table(boot.description)
        link.latest = {}
        link.keyset, link.keyset_refused = hello[_HELLO_KEYSET], 0
        link.uptime_ms = hello[_HELLO_UPTIME]  # on a line, what it was in the boot before is far too great
        link.uptime_at_s = link.heard_s
        boot.uptime_ms = max(boot.uptime_ms, link.uptime_ms)
        self.store.registry.least_boot[node] = boot.boot
        self.store.touch(boot)
        self.counters.promotions += 1
        link.number = self.counters.promotions
        self.counters.turned_away.forget(node)
        _log.info("node %s: boot %d, firmware %r, from %s", node, boot.boot, boot.firmware, link.carrier.peer)
        if before is None and self.on_session is not None:
            self.on_session(node, True)
        if self.on_promoted is not None:
            self.on_promoted(link)

    def _check_still_welcome(self, link: Link, node: str) -> None:
        """Refuse a session whose node was removed, or came back in a later boot, since its hello was answered."""
        known = self.store.registry.lookup(node)
        removed = known is None or self.store.registry.nodes.get(node) is not link.enrolled
        if removed or (known is not None and link.session.boot < known[1]):
            link.carrier.close("session out of date")
            raise WireError(UNKNOWN_NODE if removed else BOOT_BACK, node)

    def _describe(self, link: Link, message: list[Any], _frame: bytes) -> None:
        _, description, points = message
        boot = _boot_of(link)
        if description != boot.description:
            raise WireError(SHAPE, "another description than the hello's")
        encoded = encode_points(points, description)
        table = decode_table(encoded)
        if description not in self.store.registry.descriptions:
            self._doorkeeper.admit_description(link.node, link.heard_s)
            registry.keep_description(self.store, description, encoded)
        link.table = self._tables[description] = table

    def _clock(self, link: Link, message: list[Any], _frame: bytes) -> None:
        uptime_ms = message[1]
        _check_integers(uptime_ms)
        link.uptime_ms = uptime_ms
        link.uptime_at_s = link.heard_s
        now_ms, quality = self.clocks.utc()
        boot = _boot_of(link)
        boot.seen_ms = self.clocks.utc_ms()
        if now_ms is not None and boot.offset_ms is None:
            boot.offset_ms = now_ms - uptime_ms
            self.store.touch(boot)
        link.send((messages.TIME, uptime_ms, now_ms or 0, quality))

    def _bye(self, link: Link, _message: list[Any], _frame: bytes) -> None:
        link.close("the node said goodbye")

    def _receipt(self, link: Link, message: list[Any], frame: bytes) -> None:
        if self.on_receipt is not None:
            self.on_receipt(link.node, message, _split(frame)[1])

    def _held(self, link: Link, message: list[Any], _frame: bytes) -> None:
        _, what, version, refusal = message
        _check_integers(what, version, refusal)
        if what == messages.ROOTED_KEYSET:
            link.keyset = version
        if self.on_held is not None:
            self.on_held(link, message)

    # Records

    def _report(self, link: Link, message: list[Any], frame: bytes) -> None:
        _, boot_number, number, uptime_ms, utc_ms, values, quality = message
        boot, table = self._place(link, boot_number)
        if table is None:
            raise WireError(UNKNOWN_POINT, "the node has not described itself")
        table.check(values, quality)
        self._keep(boot, messages.REPORT, number, uptime_ms, utc_ms, frame)
        if boot is link.boot:
            _remember(link.latest, values, quality, uptime_ms)
            if uptime_ms > link.uptime_ms:
                self._hear_uptime(link, uptime_ms)

    def _event(self, link: Link, message: list[Any], frame: bytes) -> None:
        _, boot_number, number, uptime_ms, utc_ms, _, point, _ = message
        boot, table = self._place(link, boot_number)
        if point is not None and (table is None or point not in table.by_number):
            raise WireError(UNKNOWN_POINT, f"point {point}")
        self._keep(boot, messages.EVENT, number, uptime_ms, utc_ms, frame)

    def _gap(self, link: Link, message: list[Any], _frame: bytes) -> None:
        _, boot_number, first, last, reason = message
        _check_integers(last, reason)
        self._check_room()
        boot, _ = self._place(link, boot_number)
        lost = self.store.settle(boot, first, last, reason, self.clocks.utc_ms())
        self.counters.gaps[names.GAPS[reason] if reason < len(names.GAPS) else str(reason)] += lost

    def _place(self, link: Link, boot_number: int) -> tuple[Boot, PointTable | None]:
        """The boot that a record belongs to, and the description that held then."""
        boot = _boot_of(link)
        if boot_number == boot.boot:
            return boot, link.table
        if boot_number not in self.store.boots(link.node):
            self._doorkeeper.admit_boot(link.node, link.heard_s)
        earlier = self.store.boot(link.node, boot_number)
        if earlier.description is None:
            # That boot never got through to us. Its records are read by the points that the node has now, or by none.
            earlier.description = boot.description
        return earlier, self.table(earlier.description) or link.table

    def _keep(self, boot: Boot, kind: int, number: int, uptime_ms: int, utc_ms: int | None, frame: bytes) -> None:
        if (number | uptime_ms | (utc_ms or 0)) >> _INTEGER_BITS:
            raise WireError(SHAPE, "number without sense")
        self._check_room()
        now_ms = boot.seen_ms = self.clocks.utc_ms()
        boot.uptime_ms = max(boot.uptime_ms, uptime_ms)
        body = _split(frame)[1]
        self.store.add(boot, (boot.node, boot.boot, number, kind, uptime_ms, utc_ms, now_ms, body))

    def _check_room(self) -> None:
        if self.store.is_full:
            raise WireError(STORE_FULL)

    def _hear_uptime(self, link: Link, uptime_ms: int) -> None:
        """A record was made at `uptime_ms` at the latest by now: our estimate must not lag behind it."""
        if uptime_ms > estimate_uptime_ms(link, link.heard_s):
            link.uptime_ms = uptime_ms
            link.uptime_at_s = link.heard_s


def estimate_uptime_ms(link: Link, now_s: float) -> int:
    """The node's uptime at `now_s` of our monotonic clock, from what it said last."""
    return link.uptime_ms + round((now_s - link.uptime_at_s) * 1000)


def latest_values(link: Link, now_s: float) -> dict[int, int]:
    """The wire values of points as the node has lately reported them, without those that are old or not good."""
    oldest_ms = estimate_uptime_ms(link, now_s) - LATEST_MS
    known = link.latest.items()
    return {point: value for point, (value, uptime_ms) in known if value is not None and uptime_ms >= oldest_ms}


def _remember(
    latest: dict[int, tuple[int | None, int]], values: dict[int, int | None], quality: dict[int, int], uptime_ms: int
) -> None:
    for point, value in values.items():
        known = latest.get(point)
        if known is None or known[1] <= uptime_ms:
            latest[point] = (None if point in quality else value, uptime_ms)


def _number(boot: Boot) -> int:
    return boot.boot


def _boot_of(link: Link) -> Boot:
    if link.boot is None:
        raise WireError(NO_SESSION)
    return link.boot


def _check_integers(*values: int) -> None:
    for value in values:
        if value >> _INTEGER_BITS:
            raise WireError(SHAPE, "number without sense")
