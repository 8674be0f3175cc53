"""Operations that command: unsigned ones by local authority, signed orders, approvals, key sets and delegations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.arguments import Arguments
from paifang.commands.path import ID_LENGTH, Request, Submitted
from paifang.errors import bad_argument
from paifang.keys.roots import FILE_LIMIT
from paifang.operations.callers import actor, giver
from paifang_wire import messages, rules

if TYPE_CHECKING:
    from paifang.commands.approvals import Approvals
    from paifang.commands.delegations import Delegations
    from paifang.commands.keysets import KeySets
    from paifang.commands.lookup import Lookup
    from paifang.commands.path import CommandPath
    from paifang.control.authority import Caller
    from paifang.control.connection import Handler

WITHIN_DEFAULT_MS = 10_000
WITHIN_LIMIT_MS = 1 << 31
ORDER_LIMIT = 1_024
"""Bytes of a signed order, approval or delegation."""
DELEGATION_LIMIT = 4_096
LIST_DEFAULT = 20
LIST_MOST = 10_000


class CommandOperations:
    def __init__(
        self, path: CommandPath, approvals: Approvals, lookup: Lookup, keysets: KeySets, delegations: Delegations
    ) -> None:
        self._path = path
        self._approvals = approvals
        self._lookup = lookup
        self._keysets = keysets
        self._delegations = delegations

    def handlers(self) -> dict[str, Handler]:
        return {
            "send": self._send,
            "safe": self._safe,
            "commands.target": self._target,
            "commands.submit": self._submit,
            "commands.approve": self._approve,
            "commands.pending": self._pending,
            "commands.show": self._show,
            "commands.list": self._list,
            "keyset.load": self._load_keyset,
            "keyset.show": self._show_keyset,
            "delegations.add": self._add_delegation,
            "delegations.list": self._list_delegations,
            "delegations.revoke": self._revoke_delegation,
        }

    async def _send(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("send", args)
        node, point, value = given.text("node"), given.anything("point"), given.anything("value")
        expect, reason = given.optional("expect"), _reason(given)
        within_ms = _within_ms(given)
        given.done()
        return await self._path.send(Request(node, point, value, within_ms, expect, reason), giver(caller))

    async def _safe(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("safe", args)
        node, point, within_ms = given.text("node"), given.optional_text("point"), _within_ms(given)
        given.done()
        return await self._path.safe(node, point, min(within_ms, rules.SAFE_WITHIN_MS), giver(caller))

    async def _target(self, args: dict[str, Any], _caller: Caller) -> Any:
        given = Arguments("commands.target", args)
        node, point = given.text("node"), given.anything("point")
        given.done()
        return self._lookup.target(node, point)

    async def _submit(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("commands.submit", args)
        order, within_ms = given.octets("order", ORDER_LIMIT), _within_ms(given)
        delegation, note = given.optional_octets("delegation", ID_LENGTH), _note(given)
        given.done()
        return await self._path.submit(Submitted(order, within_ms, caller.uid, delegation, note))

    async def _approve(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("commands.approve", args)
        identifier, approval = given.hexadecimal("id", ID_LENGTH), given.octets("approval", ORDER_LIMIT)
        within_ms, note = _within_ms(given), _note(given)
        given.done()
        return await self._approvals.approve(identifier, approval, within_ms, caller.uid, note)

    async def _pending(self, args: dict[str, Any], _caller: Caller) -> Any:
        Arguments("commands.pending", args).done()
        return self._lookup.pending()

    async def _show(self, args: dict[str, Any], _caller: Caller) -> Any:
        given = Arguments("commands.show", args)
        identifier = given.hexadecimal("id", ID_LENGTH)
        given.done()
        return await self._lookup.show(identifier)

    async def _list(self, args: dict[str, Any], _caller: Caller) -> Any:
        given = Arguments("commands.list", args)
        limit, node = given.whole("limit", LIST_DEFAULT, 1, LIST_MOST), given.optional_text("node")
        given.done()
        return await self._lookup.list(limit, node)

    async def _load_keyset(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("keyset.load", args)
        keyset = given.octets("keyset", FILE_LIMIT)
        given.done()
        return await self._keysets.load(keyset, actor(caller))

    async def _show_keyset(self, args: dict[str, Any], _caller: Caller) -> Any:
        Arguments("keyset.show", args).done()
        return self._keysets.show()

    async def _add_delegation(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("delegations.add", args)
        signed = given.octets("delegation", DELEGATION_LIMIT)
        given.done()
        return await self._delegations.add(signed, actor(caller))

    async def _list_delegations(self, args: dict[str, Any], _caller: Caller) -> Any:
        Arguments("delegations.list", args).done()
        return self._delegations.list()

    async def _revoke_delegation(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("delegations.revoke", args)
        identifier = given.hexadecimal("id", ID_LENGTH)
        given.done()
        return await self._delegations.revoke(identifier, actor(caller))


def _within_ms(given: Arguments) -> int:
    return given.whole("within_ms", WITHIN_DEFAULT_MS, 0, WITHIN_LIMIT_MS)


def _reason(given: Arguments) -> str:
    reason = given.optional_text("reason") or ""
    if len(reason) > messages.TEXT_LIMIT:
        raise bad_argument(f"a reason has at most {messages.TEXT_LIMIT} characters")
    return reason


def _note(given: Arguments) -> str:
    return "signed on the gateway's own machine" if given.flag("on_gateway") else ""
