"""`paifang signal status`: what a junction does now, at a glance."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paifang.cli import fields, output, signal_known
from paifang.cli.complete import NodeArgument
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected
from paifang.cli.watch import until_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console, RenderableType

    from paifang.cli.options import Asked
    from paifang.cli.signal_known import Known
    from paifang.control.client import ControlClient

SiteOption = Annotated[
    Path | None,
    typer.Option("--site", metavar="FILE", help="For names that the gateway does not know.", show_default=False),
]


def status(
    ctx: typer.Context,
    node: NodeArgument,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on as it reports; Ctrl-C ends it.")] = False,
    site: SiteOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a junction does: state and plan, rings with their timers, lamps, calls, detectors.

    Of a ring GREEN is how long its phase has been green, GAP how long ago the last vehicle was on its detectors, WAIT
    how long somebody has been waiting against it. PASSED and OCCUPIED are what detectors have counted since the report
    before.

    \b
    paifang signal status signal-1 --watch
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        seen = _Seen(signal_known.ask(gateway, node, site), lambda: _again(wanted, node, site))
        if watch:
            with until_interrupted(gateway):
                _watch(gateway, seen, wanted.as_json)
        elif wanted.as_json:
            output.print_json({**seen.state(), "connected": seen.known.row["connected"]})
        else:
            _console().print(seen.render())


class _Seen:
    """What is known of a node so far; `again` asks for its records anew when it goes by others."""

    def __init__(self, known: "Known", again: "Callable[[], Known]") -> None:
        self.known = known
        self._again = again
        self._values = dict(known.values)
        self._connected: bool = known.row["connected"]
        self._seen_ms: int | None = known.row["seen_ms"]

    def take(self, item: "Mapping[str, Any]") -> None:
        """One item of the gateway's stream."""
        if item["kind"] == "node":
            self._connected = item["connected"]
        if item["kind"] != "reading":
            return
        number, before = item["number"], self._values.get(item["number"])
        self._values[number] = None if item["quality"] != "good" else item["value"]
        self._connected, self._seen_ms = True, round(time.time() * 1000)
        if number in signal_known.RECORDS and self._values[number] != before:
            self.known = self._again()

    def state(self) -> dict[str, Any]:
        from paifang.cli.signal_state import state_of

        return state_of(self.known, self._values)

    def render(self) -> "RenderableType":
        from paifang.cli.signal_board import board

        return board(self.state(), self._heard())

    def _heard(self) -> str:
        if self._seen_ms is None:
            return "never heard"
        ago = fields.ago(self._seen_ms)
        return f"heard {ago} ago" if self._connected else f"not connected, heard {ago} ago"


def _watch(gateway: "ControlClient", seen: _Seen, as_json: bool) -> None:
    """A board on a terminal that changes as it reports; into a pipe a board, or a line of JSON, a report."""
    stream = gateway.stream("watch", node=seen.known.node)
    if sys.stdout.isatty() and not as_json:
        from rich.live import Live

        with Live(get_renderable=seen.render, console=_console(), refresh_per_second=4, vertical_overflow="crop"):
            for item in stream:
                seen.take(item)
        return
    record = None
    for item in stream:
        if record is not None and item.get("record") != record:
            _print_state(seen, as_json)
        record = item.get("record")
        seen.take(item)


def _print_state(seen: _Seen, as_json: bool) -> None:
    if as_json:
        typer.echo(output.json_text(seen.state()))
    else:
        _console().print(seen.render())
    sys.stdout.flush()


def _again(wanted: "Asked", node: str, site: Path | None) -> "Known":
    with connected(wanted.place) as gateway:
        return signal_known.ask(gateway, node, site)


def _console() -> "Console":
    from rich.console import Console

    from paifang.cli.signal_board import WIDTH

    return Console(width=None if sys.stdout.isatty() else WIDTH)
