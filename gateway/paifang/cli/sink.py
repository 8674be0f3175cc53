"""`paifang sink`: where in the city network records go, and how far each place has got."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import output, settings_file
from paifang.cli.complete import sinks
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected
from paifang.cli.times import utc_ms
from paifang.config.units import age
from paifang.errors import bad_argument, not_found

if TYPE_CHECKING:
    from paifang.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Where in the city network records go: MQTT, NATS, bureaus, city models.",
)

SinkArgument = Annotated[
    str, typer.Argument(metavar="SINK", help="Its name in the settings.", show_default=False, autocompletion=sinks)
]
_STYLES = {"up": "green", "paused": "yellow", "down": "red"}
_LISTED = [
    output.column("SINK", "sink"),
    output.column("KIND", "kind"),
    output.column("STATE", "state", style=lambda row: _STYLES[row["state"]]),
    output.column("DELIVERED", "delivered", right=True),
    output.column("WAITING", "waiting", right=True),
    output.Column("BEHIND", lambda row: _behind(row["oldest_ms"]), right=True),
    output.Column("DROPPED", lambda row: _reasons(row["dropped"])),
    output.column("WHY", "why"),
]


def _behind(oldest_ms: int | None) -> str:
    return "-" if oldest_ms is None else age(max(round(time.time() * 1000) - oldest_ms, 0))


def _reasons(dropped: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items())) or "-"


@app.command("list")
def list_(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List the sinks: how each stands, what it has delivered, what waits and since when, what was dropped and why.

    \b
    paifang sink list
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        rows = cast("list[dict[str, Any]]", gateway.request("sinks.list"))
    output.print_rows(rows, _LISTED, wanted.as_json, "there are no sinks; add one with: paifang sink add")


@app.command()
def pause(ctx: typer.Context, sink: SinkArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Have a sink wait, also over restarts: records stay in the store for it."""
    _pause(ctx, sink, data, config, paused=True)


@app.command()
def resume(ctx: typer.Context, sink: SinkArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Have a paused sink go on: what is new first, beside it what has waited."""
    _pause(ctx, sink, data, config, paused=False)


def _pause(ctx: typer.Context, sink: str, data: Any, config: Any, *, paused: bool) -> None:
    with connected(asked(ctx, data, config).place) as gateway:
        found = gateway.request("sinks.pause", sink=sink, paused=paused)
    state = "paused" if paused else "not paused"
    output.print_note(f"{sink} is {state}" if found["changed"] else f"{sink} was {state} before")


@app.command()
def replay(
    ctx: typer.Context,
    sink: SinkArgument,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Stored from then on: 2026-11-20, 2h (ago).", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="And before then.", show_default=False)
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Deliver once more what is stored: for a far side that has lost something. It knows doubles by their ids.

    \b
    paifang sink replay city --since 2026-11-20 --until 2026-11-21
    """
    span = {"since_ms": utc_ms("--since", since), "until_ms": utc_ms("--until", until)}
    given = {name: moment for name, moment in span.items() if moment is not None}
    with connected(asked(ctx, data, config).place) as gateway:
        found = gateway.request("sinks.replay", sink=sink, **given)
    output.print_note(f"{found['records']} records go to {sink} once more, behind what is new")


@app.command("test")
def try_sink(ctx: typer.Context, sink: SinkArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Connect to a sink's far side as its settings say, and leave again; no record is sent.

    \b
    paifang sink test city
    """
    from paifang.config.load import load

    settings = load(asked(ctx, data, config).place).settings
    found = settings.sinks.by_name.get(sink)
    if found is None:
        raise not_found(f"there is no sink {sink} in the settings", "add it with: paifang sink add")
    asyncio.run(_tried(settings, *found))
    output.print_note(f"{sink} is there and takes this gateway")


async def _tried(settings: "Settings", kind: str, sink: Any) -> None:
    import os

    from paifang.north import kinds
    from paifang.north.connector import explained, opened

    ward = kinds.Ward(settings.site, lambda: round(time.time() * 1000), os.urandom)
    try:
        async with opened(kinds.build(kind, sink, ward)):
            pass
    except OSError as error:
        raise explained(sink.name, error) from error


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called here.", show_default=False)],
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="mqtt, nats, hj212, ngsi_ld, sensorthings or webhook.", show_default=False),
    ],
    given: Annotated[
        list[str],
        typer.Argument(metavar="SETTING=VALUE...", help="Its settings, as in the file.", show_default=False),
    ],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a sink to the settings file; `paifang reload` takes it up. docs/sinks.md has each kind's settings.

    \b
    paifang sink add city mqtt broker=broker.example:1883
    """
    values = {"name": name, **dict(_setting(each) for each in given)}
    wanted = asked(ctx, data, config)
    hint = "docs/sinks.md and `paifang init` have what can be said of a sink"
    table = settings_file.table(f"sinks.{kind}", values)
    file = settings_file.add(wanted, name, hint, lambda text, _: f"{text.rstrip()}\n\n{table}", _check)
    output.print_note(f"{file} has {name} now; try it with `paifang sink test {name}`, then: paifang reload")


def _setting(text: str) -> tuple[str, Any]:
    """A value as TOML has it; what is none is a text."""
    import tomllib

    key, equals, value = text.partition("=")
    if not (key and equals):
        raise bad_argument(f"{text!r} is no setting", "SETTING=VALUE, such as broker=broker.example:1883")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _check(settings: "Settings") -> None:
    import os

    from paifang.north import kinds

    ward = kinds.Ward(settings.site, lambda: 0, os.urandom)
    for kind, sink in settings.sinks.by_name.values():
        kinds.build(kind, sink, ward)
