"""What must be true of every act of a node, judged from outside it, without any of its code.

Each method is told what happened and raises Violation when it must not have. Terms are those of the wire's guide;
what the gateway can lie about (its clock, its descriptions, its log) is believed only where a node has to.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cbor2
from cast import APPROVAL, COMMAND, EPOCH, KEYSET, REVOKED, ROOTS, is_genuine, key_id, protected, signed_bytes
from points import CLASSES, FAIL_SAFE, INTERLOCKED, LIMITS, NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

DIRECT, SELECT, OPERATE, CANCEL, SAFE = range(5)
EXECUTED, REFUSED, SUPERSEDED, UNKNOWN = range(4)
NOT_KEPT = 18
COMMAND_KIND = 7
ACTING = (DIRECT, OPERATE, SAFE)
KEY_PAUSE_MS = 5_000
SELECT_MS, TOKEN_MS, SAFE_WITHIN_MS = 10_000, 300_000, 30_000
OPS_OF_CLASS = {1: (DIRECT, SAFE), 2: (OPERATE, SAFE), 3: (OPERATE, SAFE)}


class Violation(BaseException):
    """A promise is broken. Not an Exception: a node must not catch it with what its role raises."""


def want(holds: object, promise: str) -> None:
    if not holds:
        raise Violation(promise)


@dataclass
class Selection:
    """An accepted select: what was selected, when by the node's uptime, and the token given out for class 3."""

    value: int
    at_ms: int
    token: bytes | None
    serial: int
    tried_by: bytes = b""


@dataclass
class Moment:
    """The state of a node at the moment of an act."""

    uptime_ms: int
    arrived_ms: int
    utc_ms: int | None
    read: dict[int, int | None]
    nvs: dict[str, Any]


