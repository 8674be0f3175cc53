"""`paifang air`: the air-quality indices of the ward's stations."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from paifang.cli import fields, output
from paifang.cli.complete import nodes
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected

_INDICATIVE = "low-cost sensors: the indices are indicative, not those of a reference station"


class StandardName(StrEnum):
    CN_2012 = "cn-2012"
    CN_2026 = "cn-2026"
    US = "us"
    EU = "eu"


def _index(row: output.Row) -> str:
    return "-" if row["index"] is None else f"{row['index']}{'+' if row['beyond'] else ''}"


def _parts(row: output.Row) -> str:
    """The greatest index of each pollutant: an average of eight hours may stand beside the one of an hour."""
    rising = sorted(row["parts"], key=lambda part: -1 if part["index"] is None else part["index"])
    greatest = {part["pollutant"]: _index(part) for part in rising}
    return ", ".join(f"{name} {greatest[name]}" for name in dict.fromkeys(part["pollutant"] for part in row["parts"]))


def _amount(row: output.Row) -> str:
    return "-" if row["concentration"] is None else f"{row['concentration']:g} {row['unit']}"


_COLUMNS = [
    output.column("FROM", "from_ms", fields.clock),
    output.column("NODE", "node"),
    output.Column("INDEX", _index, right=True),
    output.column("CATEGORY", "category"),
    output.column("DOMINANT", "dominant", lambda names: ", ".join(names) or "-"),
    output.Column("OF EACH", _parts),
    output.column("METHOD", "method"),
    output.column("WHY NOT", "reason", lambda reason: reason or "-"),
]
_PART_COLUMNS = [
    output.column("POLLUTANT", "pollutant"),
    output.column("AVERAGE", "average"),
    output.Column("AMOUNT", _amount, right=True),
    output.Column("INDEX", _index, right=True),
    output.column("CATEGORY", "category"),
    output.column("HOURS MISSING", "missing_ms", lambda missing: str(len(missing)), right=True),
    output.column("METHOD", "method"),
    output.column("WHY NOT", "reason", lambda reason: reason or "-"),
]


def air(
    ctx: typer.Context,
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="This station, pollutant by pollutant.", autocompletion=nodes)
    ] = None,
    standard: Annotated[StandardName, typer.Option("--standard", "-s", help="Whose index.")] = StandardName.CN_2026,
    day: Annotated[
        str | None, typer.Option("--day", metavar="DATE", help="The report of a past day, such as 2026-11-27.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the air-quality indices of the last whole hour or of a day, or why there is none.

    \b
    paifang air
    paifang air aq-1 --standard us
    paifang air --day 2026-11-27
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        rows = gateway.request("air.index", node=node, standard=standard.value, day=day)
    output.print_rows(rows, _COLUMNS, wanted.as_json, "no station measures what has an index")
    if not wanted.as_json:
        _explain(rows, in_parts=node is not None)


def _explain(rows: list[dict[str, Any]], *, in_parts: bool) -> None:
    if in_parts:
        every = (part for row in rows for part in row["parts"])
        parts = list({(part["pollutant"], part["average"], part["method"]): part for part in every}.values())
        typer.echo("")
        output.print_rows(parts, _PART_COLUMNS, as_json=False, nothing="no hour of it is covered")
    if any(row["indicative"] for row in rows):
        output.print_note(_INDICATIVE)
    if rows and not rows[0]["in_force"]:
        row = rows[0]
        output.print_note(f"{row['title']} is in force from {row['since'] or '-'} until {row['until'] or '-'}")
