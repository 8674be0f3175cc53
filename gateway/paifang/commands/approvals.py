"""The second person: an approval of a pending order, by another person, over the same token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.commands import answers, entries
from paifang.commands.gates import APPROVE, Step
from paifang.commands.givers import SIGNED, Envelope, Giver
from paifang.commands.path import check_within
from paifang.commands.refusals import refused
from paifang.errors import PaifangError, bad_argument
from paifang.keys.requests import Signed
from paifang_wire import messages, names, orders
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from paifang.commands.keysets import KeySets
    from paifang.commands.path import CommandPath, Tools
    from paifang.keys.keyset import Entry
    from paifang.store.commands import Command
    from paifang.store.points import Point

_TOLD = {
    messages.INCONSISTENT: "the approval is of another order",
    messages.WRONG_TOKEN: "the approval carries another token than the order",
    messages.EXPIRED: "the approval has expired",
    messages.OLD_KEYSET: "the approval was signed by somebody who knows a newer key set than this gateway has",
}
"""By the refusal of `orders`."""


class Approvals:
    """Takes approvals; an order that is approved is sent at once, with both signatures, for the node to check."""

    def __init__(self, tools: Tools, path: CommandPath, keysets: KeySets) -> None:
        self._tools = tools
        self._path = path
        self._keysets = keysets

    async def approve(
        self, identifier: bytes, data: bytes, within_ms: int, uid: int | None, note: str
    ) -> dict[str, Any]:
        """Send the pending order `identifier` with this approval of it; returns what `answers.answer` tells.

        Raises PaifangError when nothing was sent; the order goes on waiting then.
        """
        check_within(within_ms)
        signed = Signed.split(data, "approval")
        try:
            fields = orders.decode_approval(signed.payload)
        except WireError as error:
            raise bad_argument(f"this is not an approval: {error}") from error
        return await self._tools.dispatcher.outlive(
            self._approve(identifier, data, signed, fields, within_ms, uid, note)
        )

    async def _approve(
        self,
        identifier: bytes,
        data: bytes,
        signed: Signed,
        fields: list[Any],
        within_ms: int,
        uid: int | None,
        note: str,
    ) -> dict[str, Any]:
        command = self._tools.pendings.find(identifier)
        assert command.signed is not None
        envelope = Envelope.open(command.signed)
        about = {"id": identifier, "point": command.point, "approval": data, "op": APPROVE}
        with self._tools.gates.attempt(command.node, f"key {signed.kid.hex()}", **about) as attempt:
            target, point = self._path.located(command.node, command.point)
            if target.description != command.description:
                raise refused("inconsistent", f"{command.node} describes itself otherwise by now", "order it anew")
            approver = self._tools.givers.of_approval(signed, point, messages.OP_OPERATE, command.node)
            attempt.actor = f"{approver.person} (key {approver.kid.hex()})"
            requester = self._tools.givers.of_order(envelope, point, command.uid, None)
            self._check_approval(command, envelope, requester, approver, fields)
            step = Step(command.node, point, command.op, command.value, envelope.order.expect)
            giver = Giver(approver.person, attempt.actor, SIGNED, uid=uid, kid=approver.kid)
            passed = self._tools.gates.ask(giver, step, APPROVE, requester.person)
            self._tools.gates.check_rules(step, target)
            self._tools.gates.check_log()
            command.approval, command.approver = data, approver.person
            deadline_ms = target.uptime_ms() + within_ms
            more = {"rules": list(passed), "reason": envelope.order.reason, "note": note or None}
            detail = entries.detail(command, requester, point, step.expect, **more)
            await self._send(command, point, giver, detail, deadline_ms)
        return answers.answer(command, target.table)

    async def _send(
        self, command: Command, point: Point, giver: Giver, detail: dict[str, Any], deadline_ms: int
    ) -> None:
        """Log the approval and send. Whatever keeps it here, the order waits again."""
        pendings, journal = self._tools.pendings, self._tools.journal
        pendings.take(command)  # before anything is waited for: nobody else approves it meanwhile
        try:
            about = {"point": point.number, "name": point.name, "approval": command.approval}
            journal.note("approval", command.node, giver.actor, id=command.id, person=giver.person, **about)
            await self._tools.dispatcher.send(command, detail["expect"], deadline_ms, detail)
            self._path.forget(command.node, command.point)
        except PaifangError:
            if command.verdict is None:
                command.approval = command.approver = command.payload = None
                pendings.add(command)
            raise

    def _check_approval(
        self, command: Command, envelope: Envelope, requester: Giver, approver: Entry, fields: list[Any]
    ) -> None:
        order_key = self._keysets.held().find(envelope.signed.kid)
        where = f"{command.node} {envelope.order.point}"
        if order_key is None or orders.persons_refusal(order_key.row, approver.row):
            message = f"{approver.person} has ordered this: another person approves it, whatever the key"
            raise refused("same-person", message)
        token = envelope.order.token
        assert token is not None
        utc_ms = self._tools.utc_ms()
        found = orders.approval_refusal(fields, envelope.signed.payload, token, self._keysets.version, utc_ms)
        if found:
            message = f"{where} of {requester.person}: {_TOLD.get(found, names.REFUSALS[found])}"
            raise refused(names.REFUSALS[found], message, "`paifang approve` makes a fitting one")
