"""Persons at a gateway's control socket, each with a key on a machine of their own, as `paifang send` and `approve`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from paifang.keys.requests import ID_LENGTH, Target, make_approval, make_order, sign_order
from paifang_rig.authority import good_for
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paifang_rig.authority import Authority

WITHIN_MS = 30_000


class Operators:
    """`request(op, **args)` asks the gateway; `key` is a name of the authority's keys, values are as on the wire."""

    def __init__(self, request: Callable[..., Awaitable[Any]], authority: Authority) -> None:
        self._request = request
        self._authority = authority

    async def load(self, version: int = 1, **changes: Any) -> Any:
        """The gateway takes a key set of the authority, and hands it on to its nodes."""
        return await self._request("keyset.load", keyset=self._authority.keyset(version, **changes).encode().hex())

    async def target(self, node: str, point: str) -> Target:
        """A point as the node's own table has it."""
        answer = await self._request("commands.target", node=node, point=point)
        return Target.of_answer(self._authority.site, answer)

    async def submit(
        self,
        key: str,
        node: str,
        point: str,
        op: int,
        value: int | None = None,
        *,
        within_ms: int = WITHIN_MS,
        **more: Any,
    ) -> dict[str, Any]:
        """Sign and submit one order; `more` as for `make_order`: expect, reason, token."""
        target = await self.target(node, point)
        order = make_order(target, op, value, identifier=secrets.token_bytes(ID_LENGTH), expires_ms=good_for(), **more)
        signed = sign_order(self._authority.keys[key], self._authority.site, order)
        return await self._request("commands.submit", order=signed.hex(), within_ms=within_ms)

    async def set(self, key: str, node: str, point: str, value: int, **more: Any) -> dict[str, Any]:
        """Select and operate: the receipt of a point of class 2; of class 3 what waits for an approval."""
        selected = await self.submit(key, node, point, messages.OP_SELECT, value)
        if selected["verdict"] != "executed":
            return selected
        token = bytes.fromhex(selected["token"]) if selected.get("token") else None
        return await self.submit(key, node, point, messages.OP_OPERATE, value, token=token, **more)

    async def approve(self, key: str, identifier: str, *, within_ms: int = WITHIN_MS) -> dict[str, Any]:
        """Approve what is pending: the receipt."""
        shown = await self._request("commands.show", id=identifier)
        approval = make_approval(self._authority.keys[key], self._authority.site, bytes.fromhex(shown["order"]))
        return await self._request("commands.approve", id=identifier, approval=approval.hex(), within_ms=within_ms)
