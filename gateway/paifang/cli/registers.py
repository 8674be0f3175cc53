"""`paifang registers`: what the Modbus server shows where, and where the points of a node could stand."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import output
from paifang.cli.complete import nodes
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected
from paifang.errors import PaifangError, bad_argument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paifang.config.modbus_server import ModbusServerSettings, RegisterSettings

app = typer.Typer(name="registers", add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

_COLUMNS = (
    output.column("UNIT", "unit", right=True),
    output.column("ADDRESS", "address", right=True),
    output.column("LAST", "last", right=True),
    output.column("TYPE", "type"),
    output.column("ORDER", "order"),
    output.column("SCALE", "scale", right=True),
    output.column("WRITE", "write", lambda write: "yes" if write else "-"),
    output.column("QUALITY", "quality", right=True),
    output.column("POINT", "point"),
)


@app.callback(invoke_without_command=True)
def registers(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show what the Modbus server shows where, for whoever sets up a SCADA system.

    ADDRESS is as on the line, from 0: what some call 40001 or 30001 is 0. Numbers are holding and input registers,
    switches are coils. The discrete input at ADDRESS is 1 while the value is good, the register at QUALITY says why
    not.

    \b
    paifang registers
    paifang registers propose meter-1 --from 100
    """
    ctx.obj = asked(ctx, data, config, as_json)
    if ctx.invoked_subcommand is None:
        rows = [_row(each) for each in sorted(_settings(ctx).registers, key=lambda each: (each.unit, each.address))]
        output.print_rows(rows, _COLUMNS, ctx.obj.as_json, "nothing is shown; `paifang registers propose` begins")


@app.command()
def propose(
    ctx: typer.Context,
    node: Annotated[str, typer.Argument(help="A node or a bridged device.", show_default=False, autocompletion=nodes)],
    first: Annotated[
        int | None,
        typer.Option("--from", min=0, help="The first address; else the next free ten.", show_default=False),
    ] = None,
    unit: Annotated[int, typer.Option(min=1, max=247, help="The unit id.")] = 1,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Print settings that show all points of a node, one behind the other, to go into gateway.toml.

    Numbers are floats, switches are coils. Once they are there they stay where they are, whatever the node becomes.
    """
    from paifang.bridges.modbus.server_map import QUALITY_FROM

    ctx.obj = wanted = asked(ctx, data, config)
    taken = [_row(each)["last"] for each in _settings(ctx).registers if each.unit == unit]
    with connected(wanted.place) as gateway:
        found = cast("dict[str, Any]", gateway.request("nodes.show", node=node))
    if not found["points"]:
        raise PaifangError(f"{node} has not described itself yet", "try again when it is connected", code="offline")
    begin = first if first is not None else (max(taken, default=-10) // 10 + 1) * 10
    count = sum(map(_count, found["points"]))
    if begin + count > QUALITY_FROM:
        what = f"{node} takes {count} addresses from {begin} on; there are those below {QUALITY_FROM}"
        raise bad_argument(what, "say a lower --from, or another --unit")
    for line in _tables(node, found["points"], begin, unit):
        typer.echo(output.printable(line))


def _settings(ctx: typer.Context) -> "ModbusServerSettings":
    from paifang.config.load import load
    from paifang.scada import registers_of

    found = load(ctx.obj.place).settings.modbus_server
    registers_of(found)
    return found


def _row(each: "RegisterSettings") -> dict[str, Any]:
    from paifang.bridges.modbus.server_map import QUALITY_FROM
    from paifang.scada import entry_of

    row = each.model_dump()
    return {**row, "last": each.address + entry_of(each).count - 1, "quality": QUALITY_FROM + each.address}


def _tables(node: str, points: "list[dict[str, Any]]", address: int, unit: int) -> "Iterator[str]":
    from paifang.config.explain import toml_text

    for point in points:
        is_switch = point["type"] == "bool"
        yield "[[modbus_server.registers]]"
        shown = toml_text(f"{node}/{point['name']}")
        yield f"point = {shown} # {point['unit']}" if point["unit"] else f"point = {shown}"
        yield f"address = {address}"
        if unit != 1:
            yield f"unit = {unit}"
        if is_switch:
            yield 'type = "bit"'
        yield ""
        address += _count(point)


def _count(point: "dict[str, Any]") -> int:
    """How many addresses it takes: a coil, or the two registers of a float."""
    return 1 if point["type"] == "bool" else 2
