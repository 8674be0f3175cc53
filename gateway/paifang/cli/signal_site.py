"""`paifang signal site`: what a junction may never do, from a file to the node."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected
from paifang.cli.passphrase import OutOption, PassphraseOption, YesOption
from paifang.cli.roots import RootsOption
from paifang.errors import bad_argument

if TYPE_CHECKING:
    from paifang_tools.signals.site_file import Site

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="The site safety record: conflicts, intergreens, least times; signed by two roots.",
)

SiteArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="A site.toml, or a *.site made of one.", show_default=False)
]
WithinOption = Annotated[str, typer.Option("--within", metavar="TIME", help="How long to wait for the node's answer.")]
CountryOption = Annotated[
    str, typer.Option("--country", metavar="CC", help="Whose aspects: CN, DE, UK or US.", show_default=False)
]


@app.command()
def new(
    country: CountryOption,
    node: Annotated[str, typer.Option("--node", metavar="NODE", help="The node's id.")] = "signal-1",
) -> None:
    """Print the site.toml of a junction to begin with: a cross with left turns and four crossings.

    \b
    paifang signal site new --country CN > site.toml
    """
    typer.echo(example("site_text", country, node), nl=False)


@app.command()
def check(site: SiteArgument, roots: RootsOption = None, as_json: JsonOption = False) -> None:
    """Look a site record over, with the checks that the node itself makes. Exits with 1 if a node would refuse it.

    Of a *.site it also says whether two roots have signed it.

    \b
    paifang signal site check site.toml
    """
    from paifang.cli import signal_files

    found = signal_files.read_site(site)
    names = _signers(site, roots) if site.suffix != ".toml" else None
    if as_json:
        about = {"node": found.node, "edition": found.edition, "country": found.record[1]}
        output.print_json({**about, "groups": [group[0] for group in found.record[2]], "signed_by": names})
        return
    signed = "" if names is None else f", signed by {' and '.join(names)}"
    typer.echo(output.printable(f"{_title(found)}: a node takes it{signed}"))


@app.command()
def show(
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(metavar="FILE|NODE", help="A file, or a node.", show_default=False)],
    words: Annotated[bool, typer.Option("--words", help="In words, as whoever signs it reads it.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Print a site record as a site.toml: of a file, or the one that the gateway gave a node.

    \b
    paifang signal site show signal-1 > site.toml
    """
    from paifang.cli import signal_files, signal_known
    from paifang_tools.signals import site_file
    from paifang_tools.signals import words as in_words

    if Path(site).is_file():
        found = signal_files.read_site(Path(site))
    else:
        with connected(asked(ctx, data, config).place) as gateway:
            found = signal_known.ask(gateway, site).needed_site()
    if words:
        for line in in_words.in_words(found):
            typer.echo(output.printable(line))
    else:
        typer.echo(signal_files.shown(lambda: site_file.to_text(found)), nl=False)


@app.command()
def matrix(site: SiteArgument) -> None:
    """Print what the node's monitor is told of this junction: the "monitor" of its config.json.

    It goes there over USB, when the node is provisioned, and by no other way: the monitor compares it with the site
    record at each start, and flashes if they differ. Have somebody else make it, from the drawing and not from FILE.

    \b
    paifang signal site matrix site.toml
    """
    from paifang.cli import signal_files
    from paifang_tools.signals import site_file

    typer.echo(f'"monitor": {json.dumps(site_file.monitor_config(signal_files.read_site(site).record))}')


@app.command()
def sign(
    site: SiteArgument,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="ROOT", help="A root's key file, or its name; else nobody signs it yet."),
    ] = None,
    out: OutOption = None,
    since: Annotated[
        Path | None, typer.Option("--since", metavar="FILE", help="The *.site in force: show what changes.")
    ] = None,
    roots: RootsOption = None,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
) -> None:
    """Make a *.site of a site.toml, and sign it with a root key. Two different roots make it good.

    The second root signs the *.site itself. What is signed is shown in words first.

    \b
    paifang signal site sign site.toml --key /media/stick/root-1.key
    paifang signal site sign signal-1-e1.site --key /media/other/root-3.key
    """
    from paifang.cli import roots as root_keys

    made = _made(site, out) if site.suffix == ".toml" else site
    if key is not None:
        root_keys.sign(made, key, since, roots, passphrase_file, yes)
    elif site.suffix != ".toml":
        raise bad_argument(f"{site} is made already: nobody is named who signs it", "say which root with --key ROOT")


