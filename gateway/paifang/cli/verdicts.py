"""What became of a command: in words, and as an exit code."""

import time
from collections.abc import Mapping
from typing import Any, cast

import typer

from paifang.cli import fields, output
from paifang.config import units
from paifang.control.client import ControlClient
from paifang.errors import EXIT_NO_ANSWER, EXIT_REFUSED, bad_argument

EXIT_OF_VERDICT = {
    "executed": 0,
    "pending": 0,
    "refused": EXIT_REFUSED,
    "superseded": EXIT_REFUSED,
    "unknown": EXIT_NO_ANSWER,
}
REST_S = 8.0
"""The gateway itself ends the wait for the node; this much longer it may take to ask once more, and to say so."""
POLL_S = 0.5
CLASS_CHECKED_BY_NODE = 3
BY_GATEWAY = "two-person (gateway-enforced)"
"""Behind a bridge nothing but the gateway checks that there are two persons."""

_REASONS = {
    "expired": "expired (it came too late: give it longer with --within, or ask for it again)",
    "interlock": "interlock (the node's own safety condition forbids it now)",
    "too-soon": "too-soon (the output must rest first, after power-on too: try again in a few seconds)",
    "wrong-token": "wrong-token (the node's token is used up or too old: send it again)",
    "unexpected": "unexpected (the point is not at the value that --expect names)",
    "old-keyset": "old-keyset (the node has an older key set: `paifang nodes show` tells which)",
}
"""Reasons of a node that ask for something to be done."""


def sentence(receipt: Mapping[str, Any]) -> str:
    """A receipt in words: "executed: meter-1 relay was on, reads back off"."""
    verdict, where = receipt["verdict"], f"{receipt['node']} {receipt['point']}"
    if verdict == "unknown":
        if receipt.get("reason") is not None:
            return f"unknown: {where}: {receipt['node']} remembers no such command; it may have acted, or not"
        return f"unknown: {receipt['node']} did not answer in time; it may have acted, or not"
    if verdict == "pending":
        until = fields.clock(receipt["expires_ms"])
        who = "another person" if receipt["class"] == CLASS_CHECKED_BY_NODE else f"another person, {BY_GATEWAY},"
        return f"pending: {where} {fields.value(receipt['value'])} waits for {who} until {until}"
    if verdict != "executed":
        reason = receipt["reason"] or "no reason given"
        return f"{verdict}: {where}: {_REASONS.get(reason, reason)}"
    if receipt.get("op") == "select":
        return f"executed: {where} is selected for {_with_unit(receipt['value'], receipt['unit'])}"
    before, after = (_with_unit(receipt[key], receipt["unit"]) for key in ("before", "after"))
    return f"executed: {where} was {before}, reads back {after}"


def show(receipt: Mapping[str, Any], as_json: bool) -> None:
    """A receipt on the output, and what is to be done next."""
    if as_json:
        output.print_json(receipt)
        return
    typer.echo(output.printable(sentence(receipt)))
    if receipt["verdict"] == "pending":
        output.print_note(f"another person runs, where their key is: paifang approve {receipt['id']}")


def exit_code(receipts: list[Mapping[str, Any]]) -> int:
    """The gravest of all."""
    return max((EXIT_OF_VERDICT.get(each["verdict"], EXIT_REFUSED) for each in receipts), default=0)


def wait(gateway: ControlClient, receipt: dict[str, Any]) -> dict[str, Any]:
    """What a pending command has come to, once it has."""
    while receipt["state"] != "ended":
        time.sleep(POLL_S)
        receipt = cast("dict[str, Any]", gateway.request("commands.show", id=receipt["id"]))
    return receipt


def parse_within_ms(text: str) -> int:
    try:
        return units.parse_ms(text)
    except ValueError as error:
        raise bad_argument(f"--within {text}: expected {error}") from error


def _with_unit(value: bool | float | None, unit: str) -> str:
    return f"{fields.value(value)} {unit}".rstrip()
