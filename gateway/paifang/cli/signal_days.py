"""`paifang signal days`: which plan runs when."""

from pathlib import Path
from typing import Annotated

import typer

from paifang.cli import output, signal_load
from paifang.cli.complete import NodeArgument
from paifang.cli.options import ConfigOption, DataOption, JsonOption, SocketOption, asked, connected
from paifang.cli.passphrase import KeyOption, PassphraseOption
from paifang.cli.signal_load import ReasonOption, WithinOption

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", help="Day plans: which plan runs when."
)

DaysArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A days.toml.", show_default=False)]
PlansOption = Annotated[
    list[Path] | None,
    typer.Option("--plan", metavar="FILE", help="A plan.toml that the node has; again for each.", show_default=False),
]


@app.command()
def new() -> None:
    """Print a days.toml to begin with.

    \b
    paifang signal days new > days.toml
    """
    from paifang_tools.signals import examples

    typer.echo(examples.days_text(), nl=False)


@app.command()
def check(days: DaysArgument, plan: PlansOption = None, as_json: JsonOption = False) -> None:
    """Look day plans over, with the checks that the node itself makes. Exits with 1 if a node would refuse them.

    Whether the node has plans of these names is checked against the files of --plan, if any are given.

    \b
    paifang signal days check days.toml --plan plan.toml --plan night.toml
    """
    from paifang.cli import signal_files

    names = [signal_files.plan_name(file) for file in plan] if plan else None
    record = signal_files.read_days(days, names)
    if as_json:
        output.print_json({"rows": len(record[2]), "plans": sorted({row[2] for row in record[2]})})
        return
    typer.echo(f"day plans ({len(record[2])} rows): a node takes them")
    if names is None:
        needed = ", ".join(f'"{name}"' for name in sorted({row[2] for row in record[2]}))
        output.print_note(f"it must have the plans {needed} by then; --plan FILE checks their names")


@app.command()
def load(
    ctx: typer.Context,
    days: DaysArgument,
    node: NodeArgument,
    key: KeyOption = None,
    reason: ReasonOption = "",
    within: WithinOption = "30s",
    passphrase_file: PassphraseOption = None,
    socket: SocketOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check day plans, bring them to a node, and have it go by them.

    Going by them is a command of class 2 (`days_load`), which takes your key, as `paifang send` does.

    \b
    paifang signal days load days.toml signal-1
    """
    from paifang.cli import signal_files
    from paifang.commands.signals import DAYS

    wanted = asked(ctx, data, config, as_json)
    record = signal_files.read_days(days, None)
    with connected(wanted.place, socket) as gateway:
        order = signal_load.Order(node, "days_load", within, reason, key, passphrase_file)
        receipt = signal_load.load(gateway, order, DAYS, record)
    signal_load.tell(receipt, "what runs when", wanted.as_json)


@app.command()
def show(
    ctx: typer.Context,
    days: Annotated[str, typer.Argument(metavar="FILE|NODE", help="A days.toml, or a node.", show_default=False)],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Print day plans as a days.toml: of a file, or those in force at a node.

    \b
    paifang signal days show signal-1
    """
    from paifang.cli import signal_files, signal_known
    from paifang_tools.signals import day_file

    if Path(days).is_file():
        record = signal_files.read_days(Path(days), None)
    else:
        with connected(asked(ctx, data, config).place) as gateway:
            record = signal_known.ask(gateway, days).needed_days()
    typer.echo(signal_files.shown(lambda: day_file.to_text(record)), nl=False)
