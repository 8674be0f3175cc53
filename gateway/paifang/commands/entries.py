"""Commands as the log has them: what an entry says of one, and the command that an entry tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from paifang.store.commands import Command
from paifang_wire import messages, names
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paifang.audit.entries import Entry
    from paifang.commands.givers import Giver
    from paifang.store.points import Point

LATE = "audit-late"


def detail(command: Command, giver: Giver, point: Point, expect: int | None, **more: Any) -> dict[str, Any]:
    """What the log says of a command; `more` what else is known of why it was let through."""
    return {
        "actor": giver.actor,
        "id": command.id,
        "op": names.OPS[command.op],
        "point": point.number,
        "name": point.name,
        "class": point.point_class,
        "value": command.value,
        "expect": expect,
        "description": command.description,
        "person": command.person,
        "via": command.via,
        "uid": command.uid,
        "delegation": giver.delegation,
        "asked_ms": command.asked_ms,
        "expires_ms": command.expires_ms,
        "order": command.signed,
        "approval": command.approval,
        "approver": command.approver,
        **more,
    }


def command_of(entry: Entry) -> Command:
    """The command of a "command" or "pending" entry. Raises KeyError, ValueError for an entry of another form."""
    found = plain(entry)[1]
    return Command(
        id=found["id"],
        node=entry.subject,
        uid=found["uid"],
        person=found["person"],
        via=found["via"],
        point=found["point"],
        op=names.OPS.index(found["op"]),
        value=found["value"],
        description=found["description"],
        signed=found["order"],
        approval=found["approval"],
        approver=found["approver"],
        asked_ms=found["asked_ms"],
        expires_ms=found["expires_ms"],
        entry=entry.index,
        payload=found.get("payload"),
        sent_ms=entry.utc_ms if "payload" in found else None,
    )


def settle(command: Command, entry: Entry) -> None:
    """Give `command` the verdict of its "verdict" or "expired" entry."""
    found = plain(entry)[1]
    command.receipt, command.ended_ms = found.get("receipt"), entry.utc_ms
    command.verdict, command.reason = _numbers(found)
    if command.receipt is not None:
        try:
            command.verdict, command.reason = messages.decode(command.receipt)[3:5]
        except WireError:
            command.receipt = None


def plain(entry: Entry) -> tuple[str, Mapping[str, Any]]:
    """The kind and the detail; of one that was logged late, those it would have had in time."""
    if entry.kind != LATE or "kind" not in entry.detail:
        return entry.kind, entry.detail
    return str(entry.detail["kind"]), cast("Mapping[str, Any]", entry.detail["detail"])


def _numbers(found: Mapping[str, Any]) -> tuple[int, int]:
    verdict, reason = found.get("verdict"), found.get("reason")
    return (
        names.VERDICTS.index(verdict) if verdict in names.VERDICTS else messages.REFUSED,
        names.REFUSALS.index(reason) if reason in names.REFUSALS else 0,
    )
