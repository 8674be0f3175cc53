"""`paifang node`: about a node before it runs."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from paifang.cli import output
from paifang.cli.options import JsonOption
from paifang.errors import bad_argument

app = typer.Typer(name="node", add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

_LEAST_YEARS = 10
_DAY_S, _HOUR_S = 86_400, 3_600
_COLUMNS = [
    output.column("LINK", "link"),
    output.Column("FLUSHES/YEAR", lambda row: f"{row['flushes']:,}", right=True),
    output.Column("ERASES/YEAR", lambda row: f"{row['erases']:,}", right=True),
    output.Column("PER BLOCK", lambda row: f"{row['block']:,}", right=True),
    output.Column("YEARS", lambda row: "-" if row["years"] is None else f"{row['years']:,}", right=True),
]


@app.callback()
def node() -> None:
    """Look at a node's configuration before it runs."""


@app.command()
def wear(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="The node's config.json; without it, the defaults.")
    ] = None,
    blocks: Annotated[
        int, typer.Option("--blocks", metavar="N", min=160, max=4096, help="Blocks of 4 KB of its file system.")
    ] = 512,
    as_json: JsonOption = False,
) -> None:
    """Tell for how many years the journal lets a node's flash live, of 10,000 erases a block.

    \b
    paifang node wear
    paifang node wear meter-1.json --blocks 512
    """
    from paifang_tools import wear as model
    from paifang_tools.errors import ToolError

    try:
        journals = [model.journal_of(each) for each in _configs(config)]
    except ToolError as error:
        raise bad_argument(str(error), "correct config.json; docs/node.md lists what the journal goes by") from error
    shown = [_shown(model, journal, blocks) for journal in journals]
    if as_json:
        output.print_json(shown)
        return
    for each in shown:
        typer.echo(_head(each))
        if each["journal_bytes"]:
            output.print_rows(each["wear"], _COLUMNS, as_json=False, nothing="")
        typer.echo()
    if any(row["years"] is not None and row["years"] < _LEAST_YEARS for each in shown for row in each["wear"]):
        output.print_note(f"less than {_LEAST_YEARS} years: raise journal_flush_s or period_ms, or take more flash")


def _configs(path: Path | None) -> list[dict[str, Any]]:
    if path is None:
        return [{"role": "air_quality"}, {"role": "smart_meter"}]
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise bad_argument(f"{path}: {error}", "name a node's config.json") from error
    if not isinstance(found, dict):
        raise bad_argument(f"{path} is not an object {{ … }}", "name a node's config.json")
    return [found]


def _shown(model: Any, journal: Any, blocks: int) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for name, use in model.uses(journal, blocks).items():
        found = model.wear(use)
        years = round(found.years, 1) if found.block else None
        row = {"link": name, "flushes": round(found.flushes), "erases": round(found.erases)}
        rows.append(row | {"block": round(found.block), "years": years})
    return {
        "role": journal.role,
        "journal_bytes": journal.budget_bytes,
        "journal_flush_s": journal.flush_s,
        "billing_s": journal.billing_s,
        "bytes_s": round(journal.bytes_s, 1),
        "outage_s": round(journal.lasts_s),
        "blocks": blocks,
        "wear": rows if journal.budget_bytes else [],
    }


def _head(each: dict[str, Any]) -> str:
    if not each["journal_bytes"]:
        return f"{each['role']}: no journal"
    hours, days = each["outage_s"] / _HOUR_S, each["outage_s"] / _DAY_S
    lasts = f"{days:.1f} days" if days >= 1 else f"{hours:.1f} hours"
    bills = f", bills kept every {each['billing_s']} s" if each["billing_s"] else ""
    return (
        f"{each['role']}: {each['bytes_s']} bytes/s, flushed every {each['journal_flush_s']} s{bills}; "
        f"{each['journal_bytes'] >> 10} KB hold an outage of {lasts}"
    )
