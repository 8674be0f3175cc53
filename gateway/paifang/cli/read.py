"""`paifang read`: the latest readings."""

from typing import Annotated

import typer

from paifang.cli import fields, output
from paifang.cli.complete import nodes, points
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected

_COLUMNS = [
    output.column("TIME", "utc_ms", fields.clock),
    output.column("NODE", "node"),
    output.column("POINT", "point"),
    output.column("VALUE", "value", fields.value, right=True, style=fields.quality_style),
    output.column("UNIT", "unit"),
    output.column("QUALITY", "quality", style=fields.quality_style),
    output.column("RECORD", "record"),
]


def read(
    ctx: typer.Context,
    node: Annotated[str | None, typer.Argument(metavar="NODE", help="Of this node only.", autocompletion=nodes)] = None,
    point: Annotated[
        str | None, typer.Argument(metavar="POINT", help="Of this point only.", autocompletion=points)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="At most so many.")] = 20,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the latest readings, the newest last.

    \b
    paifang read
    paifang read aq-1 pm25 -n 100 --json
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        rows = gateway.request("read", node=node, point=point, limit=limit)
    output.print_rows(rows, _COLUMNS, wanted.as_json, _nothing(node, point))


def _nothing(node: str | None, point: str | None) -> str:
    if node is None:
        return "nothing has been read yet"
    if point is None:
        return f"nothing has been read of {node}; `paifang nodes` lists those there are"
    return f"nothing has been read of {node} {point}; `paifang nodes show {node}` lists its points"
