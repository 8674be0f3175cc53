"""What the demo shows: a live table with the latest words below it on a terminal, plain lines otherwise."""

from __future__ import annotations

import collections
import time
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from paifang_tools.signals import telling

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS_SHOWN = 24
_SIGNAL, _STREET = "signal", "street"
_POINTS_SHOWN = (
    _STREET,
    "pm25",
    "temperature",
    "pressure",
    "fan",
    "voltage",
    "power",
    "energy",
    "relay",
    "relay_1",
    "relay_8",
)
_ONE_OF_EACH_SENSOR = ("pm25", "temperature", "voltage")
"""Counting these counts the readings of sensors, which are what is emitted."""
_LINE_EVERY_S = 5.0
_LINES_AROUND = 5
"""The table's header, the panel's two edges, the line below it, and the cursor's."""
_PANEL_WIDTH = 4
_STYLES = {"did": "green", "refused": "yellow", "power": "red", "said": ""}


class Screen:
    """`take` is given what the gateway stores, `rows` its list of nodes; `say` tells the story."""

    def __init__(self, *, live: bool) -> None:
        self._console = Console(highlight=False, soft_wrap=not live)
        self._words: collections.deque[Text] = collections.deque(maxlen=WORDS_SHOWN)
        self._latest: dict[str, dict[str, str]] = collections.defaultdict(dict)
        self._rows: list[Mapping[str, Any]] = []
        self._emitted: Mapping[str, int] = {}
        self._stored: collections.Counter[str] = collections.Counter()
        self._stored_then: Mapping[str, int] = {}
        self._below = "Ctrl-C counts everything and ends"
        self._started_s = time.monotonic()
        self._line_due_s = 0.0
        self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._picture) if live else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str, kind: str = "said") -> None:
        """One line of the story; `kind` is one of _STYLES."""
        words = Text(f"{time.monotonic() - self._started_s:5.1f} s  {text}", style=_STYLES[kind])
        if self._live:
            self._words.append(words)
        else:
            self._console.print(words)

    def tell(self, node: str, text: str) -> None:
        """What is to be seen of a junction."""
        self._latest[node][_STREET] = text

    def take(self, item: Mapping[str, Any]) -> None:
        """One item of the gateway's watch."""
        if item["kind"] == "reading" and item["point"] in _ONE_OF_EACH_SENSOR and item["value"] is not None:
            self._stored[item["node"]] += 1
        if item["kind"] == "reading":
            self.know(item)
        elif item["kind"] == "event":
            self.say(f"{item['node']} reports {_event(item)}")

    def know(self, reading: Mapping[str, Any]) -> None:
        """A reading, in case it is shown."""
        if reading["point"] in _POINTS_SHOWN:
            self._latest[reading["node"]][reading["point"]] = f"{_value(reading['value'])} {reading['unit']}".rstrip()

    def show(self, rows: list[dict[str, Any]], emitted: Mapping[str, int]) -> None:
        """The gateway's nodes, and how many readings each one's sensors have emitted."""
        self._rows = list(rows)
        self._emitted, self._stored_then = emitted, dict(self._stored)
        if self._live is None and time.monotonic() >= self._line_due_s:
            self._line_due_s = time.monotonic() + _LINE_EVERY_S
            for row in rows:
                self.say(f"{row['node']}  {_state(row):8} {self._readings(row['node'])}".rstrip())

    def last(self, text: str) -> None:
        """The result, left standing on the terminal."""
        if self._live:
            self._below = ""
            self._live.stop()
            self._live = None
        self._console.print(text)

    def _readings(self, node: str) -> str:
        latest = self._latest[node]
        return "  ".join(f"{point} {latest[point]}" for point in _POINTS_SHOWN if point in latest)

    def _picture(self) -> Group:
        table = Table(expand=True, box=None, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("node", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("link", no_wrap=True)
        table.add_column("boot", justify="right")
        table.add_column("emitted", justify="right")
        table.add_column("stored", justify="right")
        table.add_column("latest readings", ratio=1, no_wrap=True, overflow="ellipsis")
        for row in self._rows:
            state = Text(_state(row), style="green" if row["connected"] else "red")
            node = row["node"]
            emitted = "–" if _is_bridged(row) else str(self._emitted.get(node, 0))
            counts = (str(row["boot"] or "–"), emitted, str(self._stored_then.get(node, 0)))
            table.add_row(node, state, _link(row), *counts, self._readings(node))
        words = Panel(Text("\n").join(self._latest_words()), title="what happens", title_align="left")
        # A line of its own: the ^C that a terminal echoes at the panel's end would wrap, and shift the picture.
        return Group(table, words, Text(self._below, style="dim"))

    def _latest_words(self) -> list[Text]:
        """As many of the latest as the terminal has room for; all of them once the demo is over."""
        words = list(self._words)
        room = self._console.height - len(self._rows) - _LINES_AROUND
        for place in range(len(words) - 1, -1, -1):
            room -= len(words[place].wrap(self._console, self._console.width - _PANEL_WIDTH))
            if room < 0 and self._below:
                return words[place + 1 :]
        return words


def _event(item: Mapping[str, Any]) -> str:
    if item["event"] == _SIGNAL:
        return telling.event_words(item["detail"], lambda group: f"group {group}")
    return f"{item['event']}: {item['detail']}" if item["detail"] else item["event"]


def _value(value: bool | float | None) -> str:
    if value is None:
        return "–"
    return ("off", "on")[value] if isinstance(value, bool) else f"{value:.12g}"


def _state(row: Mapping[str, Any]) -> str:
    return "online" if row["connected"] else "offline"


def _link(row: Mapping[str, Any]) -> str:
    if not row["connected"]:
        return "–"
    if _is_bridged(row):
        return "bridge"
    return "serial" if row["link"].startswith("/dev/") else "tcp"


def _is_bridged(row: Mapping[str, Any]) -> bool:
    return str(row.get("firmware")).startswith("profile ")
