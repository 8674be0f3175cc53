"""`paifang signal log`: what a junction has done, in words."""

import re
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import fields, output
from paifang.cli.complete import NodeArgument
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected

if TYPE_CHECKING:
    from paifang.cli.signal_state import Names

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

    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        names = Names(signal_known.ask(gateway, node))
        most = min(limit * LOOKED_THROUGH, LOOKED_THROUGH_MOST)
        found = cast("list[dict[str, Any]]", gateway.request("events", node=node, limit=most))
    rows = [{**row, "words": words(row["detail"], names)} for row in found if row["event"] == EVENT]
    output.print_rows(rows[-limit:], _COLUMNS, wanted.as_json, f"{node} has told nothing yet")


def words(detail: str, names: "Names") -> str:
    """A signal's event for people; what is not known stands as the node said it."""
    state = _STATE.fullmatch(detail)
    if state is not None:
        return _state_words(int(state[1]), int(state[2]), int(state[3]), names)
    for pattern, told in _WORDS:
        match = pattern.fullmatch(detail)
        if match is not None:
            return told.format(*match.groups())
    return detail


def _state_words(state: int, reason: int, group: int, names: "Names") -> str:
    from paifang.cli.signal_state import STATES, reason_words

    name = STATES[state] if state < len(STATES) else f"state {state}"
    why = reason_words(reason) if state >= STATES.index("flashing") else ""
    where = f" on {names.with_phases(group)}" if group and why else ""
    return f"{name}: {why}{where}" if why else name


_STATE = re.compile(r"state (\d{1,3}) reason (\d{1,3}) group (\d{1,3})", re.ASCII)
_WORDS = (
    (re.compile(r"plan (\d+) cannot be used"), "plan {} does not fit the site record"),
    (re.compile(r"plan (\d+) refused: (.*)"), "plan {} does not fit the site record: {}"),
    (re.compile(r"(plan|day plans) refused: (.*)"), "{} refused: {}"),
    (re.compile(r"plan (\d+) (.+)"), 'goes by plan {}, "{}"'),
    (re.compile(r"site record (damaged|not signed by two roots)"), "flashing: its site record is {}"),
    (re.compile(r"site record of (.+)"), "flashing: it holds the site record of {}"),
)
"""How a node says it, and how it is said here."""
