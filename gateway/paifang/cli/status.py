"""`paifang status`: the gateway at a glance."""

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected


def status(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show how the gateway is: what it has taken in, stored and refused."""
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        found = gateway.request("status")
    if wanted.as_json:
        output.print_json(found)
        return
    for line in output.tree(found):
        typer.echo(line)
