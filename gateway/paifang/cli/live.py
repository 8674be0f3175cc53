"""The live table: a line a node, a column a point, nodes of one kind together."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Self, cast

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from paifang.cli import fields, output
from paifang.cli.watch import line
from paifang.control.client import ControlClient

EVENTS_SHOWN = 6
HEALTH_POINTS_FROM = 32
"""Points of a node's own health stand in `paifang nodes show`, not here."""
ASKED_AT_FIRST = 50
"""Nodes whose last values are there from the start; those of the others come with their next reports."""
FRESH_S = 1.0
"""A value this young is shown bright."""


@dataclass(slots=True)
class _Cell:
    shown: str
    unit: str
    quality: str
    at_s: float


@dataclass(slots=True)
class _Node:
    connected: bool = False
    seen_s: float | None = None
    cells: dict[str, _Cell] = field(default_factory=dict[str, _Cell])


class Board:
    """What a watcher has seen so far. `take` and `render` may be called from different threads."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        self._events: deque[str] = deque(maxlen=EVENTS_SHOWN)
        self._lock = Lock()

    @classmethod
    def of(cls, gateway: ControlClient, node: str | None) -> Self:
        """A board that begins with what the gateway knows of a node, or of all."""
        board = cls()
        rows = cast("list[dict[str, Any]]", gateway.request("nodes.list"))
        for row in [row for row in rows if node in {None, row["node"]}][:ASKED_AT_FIRST]:
            board._begin(row, gateway.request("nodes.show", node=row["node"])["points"])
        return board

    def take(self, item: Mapping[str, Any]) -> None:
        """One item of the stream."""
        with self._lock:
            if item["kind"] == "reading":
                self._reading(item)
            else:
                self._events.append(line(item))
            if item["kind"] == "node":
                self._node(item["node"]).connected = item["connected"]

    def render(self) -> RenderableType:
        with self._lock:
            kinds: dict[tuple[str, ...], list[str]] = {}
            for name in sorted(self._nodes):
                kinds.setdefault(tuple(self._nodes[name].cells), []).append(name)
            tables = [self._table(points, names) for points, names in kinds.items()]
            if not tables:
                tables = [Text("no node has reported yet; `paifang nodes` lists those that may")]
            events = [Text(text, style="dim", no_wrap=True) for text in self._events]
            return _Screen(tables, events)

    def _begin(self, row: Mapping[str, Any], points: list[dict[str, Any]]) -> None:
        node = self._node(row["node"])
        node.connected = row["connected"]
        seen_ms = row["seen_ms"]
        node.seen_s = None if seen_ms is None else seen_ms / 1000
        for point in points:
            if point["number"] < HEALTH_POINTS_FROM:
                shown = "-" if point["value"] is None else point["shown"]
                node.cells[point["name"]] = _Cell(shown, point["unit"], point["quality"] or "good", 0.0)

    def _reading(self, item: Mapping[str, Any]) -> None:
        node = self._node(item["node"])
        node.connected, node.seen_s = True, time.time()
        if item["number"] >= HEALTH_POINTS_FROM:
            return
        shown = fields.value(item["value"])
        node.cells[item["point"]] = _Cell(shown, item["unit"], item["quality"], time.time())

    def _node(self, name: str) -> _Node:
        return self._nodes.setdefault(name, _Node())

    def _table(self, points: tuple[str, ...], names: list[str]) -> Table:
        table = output.plain_table()
        table.add_column("NODE", no_wrap=True)
        table.add_column("SEEN", justify="right", no_wrap=True)
        for point in points:
            unit = next((self._nodes[name].cells[point].unit for name in names), "")
            heading = output.printable(point).replace("_", "_\n")  # long names on narrow terminals
            table.add_column(Text(f"{heading}\n{output.printable(unit)}"), justify="right", overflow="fold")
        for name in names:
            node = self._nodes[name]
            seen = "never" if node.seen_s is None else fields.ago(round(node.seen_s * 1000))
            style = "bold" if node.connected else "red"
            table.add_row(
                Text(name, style=style),
                Text(seen, style="" if node.connected else "red"),
                *(_cell_text(node.cells[point]) for point in points),
            )
        return table


def _cell_text(cell: _Cell) -> Text:
    if cell.quality != "good":
        return Text(cell.shown if cell.shown != "-" else cell.quality, style="yellow")
    return Text(cell.shown, style="bright_white" if time.time() - cell.at_s < FRESH_S else "")


class _Screen:
    """The tables, as much of them as the terminal is high, and below them the latest events."""

    def __init__(self, tables: list[Any], events: list[Text]) -> None:
        self._tables = tables
        self._events = events

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Any:
        room = console.height - len(self._events) - 2
        lines = console.render_lines(Group(*self._tables), options, pad=False)
        from rich.segment import Segment

        for shown in lines[:room]:
            yield from shown
            yield Segment.line()
        if len(lines) > room:
            yield Text(f"… {len(lines) - room} more lines; `paifang watch NODE` shows one node", style="dim")
        yield from self._events
