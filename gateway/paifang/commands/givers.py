"""Who gives a command, and by what right: a key of the key set, a delegation, or a user of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.commands.refusals import refused
from paifang.keys.requests import Order, Signed
from paifang.keys.signing import verify1
from paifang_wire import orders, sign1

if TYPE_CHECKING:
    from paifang.commands.delegations import Delegations
    from paifang.commands.keysets import KeySets
    from paifang.keys.keyset import Entry
    from paifang.store.points import Point

LOCAL = "local"
SIGNED = "signed"
DELEGATED = "delegation"


@dataclass(frozen=True, slots=True)
class Giver:
    """`person` is who answers for it by the policy, `actor` how the log calls who did it.

    `roles` are those of a user of this machine; empty: those that the policy gives the person.
    """

    person: str
    actor: str
    via: str
    roles: frozenset[str] = frozenset()
    uid: int | None = None
    kid: bytes | None = None
    delegation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed order taken apart, not yet verified. `data` is the whole of it."""

    data: bytes
    signed: Signed
    order: Order

    @classmethod
    def open(cls, data: bytes) -> Envelope:
        """Raises PaifangError for what is no signed order."""
        signed = Signed.split(data, "order")
        return cls(data, signed, Order.decode(signed.payload))


class Givers:
    """Tells who signed, by the gateway's key set and the delegations it knows."""

    def __init__(self, site: str, keysets: KeySets, delegations: Delegations) -> None:
        self._site = site
        self._keysets = keysets
        self._delegations = delegations

    def of_order(self, envelope: Envelope, point: Point, uid: int | None, delegation: bytes | None) -> Giver:
        """Who gives this order for `point`. Raises PaifangError unless the signature is good and reaches so far."""
        order, signed = envelope.order, envelope.signed
        keyset = self._keysets.held()
        entry = keyset.find(signed.kid)
        if entry is None:
            return self._of_service(envelope, point, uid, delegation)
        self._check_signature(entry, sign1.COMMAND, signed)
        check_reach(entry, point, order.op, order.node)
        self._keysets.check_least(order.keyset)
        return Giver(entry.person, f"{entry.person} (key {entry.kid.hex()})", SIGNED, uid=uid, kid=entry.kid)

    def of_approval(self, signed: Signed, point: Point, op: int, node: str) -> Entry:
        """Whose approval this is. Raises PaifangError as `of_order`."""
        entry = self._keysets.held().find(signed.kid)
        if entry is None:
            raise _no_key(signed.kid, self._keysets.version)
        self._check_signature(entry, sign1.APPROVAL, signed)
        check_reach(entry, point, op, node)
        return entry

    def _of_service(self, envelope: Envelope, point: Point, uid: int | None, delegation: bytes | None) -> Giver:
        order, signed = envelope.order, envelope.signed
        grant = self._delegations.find(signed.kid, delegation)
        if grant is None:
            raise _no_key(signed.kid, self._keysets.version)
        if not verify1(grant.terms.service_key, self._site, sign1.COMMAND, signed.payload, signed.signature):
            raise refused("bad-signature", f"the signature is not one of {grant.terms.service} over this order")
        self._keysets.check_least(order.keyset)
        entry = self._delegations.check(grant, point, order.op, order.node)
        actor = f"{grant.terms.service} (delegated by {entry.person})"
        return Giver(entry.person, actor, DELEGATED, uid=uid, kid=signed.kid, delegation=grant.id)

    def _check_signature(self, entry: Entry, purpose: str, signed: Signed) -> None:
        if not verify1(entry.public, self._site, purpose, signed.payload, signed.signature):
            raise refused("bad-signature", f"the signature is not one of {entry.person} over this {purpose}")


def check_reach(entry: Entry, point: Point, op: int, node: str) -> None:
    """Raise PaifangError unless this key of the key set may command the point at all."""
    if orders.key_refusal(entry.row, point.point_class, op, node, point.name):
        if entry.state == orders.REVOKED:
            raise refused("no-authority", f"the key {entry.kid.hex()} of {entry.person} is revoked")
        message = f"the key of {entry.person} does not reach as far as {node} {point.name} (class {point.point_class})"
        raise refused("no-authority", message, "`paifang keys set show` lists classes, operations and scopes")


def _no_key(kid: bytes, version: int) -> Exception:
    hint = "sign with a key of the key set, or have a delegation added: `paifang delegations add FILE`"
    message = f"the key {kid.hex()} is not in key set {version}, and nothing is delegated to it"
    return refused("no-authority", message, hint)
