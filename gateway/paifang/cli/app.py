"""The root of the command line: global options, the commands' names, and how every error ends."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

from paifang.cli import output
from paifang.cli.lazy import LazyGroup
from paifang.cli.options import Asked, ConfigOption
from paifang.config.places import DATA_VARIABLE
from paifang.errors import PaifangError

app = typer.Typer(
    name="paifang",
    cls=LazyGroup,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"paifang {version('paifang')}")
        except PackageNotFoundError:
            typer.echo("paifang (running from its sources, not installed)")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", envvar=DATA_VARIABLE, help="The gateway's data folder.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """The gateway of a city ward: it verifies, stores and acknowledges what the ESP32 nodes in its streets
    measure, and takes commands down to them.

    \b
    paifang run                      a gateway with defaults, in this terminal
    paifang watch                    what its nodes report, live
    paifang send meter-1 relay off   a command, and the value read back

    --data and --config may stand before or behind the command.

    \b
    It exits with
    0  done
    1  refused, or a problem found
    2  wrong usage or settings
    3  no gateway to be reached
    4  a port, disk or folder cannot be had
    5  no answer in time: the outcome is not known
    """
    del version
    ctx.obj = Asked(config, data, as_json=False)
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and exit with its code; errors are lines on standard error, never a traceback."""
    try:
        code = get_command(app).main(arguments, prog_name="paifang", standalone_mode=False)
    except PaifangError as error:
        output.print_error(error.message, error.hint)
        code = error.exit_code
    except typer.TyperException as error:
        output.print_error(error.format_message().rstrip("."), f"see `{_command_path(error)} --help`")
        code = error.exit_code
    except typer.Abort:
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _command_path(error: typer.TyperException) -> str:
    """The command that was misused, as it was typed: "paifang send"."""
    context: typer.Context | None = getattr(error, "ctx", None)
    return "paifang" if context is None else context.command_path
