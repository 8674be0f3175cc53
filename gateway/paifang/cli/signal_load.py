"""A plan or day plans on their way to a node: staged there, then taken by a command of class 2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from paifang.cli import output, send, verdicts
from paifang.control.client import ControlClient

ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is logged, and signed.")]
WithinOption = Annotated[str, typer.Option("--within", metavar="TIME", help="How long to wait for the node.")]

_REASONS = {
    "not-selected": "it is not staged any more, or another one is: load it again",
    "inconsistent": "the node got another site record meanwhile: check the plan against that, and load it again",
    "limit": "the node holds as many plans as it can, with other names: give this one the name of one to be replaced",
    "busy": "the node could not write it down: try again",
}
"""What a node's refusal of the command means here."""


@dataclass(frozen=True)
class Order:
    """What the command line said of the command: where, to which point, and by whom."""

    node: str
    point: str
    within: str
    reason: str
    key: str | None
    passphrase_file: Path | None


def load(gateway: ControlClient, order: Order, what: str, record: Sequence[Any]) -> dict[str, Any]:
    """The receipt of the command that takes what was staged. Raises PaifangError when it was not staged."""
    from paifang_wire import cbor

    within_ms = verdicts.parse_within_ms(order.within)
    given: dict[str, Any] = {"what": what, "payload": cbor.encode(record).hex(), "within_ms": within_ms}
    timeout_s = within_ms / 1000 + verdicts.REST_S
    staged = cast("dict[str, Any]", gateway.request("signals.stage", timeout_s, node=order.node, **given))
    output.print_note(f"{order.node} has checked it, and keeps it ready as {staged['id']}")
    wanted = send.Wanted(
        node=order.node,
        point=order.point,
        value=str(staged["id"]),
        within_ms=within_ms,
        expect=None,
        reason=order.reason,
        key=order.key,
        passphrase_file=order.passphrase_file,
        token=None,
        on_gateway=False,
    )
    return send.command(gateway, wanted)


def tell(receipt: Mapping[str, Any], what: str, as_json: bool) -> None:
    """A receipt, what it means here, and the exit code."""
    verdicts.show(receipt, as_json)
    if receipt["verdict"] == "executed":
        output.print_note(f"{what} is on {receipt['node']} now")
    elif receipt.get("reason") in _REASONS:
        output.print_note(_REASONS[receipt["reason"]])
    raise typer.Exit(verdicts.exit_code([receipt]))
