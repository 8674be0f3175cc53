"""`paifang signal plan`: timing plans, checked, brought to a node and put in force."""

from pathlib import Path
from typing import Annotated, Any

import typer

from paifang.cli import output, signal_load
from paifang.cli.complete import NodeArgument
from paifang.cli.options import ConfigOption, DataOption, JsonOption, SocketOption, asked, connected
from paifang.cli.passphrase import KeyOption, PassphraseOption
from paifang.cli.signal_load import ReasonOption, WithinOption
from paifang.cli.signal_site import CountryOption, example
from paifang.errors import bad_argument

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Timing plans: phases, rings, coordination, preemption, priority, detectors.",
)

PlanArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A plan.toml.", show_default=False)]
SiteOption = Annotated[
    Path | None,
    typer.Option("--site", metavar="FILE", help="The node's site.toml or *.site.", show_default=False),
]


@app.command()
def new(
    country: CountryOption,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The plan's name.")] = "day",
) -> None:
    """Print the plan.toml of a dual ring, for the site that `paifang signal site new` prints.

    \b
    paifang signal plan new --country CN > plan.toml
    """
    typer.echo(example("plan_text", country, name), nl=False)


@app.command()
def check(plan: PlanArgument, site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Look a plan over, with the checks that the node itself makes. Exits with 1 if a node would refuse it.

    \b
    paifang signal plan check plan.toml --site site.toml
    """
    from paifang.cli import signal_files
    from paifang_wire import cbor

    record = signal_files.read_plan(plan, signal_files.read_site(_needed(site, plan)))
    size = len(cbor.encode(record))
    if as_json:
        output.print_json({"name": record[1], "phases": [row[0] for row in record[2]], "bytes": size})
    else:
        about = f"{len(record[2])} phases, {len(record[7])} detectors, {size} bytes"
        typer.echo(output.printable(f'plan "{record[1]}" ({about}): a node takes it'))


@app.command()
def load(
    ctx: typer.Context,
    plan: PlanArgument,
    node: NodeArgument,
    site: SiteOption = None,
    key: KeyOption = None,
    reason: ReasonOption = "",
    within: WithinOption = "30s",
    passphrase_file: PassphraseOption = None,
    socket: SocketOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a plan, bring it to a node, and have it taken into the node's library under its name.

    Taking it is a command of class 2 (`plan_load`), which takes your key, as `paifang send` does. If it is the plan in
    force that it replaces, or none is in force, it is in force at once.

    \b
    paifang signal plan load plan.toml signal-1 --reason "more green for the school"
    """
    from paifang.cli import signal_files, signal_known
    from paifang.commands.signals import PLAN

    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place, socket) as gateway:
        record = signal_files.read_plan(plan, signal_known.ask(gateway, node, site).needed_site())
        order = signal_load.Order(node, "plan_load", within, reason, key, passphrase_file)
        receipt = signal_load.load(gateway, order, PLAN, record)
    signal_load.tell(receipt, f'plan "{record[1]}"', wanted.as_json)


@app.command()
def show(
    ctx: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="FILE|NODE", help="A plan.toml, or a node.", show_default=False)],
    site: SiteOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Print a plan as a plan.toml in which nothing is left out: of a file, or the one in force at a node.

    \b
    paifang signal plan show signal-1 > plan.toml
    """
    from paifang.cli import signal_files, signal_known
    from paifang_tools.signals import plan_file

    if Path(plan).is_file():
        found = signal_files.read_site(_needed(site, Path(plan)))
        record: Any = signal_files.read_plan(Path(plan), found)
    else:
        with connected(asked(ctx, data, config).place) as gateway:
            known = signal_known.ask(gateway, plan, site)
        record, found = known.needed_plan(), known.needed_site()
    typer.echo(signal_files.shown(lambda: plan_file.to_text(record, found.record)), nl=False)


def _needed(site: Path | None, plan: Path) -> Path:
    if site is None:
        raise bad_argument(f"{plan} names groups: the site record says which these are", "give it with --site FILE")
    return site
