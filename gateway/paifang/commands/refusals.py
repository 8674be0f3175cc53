"""Why the gateway refuses a command, in words, by the code that the node would use too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.errors import EXIT_REFUSED, PaifangError
from paifang_wire import messages, names

if TYPE_CHECKING:
    from paifang.store.points import Point

WIRE_LEAST = -(1 << 63)
WIRE_MOST = (1 << 63) - 1

_TOLD = {
    messages.READ_ONLY: ("{where} can only be read", "`paifang nodes show` lists what can be set"),
    messages.NOT_SELECTED: (
        "{where} is of class {point_class}",
        "it is selected, then operated: sign the order",
    ),
    messages.NO_SUCH_OP: (
        "{where} is of class {point_class}, and has no such operation",
        "class 1 is commanded directly",
    ),
    messages.INTERLOCK: ("{where} is locked: {interlock}", "bring the other point there first; nothing was sent"),
    messages.UNEXPECTED: ("{where} is not at the expected value", "look at it: `paifang read`; nothing was sent"),
    messages.WRONG_TYPE: ("{where} takes no such value", "`paifang nodes show` says what it takes"),
    messages.NO_SUCH_POINT: ("there is no such point", "`paifang nodes show` lists those there are"),
}
"""By the refusal of `rules`: message and hint."""


def refused(code: str, message: str, hint: str = "") -> PaifangError:
    return PaifangError(message, hint, code=code, exit_code=EXIT_REFUSED)


def by_rule(refusal: int, node: str, point: Point, value: int | None) -> PaifangError:
    """What `rules.refusal` found wrong."""
    code, where = names.REFUSALS[refusal], f"{node} {point.name}"
    if refusal == messages.LIMIT:
        return refused(code, f"{where} cannot be {point.text(value)}", f"the node allows {allowed(point)}")
    message, hint = _TOLD.get(refusal, ("{where}: " + code, ""))
    return refused(code, message.format(where=where, point_class=point.point_class, interlock=point.interlock), hint)


def allowed(point: Point) -> str:
    low, high = point.limits
    return f"{point.text(max(low, WIRE_LEAST))} to {point.text(min(high, WIRE_MOST))}"


def offline(node: str) -> PaifangError:
    return refused("offline", f"node {node} is not connected", "a command is never kept for later")


def unlogged(problem: PaifangError) -> PaifangError:
    """Nothing is sent that cannot be logged first."""
    hint = f"the safe state is open all the same: `paifang safe NODE`; {problem.hint}"
    return refused("audit-broken", f"nothing was sent, because it cannot be logged: {problem.message}", hint)
