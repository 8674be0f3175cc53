"""What a person is asked to sign, in words; and the order or approval that comes of it.

Everything here works without a gateway: names, units and limits come from the node's own point table, which the
signed description hash pins, so that nobody in between can call a point something else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from paifang.errors import PaifangError, bad_argument
from paifang.keys.signing import verify1
from paifang_wire import cbor, messages, names, orders, rules, sign1
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paifang.keys.keyset import KeySet
    from paifang.keys.signing import SigningKey

ID_LENGTH = 8
HASH_LENGTH = 8
_SHOWN_OPS = {
    messages.OP_DIRECT: "set",
    messages.OP_SELECT: "select",
    messages.OP_OPERATE: "set",
    messages.OP_CANCEL: "cancel the selection of",
    messages.OP_SAFE: "bring to its safe state",
}
_Table = TypeVar("_Table", bound="Table")


class PointView(Protocol):
    """A point as its node describes it; `text` is a wire integer for people, in the point's unit."""

    @property
    def number(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def point_class(self) -> int: ...
    def text(self, wire: int | None) -> str: ...


class Table(Protocol):
    """A point table; `find` takes a number or a name, and raises PaifangError naming those there are."""

    def find(self, name: object) -> PointView: ...


@dataclass(frozen=True, slots=True)
class Target:
    """A point of a node as a gateway tells it: `point` is its number, `table` the encoded rows of its description.

    `keyset` is the version the gateway holds, `host` the mark of its machine ("" when it says none). `two_persons`:
    another person approves the order, over a token that the point gives out; of class 3 the node checks that itself,
    of class 2, behind a bridge, the gateway does.
    """

    site: str
    node: str
    point: int
    table: bytes
    keyset: int
    host: str = ""
    two_persons: bool = False

    @classmethod
    def of_answer(cls, site: str, answer: Mapping[str, Any]) -> Target:
        """From what `commands.target` answers. Raises PaifangError, also when table and description do not agree."""
        try:
            table = bytes.fromhex(answer["table"])
            host, two_persons = str(answer.get("host", "")), bool(answer["two_persons"])
            target = cls(site, answer["node"], answer["point"], table, answer["keyset"], host, two_persons)
            described = bytes.fromhex(answer["description"])
        except (KeyError, TypeError, ValueError) as error:
            raise bad_argument("the gateway's answer describes no point", "is it of another version?") from error
        check_table(table, described, target.node)
        return target

    @property
    def description(self) -> bytes:
        return hashlib.sha256(self.table).digest()[:HASH_LENGTH]


@dataclass(frozen=True, slots=True)
class Order:
    """One command as a person signs it; values are wire integers. `token` is the node's, for class 3."""

    identifier: bytes
    node: str
    point: int
    description: bytes
    op: int
    value: int | None
    expect: int | None
    expires_ms: int
    keyset: int
    reason: str = ""
    token: bytes | None = None

    @property
    def payload(self) -> bytes:
        """Raises PaifangError naming what cannot stand in an order."""
        fields = [self.identifier, self.node, self.point, self.description, self.op, self.value, self.expect]
        try:
            return orders.encode_order([*fields, self.expires_ms, self.keyset, self.reason, self.token])
        except ValueError as error:  # WireError, or a text that is no UTF-8
            hint = f"a reason has up to {messages.TEXT_LIMIT} characters, an id 16 hex digits, a token 32"
            raise bad_argument(f"the order for {self.node} cannot be written: {error}", hint) from error

    @classmethod
    def decode(cls, payload: bytes) -> Order:
        """Raises PaifangError when it is no order."""
        try:
            return cls(*orders.decode_order(payload))
        except WireError as error:
            raise bad_argument(f"this is not an order: {error}") from error


@dataclass(frozen=True, slots=True)
class Signed:
    """A COSE_Sign1 taken apart, **not verified**: whose key it names, and what was signed."""

    kid: bytes
    payload: bytes
    signature: bytes

    @classmethod
    def split(cls, data: bytes, what: str) -> Signed:
        """Raises PaifangError; `what` it should be stands in the error."""
        try:
            kid, payload, signature = sign1.split(data)
        except WireError as error:
            raise bad_argument(f"this is not a signed {what}: {error}") from error
        if payload is None:
            raise bad_argument(f"this is not a signed {what}: the {what} itself is missing")
        return cls(kid, payload, signature)


def make_order(
    target: Target,
    op: int,
    value: int | None,
    *,
    identifier: bytes,
    expires_ms: int,
    expect: int | None = None,
    reason: str = "",
    token: bytes | None = None,
) -> Order:
    """The order to do `op` to the target. Raises PaifangError when the node's own table already forbids it."""
    found = rules.refusal(cbor.decode(target.table), target.point, op, value, expect, lambda _: None, is_node=False)
    if found:
        why = names.REFUSALS[found]
        message = f"{target.node} would refuse this: {why}"
        raise PaifangError(message, "`paifang nodes show` has its points and limits", code=why)
    where = (target.node, target.point, target.description)
    return Order(identifier, *where, op, value, expect, expires_ms, target.keyset, reason, token)


def sign_order(key: SigningKey, site: str, order: Order) -> bytes:
    """The content of a *.order file, and what `commands.submit` takes."""
    return key.sign1(site, sign1.COMMAND, order.payload)


def open_order(data: bytes) -> tuple[bytes, Order]:
    """(key id, order) of a signed order; **the signature is not checked**. Raises PaifangError."""
    found = Signed.split(data, "order")
    return found.kid, Order.decode(found.payload)


def make_approval(key: SigningKey, site: str, order: bytes, expires_ms: int | None = None, keyset: int = 0) -> bytes:
    """The content of a *.approval file for a signed `order` of class 3, and what `commands.approve` takes.

    It expires with the order unless `expires_ms` is sooner, and asks for at least the order's key set. Raises
    PaifangError when there is no token to approve, or the order is by this very key.
    """
    found = Signed.split(order, "order")
    asked = Order.decode(found.payload)
    if asked.token is None:
        hint = "points of class 1 and 2 take one signature"
        raise bad_argument(f"this order for {asked.node} needs no approval: it carries no token", hint)
    if found.kid == key.kid:
        raise PaifangError("this is your own order", "another person approves it", code="same-person")
    expires = asked.expires_ms if expires_ms is None else min(expires_ms, asked.expires_ms)
    fields = [hashlib.sha256(found.payload).digest(), asked.token, expires, max(keyset, asked.keyset)]
    return key.sign1(site, sign1.APPROVAL, orders.encode_approval(fields))


def check_table(table: bytes, description: bytes, node: str) -> None:
    """Raise PaifangError unless `table` is what the hash `description` names."""
    if hashlib.sha256(table).digest()[:HASH_LENGTH] != description:
        hint = "do not sign it: somebody may have called a point something else; ask the gateway again"
        raise PaifangError(f"the point table is not the one that {node} describes", hint, code="inconsistent")


def pinned(order: Order, table: bytes, decode: Callable[[bytes], _Table]) -> tuple[_Table, PointView]:
    """The point table of an order and its point in it. Raises PaifangError when it is not the order's table."""
    check_table(table, order.description, order.node)
    try:
        found = decode(table)
    except (WireError, TypeError) as error:
        raise bad_argument(f"the point table of {order.node} cannot be read: {error}") from error
    return found, found.find(order.point)


def words(order: Order, point: PointView) -> str:
    """An order as a sentence: "meter-1: set relay to off (class 3), expected to be on now"."""
    told = f"{order.node}: {_SHOWN_OPS.get(order.op, f'operation {order.op} on')} {point.name}"
    if order.value is not None:
        told += f" {'for' if order.op == messages.OP_SELECT else 'to'} {point.text(order.value)}"
    told += f" (class {point.point_class})"
    return told if order.expect is None else f"{told}, if it is {point.text(order.expect)} now"


def person_of(order: bytes, site: str, keyset: KeySet) -> str:
    """Who signed an order, by a key set. Raises PaifangError: no key of it, revoked, or not a good signature."""
    found = Signed.split(order, "order")
    entry = keyset.find(found.kid)
    if entry is None or entry.state == orders.REVOKED:
        what = "revoked" if entry else f"not in key set {keyset.version}"
        raise PaifangError(f"the order is signed by the key {found.kid.hex()}, which is {what}", code="no-authority")
    if not verify1(entry.public, site, sign1.COMMAND, found.payload, found.signature):
        raise PaifangError(f"the signature of {entry.person} is not of this order", code="bad-signature")
    return entry.person
