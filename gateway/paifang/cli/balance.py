"""`paifang balance`: every record accounted for, per node and per sink."""

from pathlib import Path
from typing import Annotated, Any

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked
from paifang.config.places import STORE_FILE
from paifang.errors import EXIT_REFUSED

_NODES = [
    output.column("NODE", "node"),
    *(output.column(name.upper(), name, right=True) for name in ("settled", "stored", "lost", "kept", "retired")),
    output.Column("HOLDS", lambda row: "yes" if row["holds"] else "NO"),
]
_SINKS = [
    output.column("SINK", "sink"),
    output.column("NODE", "node"),
    *(output.column(name.upper(), name, right=True) for name in ("due", "delivered", "buffered")),
    output.Column("DROPPED", lambda row: ", ".join(f"{n} {why}" for why, n in sorted(row["dropped"].items())) or "-"),
    output.Column("HOLDS", lambda row: "yes" if row["holds"] else "NO"),
]


def balance(
    ctx: typer.Context,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="FILE", help="Another store, such as a backup.", show_default=False),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold all counts of records against one another; exits with 1 when something is not accounted for.

    Of a node: what it numbered is stored or declared lost, and what was stored is kept or retired. Of a sink: what it
    owes is delivered, dropped for a reason, or still buffered. It counts the records themselves, in the store's file.

    \b
    paifang balance
    """
    wanted = asked(ctx, data, config, as_json)
    from dataclasses import asdict

    from paifang.archive import source
    from paifang.config.load import load
    from paifang.store.balance import balance as found_in

    with source.opened(store or load(wanted.place).settings.data / STORE_FILE, least_version=3) as connection:
        found = found_in(connection)
    nodes = [{**asdict(each), "holds": each.holds} for each in found.nodes]
    sinks = [{**asdict(each), "holds": each.holds} for each in found.sinks]
    if wanted.as_json:
        output.print_json({"nodes": nodes, "sinks": sinks, "problems": found.problems})
    else:
        _show(nodes, sinks)
    for problem in found.problems:
        output.print_error(problem, "please report it; `paifang check --store` looks at the file")
    if found.problems:
        raise typer.Exit(EXIT_REFUSED)


def _show(nodes: list[dict[str, Any]], sinks: list[dict[str, Any]]) -> None:
    output.print_rows(nodes, _NODES, as_json=False, nothing="nothing has been stored yet")
    if sinks:
        output.print_note("")
        output.print_rows(sinks, _SINKS, as_json=False, nothing="")
