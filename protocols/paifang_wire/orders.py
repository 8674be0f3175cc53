"""What persons sign: orders, approvals, key sets, delegations, epochs, site records; and the rules between them.

Each is a canonical CBOR array, signed as `sign1` says. Gateway and node check them with the same functions; a check
returns a refusal of `messages`, or 0. Whether a signature is genuine is `p256`'s matter on a node.
"""

import hashlib

from . import cbor, messages, sign1
from .errors import SHAPE, WireError
from .mac import equal

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

ACTIVE = 0
RETIRING = 1
REVOKED = 2

GREATEST_CLASS = 3
KEYSET_LIMIT = 3_600
"""Bytes of the longest key set: with both signatures it must fit one frame."""

ORDER_SHAPE = "dnpduoouutT"
"""id, node, point, description, op, value, expect, expires_ms (UTC), least key set, reason, token."""
APPROVAL_SHAPE = "hNuu"
"""Hash of the order's payload, token, expires_ms (UTC), least key set."""
KEY_SHAPE = "gnKSuW"
"""One key of a set: public, person, greatest class, state, operations as bits, scope."""
DELEGATION_SHAPE = "gnuWKuuu"
"""Service's public key, its name, operations as bits, scope, greatest class, rate a minute, expires_ms, key set."""
EPOCH_SHAPE = "nu"
SITE_SHAPE = "ncl"
"""Node, edition, site safety record; what is in that is checked by the node's role."""

PUBLIC, PERSON, KEY_CLASS, STATE, OPS, SCOPE = range(6)
"""Places in a key of a set."""


def encode_order(order: "Sequence[Any]") -> bytes:
    """Return the payload of an order. Raises WireError(SHAPE)."""
    return _encode(ORDER_SHAPE, order)


def decode_order(payload: bytes) -> "list[Any]":
    """Return [id, node, point, description, op, value, expect, expires_ms, keyset, reason, token]. Raises WireError."""
    return _decode(ORDER_SHAPE, payload)


def encode_approval(approval: "Sequence[Any]") -> bytes:
    """Return the payload of an approval. Raises WireError(SHAPE)."""
    return _encode(APPROVAL_SHAPE, approval)


def decode_approval(payload: bytes) -> "list[Any]":
    """Return [order hash, token, expires_ms, keyset]. Raises WireError."""
    return _decode(APPROVAL_SHAPE, payload)


def encode_delegation(delegation: "Sequence[Any]") -> bytes:
    """Return the payload of a delegation. Raises WireError(SHAPE)."""
    return _encode(DELEGATION_SHAPE, delegation)


def decode_delegation(payload: bytes) -> "list[Any]":
    """Return [public, service, ops, scope, class, rate a minute, expires_ms, keyset]. Raises WireError."""
    return _decode(DELEGATION_SHAPE, payload)


def encode_epoch(epoch: "Sequence[Any]") -> bytes:
    """Return the payload of an epoch record. Raises WireError(SHAPE)."""
    return _encode(EPOCH_SHAPE, epoch)


def decode_epoch(payload: bytes) -> "list[Any]":
    """Return [node, epoch]. Raises WireError."""
    return _decode(EPOCH_SHAPE, payload)


def encode_site(site: "Sequence[Any]") -> bytes:
    """Return the payload of a signal node's site record. Raises WireError(SHAPE)."""
    return _encode(SITE_SHAPE, site)


def decode_site(payload: bytes) -> "list[Any]":
    """Return [node, edition, record], the record as it is. Raises WireError."""
    return _decode(SITE_SHAPE, payload)


def encode_keyset(version: int, keys: "Sequence[Sequence[Any]]") -> bytes:
    """Return the payload of a key set. Raises WireError(SHAPE), also when it is longer than KEYSET_LIMIT."""
    payload = cbor.encode([version, keys])
    decode_keyset(payload)
    return payload


def decode_keyset(payload: bytes) -> "list[Any]":
    """Return [version, keys]; a key is [public, person, class, state, ops, scope]. Raises WireError."""
    return [keyset_version(payload), list(each_key(payload))]


def keyset_version(payload: bytes) -> int:
    """Return the version that a key set begins with; `each_key` checks the rest. Raises WireError."""
    return _keyset_start(payload)[0]


def each_key(payload: bytes) -> "Iterator[list[Any]]":
    """Yield the keys of a key set one after the other: a node has no heap for all at once. Raises WireError."""
    _, count, pos = _keyset_start(payload)
    while count:
        try:
            key, pos = cbor.item(payload, pos)
        except IndexError:
            raise WireError(SHAPE, "keys are missing") from None
        if not messages.fits_row(KEY_SHAPE, key) or payload.find(key[PUBLIC], pos) >= 0:
            raise WireError(SHAPE, "not a key, or one that comes twice")
        count -= 1
        yield key
    if pos != len(payload):
        raise WireError(SHAPE, "bytes after the keys")


