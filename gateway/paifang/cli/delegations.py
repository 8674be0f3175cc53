"""`paifang delegations`: what operators have signed over to services, and taking it back."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from paifang.cli import fields, output
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected

app = typer.Typer(name="delegations", add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

_COLUMNS = (
    output.column("ID", "id"),
    output.column("SERVICE", "service"),
    output.column("STATE", "state", style=lambda row: "green" if row["state"] == "active" else "yellow"),
    output.column("UNTIL", "expires_ms", fields.clock),
    output.column("USED", "used", right=True),
    output.column("WHAT", "words"),
)


@app.callback(invoke_without_command=True)
def delegations(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List, add and revoke what services may command.

    Without a command, list them.

    \b
    paifang delegations
    paifang delegations add scada.delegation
    paifang delegations revoke 0123456789abcdef
    """
    ctx.obj = asked(ctx, data, config, as_json)
    if ctx.invoked_subcommand is None:
        _list(ctx, data, config, as_json)


@app.command("list")
def list_delegations(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List the delegations that were ever added."""
    _list(ctx, data, config, as_json)


def _list(ctx: typer.Context, data: Path | None, config: Path | None, as_json: bool) -> None:
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        rows = gateway.request("delegations.list")
    output.print_rows(rows, _COLUMNS, wanted.as_json, "nothing is delegated; `paifang keys delegate` signs it")


@app.command()
def add(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The signed *.delegation.", show_default=False)],
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a signed delegation count from now on."""
    from paifang.keys import files

    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        answer = gateway.request("delegations.add", delegation=files.read_bytes(file).hex())
    _told(cast("dict[str, Any]", answer), wanted.as_json, "is in force")


@app.command()
def revoke(
    ctx: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="A delegation's id.", show_default=False)],
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a delegation count no more, from this moment on."""
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        answer = gateway.request("delegations.revoke", id=identifier)
    _told(cast("dict[str, Any]", answer), wanted.as_json, "is revoked")


def _told(row: dict[str, Any], as_json: bool, what: str) -> None:
    if as_json:
        output.print_json(row)
    output.print_note(f"delegation {row['id']} {what}: {row['words']}")
