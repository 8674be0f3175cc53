"""`paifang reload` and `paifang stop`: what signals do, with an answer."""

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, asked, connected


def reload(ctx: typer.Context, data: DataOption = None, config: ConfigOption = None) -> None:
    """Have the running gateway read its settings again.

    Nodes stay connected. If something is wrong in the file, the gateway says what and goes on as before.
    """
    with connected(asked(ctx, data, config).place) as gateway:
        gateway.request("reload")
    output.print_note("the settings were read again")


def stop(ctx: typer.Context, data: DataOption = None, config: ConfigOption = None) -> None:
    """Have the running gateway store what it has and stop."""
    with connected(asked(ctx, data, config).place) as gateway:
        gateway.request("stop")
    output.print_note("the gateway stops")