def find_key(keys: "Sequence[Sequence[Any]]", kid: bytes) -> "Sequence[Any] | None":
    """Return the key with this id, or None."""
    for key in keys:
        if sign1.key_id(key[PUBLIC]) == kid:
            return key
    return None


def key_refusal(key: "Sequence[Any] | None", point_class: int, op: int, node: str, point: str) -> int:
    """Whether a key may command (or approve) this: known, not revoked, of the class, the operation and the scope."""
    if key is None or key[STATE] > RETIRING or key[KEY_CLASS] < point_class or not key[OPS] >> op & 1:
        return messages.NO_AUTHORITY
    return 0 if in_scope(key[SCOPE], node, point) else messages.NO_AUTHORITY


def order_refusal(
    order: "Sequence[Any]",
    command: "Sequence[Any]",
    node: str,
    description: bytes,
    token: bytes,
    keyset: int,
    utc_ms: "int | None",
) -> int:
    """Whether an order says what the command that carries it says, here and now.

    `token` is the one that the node has given out, `keyset` the version that it holds, `utc_ms` its time if it knows
    one: the token dies by the node's uptime whatever the time is.
    """
    identifier, named, point, described, op, value, expect, expires_ms, least, _, signed_token = order
    _, carried, carried_point, carried_op, carried_value, carried_expect = command[:6]
    if named != node or described != description or identifier != carried or point != carried_point:
        return messages.INCONSISTENT
    if op != carried_op or value != carried_value or expect != carried_expect:
        return messages.INCONSISTENT
    return _freshness_refusal(signed_token, token, expires_ms, utc_ms) or keyset_refusal(least, keyset)


def approval_refusal(
    approval: "Sequence[Any]", order_payload: bytes, token: bytes, keyset: int, utc_ms: "int | None"
) -> int:
    """Whether an approval is of this order, here and now."""
    order_hash, signed_token, expires_ms, least = approval
    if not equal(order_hash, hashlib.sha256(order_payload).digest()):
        return messages.INCONSISTENT
    return _freshness_refusal(signed_token, token, expires_ms, utc_ms) or keyset_refusal(least, keyset)


def persons_refusal(key: "Sequence[Any]", approver: "Sequence[Any]") -> int:
    """Whether the keys are of two persons: one person with two keys is one person."""
    return messages.SAME_PERSON if key[PERSON] == approver[PERSON] else 0


def in_scope(scope: "Sequence[Sequence[str]]", node: str, point: str) -> bool:
    """Tell whether one of the pairs (node pattern, point pattern) matches; a pattern is a name, or a prefix and "*"."""
    for node_pattern, point_pattern in scope:
        if _matches(node_pattern, node) and _matches(point_pattern, point):
            return True
    return False


def keyset_refusal(least: int, keyset: int) -> int:
    """Whether the key set held is as new as the signer knew it to be: a revocation may have been withheld."""
    return messages.OLD_KEYSET if least > keyset else 0


def _keyset_start(payload: bytes) -> "tuple[int, int, int]":
    """Return (version, count of keys, position of the first one)."""
    try:
        version, pos = cbor.item(payload, 1)
        count = payload[pos] - 0x80
        pos += 1
        if count == 24:
            count = payload[pos] if payload[pos] >= 24 else -1
            pos += 1
        elif count > 24:
            count = -1
    except IndexError:
        count = -1
        version = pos = 0
    if payload[:1] != b"\x82" or len(payload) > KEYSET_LIMIT or count < 0 or not messages.fits_row("c", (version,)):
        raise WireError(SHAPE, "not a key set")
    return version, count, pos


def _freshness_refusal(signed_token: "bytes | None", token: bytes, expires_ms: int, utc_ms: "int | None") -> int:
    if signed_token is None or not equal(signed_token, token):
        return messages.WRONG_TOKEN
    return messages.EXPIRED if utc_ms is not None and utc_ms > expires_ms else 0


def _matches(pattern: str, name: str) -> bool:
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern


def _encode(shape: str, fields: "Sequence[Any]") -> bytes:
    if not messages.fits_row(shape, fields):
        raise WireError(SHAPE, "not of the shape " + shape)
    return cbor.encode(fields)


def _decode(shape: str, payload: bytes) -> "list[Any]":
    fields = cbor.decode(payload)
    if not messages.fits_row(shape, fields):
        raise WireError(SHAPE, "not of the shape " + shape)
    return fields
