"""`paifang nodes`: which nodes there are, and which may speak."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from paifang.cli import enrolment, fields, output
from paifang.cli.complete import NodeArgument
from paifang.cli.options import Asked, ConfigOption, DataOption, JsonOption, asked, connected
from paifang.control.client import ControlClient
from paifang.errors import bad_argument

app = typer.Typer(name="nodes", add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

UnknownOption = Annotated[
    bool, typer.Option("--unknown", help="Those that knocked and are not enrolled, instead of those that are.")
]

_LISTED = [
    output.column("NODE", "node"),
    output.Column("LINK", fields.link, style=lambda row: "green" if row.get("connected") else "red"),
    output.column("SEEN", "seen_ms", fields.ago, right=True),
    output.column("BOOT", "boot", right=True),
    output.column("STORED", "stored", right=True),
    output.column("LOST", "lost", right=True, style=lambda row: "yellow" if row.get("lost") else ""),
    output.column("WAITED", "depth", right=True),
    output.column("FIRMWARE", "firmware"),
]
_UNKNOWN = [
    output.column("NODE", "node"),
    output.column("TRIES", "count", right=True),
    output.column("LAST", "seen_ms", fields.ago, right=True),
    output.column("FROM", "link"),
]
_POINTS = [
    output.column("POINT", "number", right=True),
    output.column("NAME", "name"),
    output.column("VALUE", "shown", right=True, style=fields.quality_style),
    output.column("UNIT", "unit"),
    output.column("QUALITY", "quality", style=fields.quality_style),
    output.column("CLASS", "class", right=True),
    output.column("LIMITS", "limits"),
]
_BOOTS = [
    output.column("BOOT", "boot", right=True),
    output.column("SEEN", "seen_ms", fields.ago, right=True),
    output.column("AFTER", "reset"),
    output.column("STORED", "stored", right=True),
    output.column("LOST", "lost", right=True),
    output.column("FIRMWARE", "firmware"),
]


@app.callback(invoke_without_command=True)
def nodes(
    ctx: typer.Context,
    unknown: UnknownOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List, show, enrol and remove nodes.

    Without a command, list them.

    \b
    paifang nodes
    paifang nodes --unknown --json
    paifang nodes show aq-1
    """
    ctx.obj = asked(ctx, data, config, as_json)
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, unknown)


@app.command("list")
def list_nodes(
    ctx: typer.Context,
    unknown: UnknownOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the enrolled nodes, or those that are not known."""
    _list(asked(ctx, data, config, as_json), unknown)


def _list(wanted: Asked, unknown: bool) -> None:
    with connected(wanted.place) as gateway:
        rows = gateway.request("nodes.list", unknown=unknown)
    if unknown:
        output.print_rows(rows, _UNKNOWN, wanted.as_json, "no unknown node has knocked")
    else:
        output.print_rows(rows, _LISTED, wanted.as_json, "no nodes are enrolled; add one with: paifang nodes add")


@app.command()
def show(
    ctx: typer.Context,
    node: NodeArgument,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one node: its link, its boots, its points and their latest values."""
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        found = cast("dict[str, Any]", gateway.request("nodes.show", node=node))
    if wanted.as_json:
        output.print_json(found)
        return
    seen_ms, boots, points = (found.pop(key) for key in ("seen_ms", "boots", "points"))
    found["seen"] = "never" if seen_ms is None else f"{fields.ago(seen_ms)} ago"
    found["refused"] = fields.refusal(found["refused"])
    for line in output.tree(found):
        typer.echo(line)
    for rows, columns in ((points, _POINTS), (boots, _BOOTS)):
        if rows:
            typer.echo()
            output.print_rows(rows, columns, as_json=False, nothing="")


@app.command()
def add(
    ctx: typer.Context,
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="The node's id; without it, it stands on the input.")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="HEX", help="Its node key, 64 hex digits.")] = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the key: 64 hex digits, or 32 bytes.")
    ] = None,
    epoch: Annotated[int, typer.Option(metavar="N", min=0, help="How often the node was re-keyed, from 1.")] = 1,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enrol a node, so that the gateway believes what it says.

    Without --key or --key-file it reads what provisioning printed, one node a line, from its input.
    A key on a command line can be seen by other users while the command runs: the other ways cannot.

    \b
    paifang nodes add aq-1 --key-file aq-1.key
    python -m paifang_tools.provision aq-1 --nvs aq-1.nvs | paifang nodes add
    """
    wanted = asked(ctx, data, config, as_json)
    enrolments = enrolment.given(node, key, key_file, epoch) if key or key_file else enrolment.from_input(node)
    with connected(wanted.place) as gateway:
        _check_sites(gateway, enrolments)
        for each in enrolments:
            gateway.request("nodes.add", node=each["node"], key=each["key"], epoch=each["epoch"])
            output.print_note(f"{each['node']} is enrolled")
    if wanted.as_json:
        output.print_json([{"node": each["node"], "epoch": each["epoch"]} for each in enrolments])


def _check_sites(gateway: ControlClient, enrolments: list[dict[str, Any]]) -> None:
    """A key made for another site would never fit, and nothing else would say why."""
    site = cast("dict[str, Any]", gateway.request("status")).get("site")
    for each in enrolments:
        if each.get("site") not in {None, site}:
            message = f"the key of {each['node']} was made for site {each['site']}, this gateway is {site}"
            raise bad_argument(message, f"provision the node for {site}")


@app.command()
def remove(ctx: typer.Context, node: NodeArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Take a node's key away: it is unknown from now on. What it has reported stays."""
    with connected(asked(ctx, data, config).place) as gateway:
        gateway.request("nodes.remove", node=node)
    output.print_note(f"{node} is removed; its readings stay")


@app.command("reset-boot")
def reset_boot(ctx: typer.Context, node: NodeArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Believe a boot count that went back, once a node has lost its NVS memory.

    Until then its frames are refused as "boot-went-back": they could be old ones, played again.
    """
    with connected(asked(ctx, data, config).place) as gateway:
        gateway.request("nodes.reset-boot", node=node)
    output.print_note(f"the next boot count of {node} is believed, whatever it is")
