"""A request file: an order that waits for a signature, or a signed one that waits for an approval, off the network.

JSON, with the node's encoded point table in it; what a person is shown comes from that table and from the bytes that
get signed, never from the words that the file also carries for whoever opens it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

from paifang.errors import bad_argument
from paifang.keys import files
from paifang.keys.requests import Order, Signed, check_table, words
from paifang_wire import names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from paifang.keys.requests import PointView, Target

FORMAT = "paifang-request/1"


@dataclass(frozen=True, slots=True)
class Request:
    """`signed` is the order's COSE_Sign1 when an approval is asked for. `host` is the mark of the gateway's machine."""

    site: str
    order: Order
    table: bytes
    host: str = ""
    signed: bytes | None = None

    @classmethod
    def of_target(cls, target: Target, order: Order) -> Self:
        """What `paifang send --request` writes."""
        return cls(target.site, order, target.table, target.host)

    @classmethod
    def of_pending(cls, site: str, answer: Mapping[str, Any]) -> Self:
        """From what `commands.show` answers about a pending order. Raises PaifangError."""
        try:
            signed, table = bytes.fromhex(answer["order"]), bytes.fromhex(answer["table"])
        except (KeyError, TypeError, ValueError) as error:
            raise bad_argument("the gateway's answer holds no pending order", "is it decided already?") from error
        return cls(site, _order_of(signed), table, str(answer.get("host", "")), signed)

    def at_least(self, keyset: int) -> Self:
        """The same, asking for a key set no older than this; for an order that is not signed yet."""
        return replace(self, order=replace(self.order, keyset=max(self.order.keyset, keyset)))

    def text(self, point: PointView) -> str:
        order = self.order
        fields = {
            "id": order.identifier.hex(),
            "node": order.node,
            "point": order.point,
            "description": order.description.hex(),
            "op": names.OPS[order.op],
            "value": order.value,
            "expect": order.expect,
            "expires_utc_ms": order.expires_ms,
            "keyset": order.keyset,
            "reason": order.reason,
            "token": order.token and order.token.hex(),
        }
        whole = {"format": FORMAT, "site": self.site, "host": self.host, "words": words(order, point), "order": fields}
        whole |= {"table": self.table.hex(), "signed": self.signed and self.signed.hex()}
        return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises PaifangError: not a request, a table of another description, an order other than the signed one."""
        found = files.read_json(file, "a request")
        if found.get("format") != FORMAT:
            raise bad_argument(f"{file} is not a request", "paifang send --request FILE writes one")
        try:
            order, table = _read_order(found["order"]), bytes.fromhex(found["table"])
            site, host, signed = found["site"], found.get("host", ""), found.get("signed")
            request = cls(str(site), order, table, str(host), bytes.fromhex(signed) if signed else None)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise bad_argument(f"{file} is not a whole request: look at {error}", "ask for it again") from error
        check_table(table, order.description, order.node)
        payload = order.payload
        if request.signed is not None and _order_of(request.signed).payload != payload:
            hint = "do not approve it; ask for it again"
            raise bad_argument(f"{file}: the order shown is not the order signed", hint)
        return request


def _order_of(signed: bytes) -> Order:
    return Order.decode(Signed.split(signed, "order").payload)


def _read_order(found: Any) -> Order:
    fields = cast("dict[str, Any]", found)
    token = fields["token"]
    return Order(
        bytes.fromhex(fields["id"]),
        fields["node"],
        fields["point"],
        bytes.fromhex(fields["description"]),
        names.OPS.index(fields["op"]),
        fields["value"],
        fields["expect"],
        fields["expires_utc_ms"],
        fields["keyset"],
        fields["reason"],
        None if token is None else bytes.fromhex(token),
    )
