"""`paifang city`: the workers that write what wards have sent into PostgreSQL, and their tables."""

import logging
import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paifang.cli import output
from paifang.cli.options import JsonOption
from paifang.errors import EXIT_REFUSED, PaifangError, bad_argument

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paifang.config.city import CitySettings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="The city's side: what wards send through JetStream, in PostgreSQL.",
)

_ConfigOption = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="The settings of the city's workers.", show_default=False)
]

_COUNTED = [
    output.column("STORED", "stored", right=True),
    output.column("DUPLICATE", "duplicate", right=True),
    output.column("REFUSED", "refused", right=True),
    output.column("READINGS", "readings", right=True),
]


@app.command("run")
def run(
    config: _ConfigOption,
    name: Annotated[
        str | None,
        typer.Option("--name", help="What it is called in the tallies (default: HOST-PID).", show_default=False),
    ] = None,
) -> None:
    """Run one worker in this terminal, until Ctrl-C or SIGTERM.

    Run as many as are needed, on as many machines: they share the stream's consumer and know nothing of one another.

    \b
    paifang city run --config city.toml
    paifang city run --config city.toml --name north-1
    """
    settings = _load(config, "paifang city run")
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("paifang").setLevel(settings.log.level.upper())
    _need_asyncpg()
    from paifang.city import service

    who = name or f"{socket.gethostname()}-{os.getpid()}"
    service.run(settings, who, lambda: output.print_note(f"paifang: city worker {who} runs"))


@app.command("schema")
def schema(
    span: Annotated[
        str, typer.Option("--partition", metavar="day|week|month", help="What a partition of the readings holds.")
    ] = "week",
    apply: Annotated[bool, typer.Option("--apply", help="Make the tables, instead of printing how.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Where PostgreSQL is.", show_default=False)
    ] = None,
) -> None:
    """Print the SQL that makes the tables, or make them.

    What is there already stays as it is.

    \b
    paifang city schema --partition day > schema.sql
    paifang city schema --apply --config city.toml
    """
    _need_asyncpg()
    from paifang.city import database

    if span not in database.SPANS:
        raise bad_argument(f"--partition {span!r}", f"one of {', '.join(database.SPANS)}")
    if not apply:
        typer.echo(database.schema(span), nl=False)
        return
    if config is None:
        raise bad_argument("--apply goes with --config FILE", "it says where PostgreSQL is")
    settings = _load(config, "paifang city schema")

    async def make() -> str:
        async with await database.Database.open(settings.postgres, "schema") as opened:
            with opened.told():
                await opened.connection.execute(database.schema(span))
            await opened.check()
            return await opened.connection.fetchval("SELECT span FROM paifang.meta")

    output.print_note(f"the tables are there, a partition a {_awaited(make)}")


@app.command("balance")
def balance(
    config: _ConfigOption,
    nodes: Annotated[bool, typer.Option("--nodes", help="Each node too; looks at every record.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what the stream has accepted with what PostgreSQL has.

    Exits with 1 when they do not agree.

    \b
    paifang city balance --config city.toml
    """
    settings = _load(config, "paifang city balance")
    _need_asyncpg()
    from paifang.city.balance import balance as compared

    found = _awaited(lambda: compared(settings, with_nodes=nodes))
    if as_json:
        output.print_json(found.as_dict())
    else:
        _print(found.as_dict())
    if found.missing:
        raise PaifangError(
            f"{abs(found.missing)} messages are {'missing' if found.missing > 0 else 'too many'} in PostgreSQL",
            "docs/city.md says what may have become of them",
            exit_code=EXIT_REFUSED,
        )


def _print(found: dict[str, Any]) -> None:
    for title, key in (("SITE", "sites"), ("WORKER", "workers")):
        columns = [output.column(title, "name", lambda name: name or "(not said)"), *_COUNTED]
        output.print_rows(found[key], columns, as_json=False, nothing="nothing was stored yet")
        typer.echo()
    if found["nodes"]:
        rows = [{"name": name, "stored": stored} for name, stored in found["nodes"].items()]
        output.print_rows(rows, [output.column("NODE", "name"), _COUNTED[0]], as_json=False, nothing="")
        typer.echo()
    typer.echo(
        "accepted {accepted} = stored {stored} + duplicate {duplicate} + refused {refused} + in stream {in_stream}"
        " + missing {missing}".format(**found)
    )


def _load(file: Path, command: str) -> "CitySettings":
    from paifang.config.city import CitySettings
    from paifang.config.load import load_as

    return load_as(CitySettings, file, f"{command} --config {file}")


def _awaited(asked: "Callable[[], Awaitable[Any]]") -> Any:
    import asyncio

    async def main() -> Any:
        return await asked()

    return asyncio.run(main())


def _need_asyncpg() -> None:
    if find_spec("asyncpg") is None:
        raise PaifangError("the city's part is not installed: asyncpg is missing", "pip install 'paifang[city]'")
