"""`paifang bridge`: third-party devices and the buses they are on."""

from typing import Annotated, Any, cast

import typer

from paifang.cli import fields, output
from paifang.cli.bridge_add import add
from paifang.cli.bridge_bus import scan, try_device
from paifang.cli.complete import bridged
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected
from paifang.cli.watch import until_interrupted
from paifang.config.units import age

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Third-party meters, sensors and relays, and the buses they are on.",
)

DeviceArgument = Annotated[
    str, typer.Argument(metavar="DEVICE", help="Its name in the settings.", show_default=False, autocompletion=bridged)
]
_STYLES = {"up": "green", "degraded": "yellow", "down": "red"}
_LISTED = [
    output.column("DEVICE", "device"),
    output.column("STATE", "state", style=lambda row: _STYLES[row["state"]]),
    output.Column("LOCKED", lambda row: "locked" if row["locked"] else "-"),
    output.column("FOR", "for_ms", age, right=True),
    output.Column("CURRENT", lambda row: f"{row['current']}/{row['points']}", right=True),
    output.column("PROFILE", "profile"),
    output.column("ADDRESS", "address", right=True),
    output.column("BUS", "bus"),
    output.column("WHY", "why"),
]


@app.command("list")
def list_(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List the devices: how each stands, since when and why, and how many of its points are current.

    \b
    paifang bridge list
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        rows = cast("list[dict[str, Any]]", gateway.request("bridges.list"))
    output.print_rows(rows, _LISTED, wanted.as_json, "there are no bridges; add one with: paifang bridge add")


@app.command()
def lock(ctx: typer.Context, device: DeviceArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Leave a device alone, while somebody works on it: it is neither read nor commanded, also after a restart."""
    _lock(ctx, device, data, config, locked=True)


@app.command()
def unlock(ctx: typer.Context, device: DeviceArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Take a device up again that was locked."""
    _lock(ctx, device, data, config, locked=False)


def _lock(ctx: typer.Context, device: str, data: Any, config: Any, *, locked: bool) -> None:
    with connected(asked(ctx, data, config).place) as gateway:
        found = gateway.request("bridges.lock", device=device, locked=locked)
    state = "locked" if locked else "unlocked"
    output.print_note(f"{device} is {state}" if found["changed"] else f"{device} was {state} before")


@app.command()
def trace(
    ctx: typer.Context,
    device: DeviceArgument,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what goes over the bus of a device, byte for byte and in words; Ctrl-C ends it.

    \b
    paifang bridge trace meter-1
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway, until_interrupted(gateway):
        for item in gateway.stream("bridges.trace", device=device):
            typer.echo(output.json_text(item) if wanted.as_json else output.printable(_line(item)), color=None)


def _line(item: dict[str, Any]) -> str:
    if item["kind"] == "missed":
        return f"{item['count']} pieces were not shown: this terminal is too slow for them"
    arrow = ">" if item["way"] == "sent" else "<"
    return f"{fields.now()} {arrow} {item['data']}" + (f"   {item['told']}" if item["told"] else "")


app.command("test")(try_device)
app.command()(scan)
app.command()(add)
