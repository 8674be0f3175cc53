"""`paifang watch`: what the nodes report, as it comes in."""

import contextlib
import signal
import sys
from collections.abc import Callable, Generator, Mapping
from types import FrameType
from typing import Annotated, Any

import typer

from paifang.cli import fields, output
from paifang.cli.complete import nodes
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected
from paifang.control.client import ControlClient
from paifang.control.lines import UnreachableError

Item = Mapping[str, Any]


def watch(
    ctx: typer.Context,
    node: Annotated[str | None, typer.Argument(metavar="NODE", help="Of this node only.", autocompletion=nodes)] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show readings and events as they come in.

    A live table on a terminal, lines into a pipe; Ctrl-C ends it.

    \b
    paifang watch
    paifang watch aq-1 --json | jq .value
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        if node is not None:
            gateway.request("nodes.show", node=node)  # a name that is nobody's would be watched for ever
        with until_interrupted(gateway):
            if sys.stdout.isatty() and not wanted.as_json:
                _live(gateway, node)
            else:
                _lines(gateway, node, output.json_text if wanted.as_json else line)


@contextlib.contextmanager
def until_interrupted(gateway: ControlClient) -> Generator[None]:
    """Ctrl-C hangs up, and the stream ends where it is read: an exception anywhere else could be lost in a drawing."""
    interrupted = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        gateway.hang_up()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    except UnreachableError:
        if not interrupted:
            raise
    finally:
        signal.signal(signal.SIGINT, before)


def _lines(gateway: ControlClient, node: str | None, text: Callable[[Item], str]) -> None:
    for item in gateway.stream("watch", node=node):
        typer.echo(text(item))
        sys.stdout.flush()


def _live(gateway: ControlClient, node: str | None) -> None:
    from rich.live import Live

    from paifang.cli.live import Board

    board = Board.of(gateway, node)
    with Live(get_renderable=board.render, refresh_per_second=4, vertical_overflow="crop"):
        for item in gateway.stream("watch", node=node):
            board.take(item)


def line(item: Item) -> str:
    """One item as a line: "18:35:07  aq-1  pm25 12 µg/m3"."""
    return output.printable(_TEXTS[item["kind"]](item))


def _reading(item: Item) -> str:
    value, quality = fields.value(item["value"]), item["quality"]
    mark = "" if quality == "good" else f"  ({quality})"
    return f"{_time(item)}  {item['node']}  {item['point']} {value} {item['unit']}".rstrip() + mark


def _event(item: Item) -> str:
    about = "" if item["point"] is None else f" {item['point']}"
    detail = f": {item['detail']}" if item["detail"] else ""
    return f"{_time(item)}  {item['node']}  event {item['event']}{about}{detail}"


def _node(item: Item) -> str:
    return f"{fields.now()}  {item['node']}  {'connected' if item['connected'] else 'disconnected'}"


def _missed(item: Item) -> str:
    return f"{fields.now()}  {item['count']} records were not shown: this terminal is too slow for them"


def _time(item: Item) -> str:
    """The node's time; before it had one, that of the gateway, marked."""
    return fields.clock(item["utc_ms"]) if item["utc_ms"] is not None else f"~{fields.clock(item['received_ms'])}"


_TEXTS: dict[str, Callable[[Item], str]] = {"reading": _reading, "event": _event, "node": _node, "missed": _missed}
