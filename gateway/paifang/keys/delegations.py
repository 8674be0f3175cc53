"""A delegation: an operator lets a service (coordination, a SCADA server) command points of class 1, for a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from paifang.errors import PaifangError, bad_argument
from paifang.keys.keyset import Scope, op_names
from paifang.keys.requests import Signed
from paifang.keys.signing import on_curve, verify1
from paifang_wire import orders, sign1
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from paifang.keys.keyset import Entry, KeySet
    from paifang.keys.signing import SigningKey

GREATEST_CLASS = 1
"""What no delegation goes beyond: graver points take persons."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """What one signed delegation allows: `rate` commands a minute until `expires_ms` (UTC)."""

    service_key: bytes
    service: str
    ops: int
    scope: Scope
    greatest_class: int
    rate: int
    expires_ms: int
    keyset: int

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Raises PaifangError for what is no delegation, or goes beyond class 1."""
        try:
            public, service, ops, scope, greatest, rate, expires, keyset = orders.decode_delegation(payload)
        except WireError as error:
            raise bad_argument(f"this is not a delegation: {error}") from error
        if greatest > GREATEST_CLASS or not on_curve(public):
            raise bad_argument(f"this delegation for {service} is of class {greatest}, or of no key", _LIMIT_HINT)
        pairs = tuple((node, point) for node, point in scope)
        return cls(public, service, ops, pairs, greatest, rate, expires, keyset)

    @property
    def payload(self) -> bytes:
        """Raises PaifangError naming what cannot be delegated."""
        if self.greatest_class > GREATEST_CLASS:
            raise bad_argument(f"class {self.greatest_class} cannot be delegated", _LIMIT_HINT)
        pairs = [[node, point] for node, point in self.scope]
        row = [self.service_key, self.service, self.ops, pairs, self.greatest_class, self.rate, self.expires_ms]
        try:
            return orders.encode_delegation([*row, self.keyset])
        except ValueError as error:  # WireError, or a name that is no UTF-8
            raise bad_argument(f"the delegation for {self.service} cannot be written: {error}") from error

    @property
    def kid(self) -> bytes:
        """The id of the service's key."""
        return sign1.key_id(self.service_key)

    def sign(self, key: SigningKey, site: str) -> bytes:
        """The content of a *.delegation file, and what `delegations.add` takes."""
        return key.sign1(site, sign1.DELEGATION, self.payload)

    def permits(self, op: int, node: str, point: str, point_class: int) -> bool:
        """Whether it allows the command; rate and time are the gateway's to count."""
        enough = point_class <= self.greatest_class and self.ops >> op & 1
        return bool(enough) and orders.in_scope(self.scope, node, point)

    def words(self) -> str:
        """Its content in a sentence, but for the time."""
        where = " ".join(f"{node}/{point}" for node, point in self.scope) or "nothing"
        ops = " ".join(op_names(self.ops)) or "no operation"
        return f"{self.service} (key {self.kid.hex()}): {ops} on {where}, class {self.greatest_class}, {self.rate}/min"


def open_delegation(data: bytes, site: str, keyset: KeySet) -> tuple[Entry, Delegation]:
    """The operator's entry and what was delegated, once the signature is good and the key is not revoked.

    Raises PaifangError. What a delegation allows is never more than its signer's own key does: check both.
    """
    found = Signed.split(data, "delegation")
    delegation = Delegation.decode(found.payload)
    entry = keyset.find(found.kid)
    if entry is None or entry.state == orders.REVOKED:
        what = "revoked" if entry else f"not in key set {keyset.version}"
        message = f"the delegation for {delegation.service} is signed by the key {found.kid.hex()}, which is {what}"
        raise PaifangError(message, code="no-authority")
    if not verify1(entry.public, site, sign1.DELEGATION, found.payload, found.signature):
        raise PaifangError(f"the signature of {entry.person} is not of this delegation", code="bad-signature")
    if orders.keyset_refusal(delegation.keyset, keyset.version):
        message = f"the delegation for {delegation.service} asks for key set {delegation.keyset} or newer"
        raise PaifangError(message, f"this gateway has {keyset.version}: paifang keys set load", code="old-keyset")
    return entry, delegation


_LIMIT_HINT = f"a service commands points of class {GREATEST_CLASS} at most"