@app.command()
def load(
    ctx: typer.Context,
    site: Annotated[Path, typer.Argument(metavar="FILE", help="The signed *.site.", show_default=False)],
    within: WithinOption = "60s",
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a node its site record, which two roots have signed; the node is the one it names.

    The node checks it and the signatures, flashes, and starts anew with it, through all-red. Exits with 5 if it does
    not answer in time: then it is not known whether it has it.

    \b
    paifang signal site load signal-1-e1.site
    """
    from paifang.cli import signal_files
    from paifang.cli.verdicts import REST_S, parse_within_ms
    from paifang.keys.roots import NEEDED

    if site.suffix == ".toml":
        raise bad_argument(f"{site} is not signed", f"paifang signal site sign {site} --key ROOT")
    found, rooted = signal_files.signed_site(site)
    if len(rooted.signatures) < NEEDED:
        hint = f"paifang signal site sign {site} --key ROOT"
        raise bad_argument(f"{site} has {len(rooted.signatures)} of two signatures", hint)
    within_ms = parse_within_ms(within)
    given: dict[str, Any] = {"node": found.node, "record": rooted.encode().hex(), "within_ms": within_ms}
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        output.print_note(f"{found.node} checks the signatures, which takes seconds")
        done = cast("dict[str, Any]", gateway.request("signals.site", within_ms / 1000 + REST_S, **given))
    if wanted.as_json:
        output.print_json(done)
    else:
        typer.echo(output.printable(f"{_title(found)}: {found.node} holds it, flashes, and starts anew with it"))


def example(which: str, country: str, *more: str) -> str:
    """One of the files to begin with. Raises PaifangError for a country without aspects."""
    from paifang.config.explain import nearest
    from paifang_tools.signals import examples

    if country.upper() not in examples.COUNTRIES:
        near = nearest(country.upper(), examples.COUNTRIES)
        hint = f'did you mean "{near}"?' if near else ""
        raise bad_argument(f"--country {country}: there are {', '.join(examples.COUNTRIES)}", hint)
    return getattr(examples, which)(country.upper(), *more)


def _title(found: "Site") -> str:
    return f"{found.node}, edition {found.edition} ({found.record[1]}, {len(found.record[2])} groups)"


def _made(source: Path, out: Path | None) -> Path:
    """The *.site of a site.toml; one that is there already stays, signatures and all, if it says the same."""
    from paifang.cli import signal_files
    from paifang.keys import files, sites
    from paifang.keys.roots import Rooted

    found = signal_files.read_site(source)
    rooted = sites.build(*found.fields)
    name = re.sub(r"[^\w.-]", "_", found.node)
    made = out or source.with_name(f"{name}-e{found.edition}{sites.SUFFIX}")
    if made.exists() and Rooted.read(made).payload == rooted.payload:
        return made
    if made.exists():
        hint = "count `edition` up in it: a node takes each number once"
        raise bad_argument(f"{made} is there already, and says something else than {source}", hint)
    files.write(made, rooted.encode())
    output.print_note(f"wrote {made}: {_title(found)}, {len(rooted.payload)} bytes")
    output.print_note(f"two roots sign it, each where its key is: paifang signal site sign {made} --key ROOT")
    return made


def _signers(file: Path, roots: Path | None) -> list[str]:
    """Raises PaifangError unless two roots of the site have signed the file."""
    from paifang.cli.roots import known_roots, no_roots
    from paifang.keys.roots import Rooted
    from paifang_wire import sign1

    rooted: Rooted = Rooted.read(file)
    known = known_roots(rooted, roots, file)
    if known is None:
        raise no_roots(file)
    return [root.name for root in known.check(sign1.SITE_RECORD, rooted)]
