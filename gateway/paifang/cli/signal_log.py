"""`paifang signal log`: what a junction has done, in words."""

from typing import Annotated, Any, cast

import typer

from paifang.cli import fields, output
from paifang.cli.complete import NodeArgument
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected

EVENT = "signal"
LOOKED_THROUGH = 50
"""Events of any kind for each one that is shown."""
LOOKED_THROUGH_MOST = 100_000


def _style(row: output.Row) -> str:
    text: str = row["words"]
    return "red" if text.startswith("latched") else "yellow" if "flash" in text or "refused" in text else ""


_COLUMNS = [output.column("TIME", "utc_ms", fields.clock), output.column("WHAT", "words", style=_style)]


def log(
    ctx: typer.Context,
    node: NodeArgument,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="At most so many.")] = 20,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a junction has done lately, in words, the newest last: its states and why, plans, refusals.

    \b
    paifang signal log signal-1 -n 100
    """
    from paifang.cli import signal_known
    from paifang.cli.signal_state import Names
    from paifang_tools.signals.telling import event_words

    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        names = Names(signal_known.ask(gateway, node))
        most = min(limit * LOOKED_THROUGH, LOOKED_THROUGH_MOST)
        found = cast("list[dict[str, Any]]", gateway.request("events", node=node, limit=most))
    rows = [{**row, "words": event_words(row["detail"], names.with_phases)} for row in found if row["event"] == EVENT]
    output.print_rows(rows[-limit:], _COLUMNS, wanted.as_json, f"{node} has told nothing yet")
