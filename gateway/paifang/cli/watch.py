"""`paifang watch`: what the nodes report, as it comes in."""

import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from paifang.cli import fields, output
from paifang.cli.complete import nodes
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected


def watch(
    ctx: typer.Context,
    node: Annotated[str | None, typer.Argument(metavar="NODE", help="Of this node only.", autocompletion=nodes)] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show readings and events as they come in.

    A live table on a terminal, lines into a pipe; Ctrl-C ends it.

    \b
    paifang watch
    paifang watch aq-1 --json | jq .value
    """
