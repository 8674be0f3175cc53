"""`paifang send`: a command to a node, and what became of it."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

import typer

from paifang.cli import fields, output
from paifang.cli.complete import NodeArgument, PointArgument
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected
from paifang.config import units
from paifang.errors import EXIT_NO_ANSWER, EXIT_REFUSED, bad_argument

_EXIT_OF_VERDICT = {"executed": 0, "refused": EXIT_REFUSED, "superseded": EXIT_REFUSED, "unknown": EXIT_NO_ANSWER}

_REASONS = {
    "expired": "expired (it reached the node too late: give it longer with --within)",
    "interlock": "interlock (the node's own safety condition forbids it now)",
    "too-soon": "too-soon (the output must rest first, after power-on too: try again in a few seconds)",
}
"""Reasons of a node that ask for something to be done."""
_REST_S = 5.0
"""The gateway itself ends the wait for the node; this much longer it may take to say so."""


app = typer.Typer(add_completion=False, rich_markup_mode="rich")


# A negative number is a value, not an option.
@app.command(context_settings={"ignore_unknown_options": True})
def send(
    ctx: typer.Context,
    node: NodeArgument,
    point: PointArgument,
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="on, off, or a number in the point's unit.", show_default=False)
    ],
    within: Annotated[str, typer.Option(metavar="TIME", help="The node acts in this time or not at all.")] = "10s",
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a point of a node and wait for its receipt.

    The receipt has the verdict and the value read back. Exits with 0 if the command was executed, 1 if the node
    or the gateway refused it, 5 if nobody answered in time: then it is not known whether the node acted.

    \b
    paifang send meter-1 relay off
    paifang send meter-1 power_limit 2200 --within 5s
    """
    wanted = asked(ctx, data, config, as_json)
    within_ms = _within_ms(within)
    with connected(wanted.place) as gateway:
        receipt = cast(
            "dict[str, Any]",
            gateway.request(
                "send",
                timeout_s=within_ms / 1000 + _REST_S,
                node=node,
                point=point,
                value=value,
                within_ms=within_ms,
            ),
        )
    if wanted.as_json:
        output.print_json(receipt)
    else:
        typer.echo(output.printable(sentence(receipt)))
    raise typer.Exit(_EXIT_OF_VERDICT.get(receipt["verdict"], EXIT_REFUSED))


def sentence(receipt: Mapping[str, Any]) -> str:
    """A receipt in words: "executed: meter-1 relay was on, reads back off"."""
    verdict, where = receipt["verdict"], f"{receipt['node']} {receipt['point']}"
    if verdict == "unknown":
        return f"unknown: {receipt['node']} did not answer in time; it may have acted, or not"
    if verdict != "executed":
        reason = receipt["reason"] or "no reason given"
        return f"{verdict}: {where}: {_REASONS.get(reason, reason)}"
    before, after = (_with_unit(receipt[key], receipt["unit"]) for key in ("before", "after"))
    return f"executed: {where} was {before}, reads back {after}"


def _with_unit(value: bool | float | None, unit: str) -> str:
    return f"{fields.value(value)} {unit}".rstrip()


def _within_ms(text: str) -> int:
    try:
        return units.parse_ms(text)
    except ValueError as error:
        raise bad_argument(f"--within {text}: expected {error}") from error
