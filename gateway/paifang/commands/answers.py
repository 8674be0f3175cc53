"""What is told of a command, as JSON: the receipt in the point's own unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang_wire import messages, names

if TYPE_CHECKING:
    from paifang.store.commands import Command
    from paifang.store.points import Point, PointTable

PENDING = "pending"


def answer(command: Command, table: PointTable | None) -> dict[str, Any]:
    """{id, node, point, number, unit, class, op, value, verdict, reason, before, after, uptime_ms, token, state, …}.

    `verdict` is "pending" while another person has to approve, "unknown" while nobody has answered; `state` tells
    pending, open and ended ones apart.
    """
    point = table.by_number.get(command.point) if table is not None else None
    receipt = messages.decode(command.receipt) if command.receipt is not None else None
    before, after, token, uptime_ms = (receipt[5], receipt[6], receipt[7], receipt[9]) if receipt else (None,) * 4
    return {
        "id": command.id.hex(),
        "node": command.node,
        "point": point.name if point else str(command.point),
        "number": command.point,
        "unit": point.unit if point else "",
        "class": point.point_class if point else None,
        "op": names.OPS[command.op],
        "value": _shown(point, command.value),
        "state": state(command),
        "verdict": verdict(command),
        "reason": reason(command),
        "before": _shown(point, before),
        "after": _shown(point, after),
        "uptime_ms": uptime_ms,
        "token": token.hex() if token else None,
        "person": command.person,
        "approver": command.approver,
        "via": command.via,
        "asked_ms": command.asked_ms,
        "sent_ms": command.sent_ms,
        "ended_ms": command.ended_ms,
        "expires_ms": command.expires_ms,
        "entry": command.entry,
    }


def token(command: Command) -> bytes | None:
    """The token in the receipt of a select of class 3."""
    return None if command.receipt is None else messages.decode(command.receipt)[7]


def state(command: Command) -> str:
    if command.verdict is not None:
        return "ended"
    return PENDING if command.sent_ms is None else "open"


def verdict(command: Command) -> str:
    if command.verdict is not None:
        return _name(names.VERDICTS, command.verdict)
    return PENDING if command.sent_ms is None else names.VERDICTS[messages.UNKNOWN]


def reason(command: Command) -> str | None:
    return _name(names.REFUSALS, command.reason) if command.reason else None


def _shown(point: Point | None, wire: int | None) -> bool | float | None:
    return point.shown(wire) if point else wire


def _name(table: tuple[str, ...], number: int) -> str:
    return table[number] if number < len(table) else str(number)