@dataclass
class Oracle:
    """Of one node. `keyset` is the version and the rows that the node has been seen to hold."""

    node: str
    description: bytes
    receipt_key: bytes
    keyset: tuple[int, list[Any]] = (0, [])
    selections: dict[int, Selection] = field(default_factory=dict)
    spent: set[bytes] = field(default_factory=set)
    writes: list[tuple[bytes, int, int]] = field(default_factory=list)
    chains: dict[int, bytes] = field(default_factory=dict)
    """Boot -> hash of its last receipt."""
    is_gateway_honest: bool = True
    log: list[bytes] = field(default_factory=list)
    """The gateway's: what it has written down, by name."""
    _serial: int = 0
    _offered: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    """Hash of an order's payload -> the name of the point that its signer was shown, and which select they answered."""
    _tried: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    _verified: bytes = b""
    _since_ms: int = 0
    _done: set[bytes] = field(default_factory=set)
    """Hashes of the commands that reached the role."""

    def on_boot(self) -> None:
        self.selections.clear()
        self._tried.clear()
        self._verified = b""

    def on_keyset(self, payload: bytes, signatures: Sequence[bytes]) -> None:
        """The node says that it holds this one now."""
        version, rows = cbor2.loads(payload)
        signers = {_root_of(data, KEYSET, payload) for data in signatures} - {None}
        want(len(signers) == 2, "a key set is held only under the signatures of two different roots")
        was_lost = (version, rows) == self.keyset
        want(version > self.keyset[0] or was_lost, "a key set is replaced by a newer one only")
        self.keyset = version, rows

    def on_epoch(self, payload: bytes, signatures: Sequence[bytes]) -> None:
        """The node says that it is in another epoch now."""
        signers = {_root_of(data, EPOCH, payload) for data in signatures} - {None}
        want(len(signers) == 2, "an epoch changes under the signatures of two roots only")
        want(cbor2.loads(payload)[0] == self.node, "an epoch is a node's own")

    def on_offered(self, order: bytes, shown: str, point: int) -> None:
        """Somebody signs the payload of an order, shown a point by this name, in answer to the select that stands."""
        selection = self.selections.get(point)
        self._offered[hashlib.sha256(order).digest()] = shown, selection.serial if selection else 0

    def on_write(self, command: list[Any], value: int, now: Moment) -> None:
        """A write reached the role."""
        _, identifier, point, op, asked, expect, deadline_ms, order, approval = command
        if self.is_gateway_honest:
            want(identifier not in [done for done, _, _ in self.writes], "a command is executed once")
            want(identifier in self.log, "what is executed was written down before")
        point_class = CLASSES.get(point, 0)
        want(op in OPS_OF_CLASS.get(point_class, ()), "a class is operated in its own way only")
        want(now.arrived_ms <= deadline_ms and now.uptime_ms <= deadline_ms, "nothing is executed after its deadline")
        if op == SAFE:
            want(deadline_ms <= now.arrived_ms + SAFE_WITHIN_MS, "the safe state is never asked for in advance")
            want(asked is None and value == FAIL_SAFE, "safe means the fail-safe position")
            self.selections.pop(point, None)
        else:
            least, greatest = LIMITS[point]
            want(type(asked) is int and value == asked and least <= value <= greatest, "values stay within the limits")
            want(not INTERLOCKED.get((point, value), lambda _: False)(now.read), "interlocks hold")
            want(expect is None or now.read[point] == expect, "the point is where the operator saw it")
            if point_class >= 2:
                self._check_selected(point, point_class, value, now)
                want(_is_kept(identifier, now.nvs), "what could be done twice is persisted before it is done")
            if point_class == 3:
                self._check_persons(command, order, approval, now)
        subject = cbor2.dumps(command)
        if self._verified == subject:
            self._verified = b""
        self.writes.append((identifier, point, op))
        self._done.add(hashlib.sha256(subject).digest())

    def on_verification(self, message: list[Any], public: bytes, uptime_ms: int) -> None:
        """A signature of this key is about to be looked at."""
        subject = cbor2.dumps(message)
        want(self._verified in (b"", subject), "one verification is under way at a time")
        if self._verified != subject:
            self._verified, self._since_ms = subject, uptime_ms
            self._use_up(message)
        before, at_ms = self._tried.get(public, (subject, 0))
        want(before == subject or uptime_ms - at_ms >= KEY_PAUSE_MS, "a key's signatures are looked at now and then")
        self._tried[public] = subject, self._since_ms

    def _use_up(self, message: list[Any]) -> None:
        selection = self.selections.get(message[2]) if message[0] == COMMAND_KIND else None
        if selection is not None:
            want(selection.tried_by in (b"", message[1]), "a token is used up by the first look at signatures")
            selection.tried_by = message[1]

    def on_ended(self, message: list[Any], *, was_rooted: bool) -> None:
        """The node has done with a message; root keys whose signatures were good need not wait."""
        subject = cbor2.dumps(message)
        if self._verified == subject:
            self._verified = b""
        if was_rooted:
            self._tried = {public: tried for public, tried in self._tried.items() if tried[0] != subject}

    def on_receipt(self, payload: bytes, command: list[Any] | None) -> None:
        """The node has made a receipt of this boot, for this command or because it was asked about an earlier one."""
        receipt = cbor2.loads(payload)
        written = receipt[1] in [identifier for identifier, _, _ in self.writes]
        if command is not None and receipt[3] == EXECUTED and command[3] in ACTING:
            want(written, "what is said to be executed was done")
        if command is not None and receipt[3] == REFUSED and self.is_gateway_honest:
            want(receipt[2] not in self._done, "what is said to be refused was not done")
        want(is_vouched(self.receipt_key, payload), "receipts are vouched for under the receipt key")
        want(receipt[10] == self.chains.get(receipt[8], bytes(32)), "receipts of a boot are a chain")
        self.chains[receipt[8]] = hashlib.sha256(payload).digest()

    def on_answered(self, command: list[Any], receipt: list[Any], arrived_ms: int) -> None:
        """A command that came at `arrived_ms` has got its receipt."""
        _, _, point, op, value, _, deadline_ms, _, _ = command
        in_time = 0 <= deadline_ms - arrived_ms <= SAFE_WITHIN_MS
        if op == SAFE and value is None and CLASSES.get(point) and in_time and self.is_gateway_honest:
            want(receipt[3] == EXECUTED, "the way to the safe state is always open")

    def on_selected(self, command: list[Any], receipt: list[Any]) -> None:
        """A select was executed."""
        want(CLASSES[command[2]] >= 2, "only what needs it is selected")
        want((CLASSES[command[2]] == 3) == (receipt[7] is not None), "a token is for class 3")
        self._serial += 1
        self.selections[command[2]] = Selection(command[4], receipt[9], receipt[7], self._serial)

    def on_cancelled(self, command: list[Any]) -> None:
        self.selections.pop(command[2], None)

    def _check_selected(self, point: int, point_class: int, value: int, now: Moment) -> None:
        selection = self.selections.pop(point, None)
        want(selection is not None, "what is operated was selected, and once")
        want(selection.value == value, "what is operated is what was selected")
        limit_ms = SELECT_MS if point_class == 2 else TOKEN_MS
        want(now.uptime_ms - selection.at_ms <= limit_ms, "a selection lapses")
        self._token, self._serial_used = selection.token, selection.serial

    def _check_persons(self, command: list[Any], order: bytes, approval: bytes, now: Moment) -> None:
        want(self._token not in self.spent, "a token is good once")
        self.spent.add(self._token)
        person, ordered = self._signed(order, COMMAND, command[2])
        approver, approved = self._signed(approval, APPROVAL, command[2])
        want(person != approver, "class 3 takes two persons")
        order_hash = hashlib.sha256(ordered).digest()
        identifier, node, point, described, op, value, expect, until_ms, least, _, token = cbor2.loads(ordered)
        want([identifier, point, op, value, expect] == command[1:6], "what is done is what was signed")
        want(node == self.node, "it is done where it was signed for")
        name, serial = self._offered[order_hash]
        want(name == NAMES[point], "the point is the one that its signer was shown")
        want(described == self.description, "the table is the one that was signed")
        hashed, approved_token, approved_until_ms, approved_least = cbor2.loads(approved)
        want(hashed == order_hash, "an approval is of one order")
        want(token == self._token == approved_token, "both have signed the token that the node gave out")
        want(serial == self._serial_used, "an order is for one select")
        want(max(least, approved_least) <= self.keyset[0], "a signer's key set is not newer than the node's")
        limit_ms = min(until_ms, approved_until_ms)
        want(now.utc_ms is None or now.utc_ms <= limit_ms, "no order is executed after it has expired")

    def _signed(self, data: bytes, purpose: str, point: int) -> tuple[str, bytes]:
        """(person, payload) of a COSE_Sign1 by a key that may."""
        want(data, "class 3 takes two signatures")
        head, _, payload, signature = cbor2.loads(data)
        for public, person, key_class, state, ops, scope in self.keyset[1]:
            kid = key_id(public)
            if head == protected(kid):
                want(state != REVOKED, "a revoked key commands nothing")
                want(key_class >= 3 and ops >> OPERATE & 1, "a key commands what its class and operations say")
                fits = any(_matches(n, self.node) and _matches(p, NAMES[point]) for n, p in scope)
                want(fits, "a key commands within its scope")
                digest = hashlib.sha256(signed_bytes(kid, purpose, payload)).digest()
                want(is_genuine(public, digest, signature), "signatures are genuine")
                return person, payload
        raise Violation("the signer is in the key set")


def is_vouched(receipt_key: bytes, payload: bytes) -> bool:
    """Whether the tag of a receipt is one that only the node and the auditor can make."""
    receipt = cbor2.loads(payload)
    tag = hmac.digest(receipt_key, cbor2.dumps(receipt[:-1]), "sha256")
    return hmac.compare_digest(tag, receipt[-1])


def _root_of(data: bytes, purpose: str, payload: bytes) -> bytes | None:
    head, _, carried, signature = cbor2.loads(data)
    for root in ROOTS:
        digest = hashlib.sha256(signed_bytes(root.kid, purpose, payload)).digest()
        if head == protected(root.kid) and carried is None and is_genuine(root.public, digest, signature):
            return root.kid
    return None


def _is_kept(identifier: bytes, nvs: dict[str, Any]) -> bool:
    return any(isinstance(value, bytes) and identifier in value for value in nvs.values())


def _matches(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
