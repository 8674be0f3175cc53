"""`paifang events`: what nodes had to tell beside their readings."""

from typing import Annotated

import typer

from paifang.cli import fields, output
from paifang.cli.complete import nodes
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected

_COLUMNS = [
    output.column("TIME", "utc_ms", fields.clock),
    output.column("NODE", "node"),
    output.column("EVENT", "event"),
    output.column("POINT", "point"),
    output.column("DETAIL", "detail"),
]


def events(
    ctx: typer.Context,
    node: Annotated[str | None, typer.Argument(metavar="NODE", help="Of this node only.", autocompletion=nodes)] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="At most so many.")] = 20,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the latest events, the newest last.

    Sensors gone and back, restarts, records dropped.

    \b
    paifang events
    paifang events aq-1 -n 100 --json
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        rows = gateway.request("events", node=node, limit=limit)
    output.print_rows(rows, _COLUMNS, wanted.as_json, "nothing has happened yet")
