"""`paifang keys set`: the key set of a site, built, looked at, checked and handed to the gateway."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected
from paifang.cli.roots import RootsOption, known_roots, no_roots
from paifang.errors import not_found

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paifang.keys.keyset import KeySet

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="The key set: whose keys may command what.",
)

SetArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A *.keyset, or a keyset.toml.", show_default=False)]
_COLUMNS = (
    output.column("person", "person"),
    output.column("kid", "kid"),
    output.column("class", "class", right=True),
    output.column("state", "state", style=lambda row: "" if row["state"] == "active" else "yellow"),
    output.column("ops", "ops", " ".join),
    output.column("scope", "scope", lambda scope: " ".join(f"{node}/{point}" for node, point in scope)),
)


@app.command()
def build(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The keyset.toml.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The *.keyset (else FILE-vN.keyset).", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there, signatures and all.")] = False,
) -> None:
    """Make a *.keyset of a keyset.toml, for the roots to sign.

    A keyset.toml has a version and a [\\[key]] for each key; `paifang keys export NAME --toml` prints one.

    \b
    paifang keys set build keyset.toml -o ward-1.keyset
    paifang keys root sign ward-1.keyset --key root-1
    """
    from paifang.keys import files, keyset_toml

    keyset = keyset_toml.parse(files.read_text(source), source)
    made = out or keyset.file_beside(source)
    files.write(made, keyset.encode(), replace=force)
    size = len(keyset.rooted.payload)
    output.print_note(f"wrote {made}: version {keyset.version}, {len(keyset.entries)} keys, {size} bytes")


@app.command()
def show(
    file: SetArgument,
    toml: Annotated[bool, typer.Option("--toml", help="As a keyset.toml, to edit and build again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a key set says, and whether two roots have signed it."""
    from paifang.keys import keyset_toml

    keyset = _read(file)
    if toml:
        typer.echo(keyset_toml.write(keyset), nl=False)
        return
    rows = [
        {
            "person": entry.person,
            "kid": entry.kid.hex(),
            "class": entry.key_class,
            "state": entry.state_name,
            "ops": entry.op_names,
            "scope": entry.scope,
            "public": entry.public.hex(),
        }
        for entry in keyset.entries
    ]
    signed_by = [kid.hex() for kid, _ in keyset.rooted.signatures]
    if as_json:
        output.print_json({"version": keyset.version, "signed_by": signed_by, "keys": rows})
        return
    output.print_note(f"version {keyset.version}, signatures: {len(signed_by)} (`paifang keys set check` checks them)")
    output.print_rows(rows, _COLUMNS, as_json, "it holds no keys: nobody may command anything")


@app.command()
def check(file: SetArgument, roots: RootsOption = None, as_json: JsonOption = False) -> None:
    """Look a key set over: its form, its signatures, and what is unwise in it. Exits with 1 if it is not good.

    A keyset.toml is looked over before it is built; it has no signatures yet.

    \b
    paifang keys set check ward-1.keyset --roots roots.json
    """
    from paifang.keys.keyring import Keyring

    keyset = _read(file)
    if file.suffix == ".toml":
        _check_text(keyset, as_json)
        return
    known = known_roots(keyset.rooted, roots, file)
    if known is None:
        raise no_roots(file)
    names = keyset.verify(known)
    Keyring.own().knowledge.learn(keyset, known)
    warnings = keyset.warnings()
    if as_json:
        output.print_json({"version": keyset.version, "site": known.site, "signed_by": names, "warnings": warnings})
        return
    _warn(warnings)
    typer.echo(output.printable(f"key set {keyset.version} of {known.site}, signed by {' and '.join(names)}"))


def _check_text(keyset: "KeySet", as_json: bool) -> None:
    """What can be said of a keyset.toml: it was read, and this is unwise in it."""
    warnings = keyset.warnings()
    if as_json:
        output.print_json({"version": keyset.version, "site": None, "signed_by": [], "warnings": warnings})
        return
    _warn(warnings)
    typer.echo(f"key set {keyset.version}, {len(keyset.entries)} keys, not built and signed yet")


def _warn(warnings: "Iterable[str]") -> None:
    for warning in warnings:
        output.print_note(f"warning: {warning}")


@app.command()
def fetch(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The file to write.", show_default=False)],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Get the key set that the gateway goes by, signatures and all.

    \b
    paifang keys set fetch -o in-force.keyset
    """
    from paifang.keys import files
    from paifang.keys.keyset import KeySet

    with connected(asked(ctx, data, config).place) as gateway:
        answer = cast("dict[str, Any]", gateway.request("keyset.show"))
    if not answer["keyset"]:
        why = answer.get("problem") or "none was ever loaded"
        raise not_found(f"the gateway has no key set: {why}", "paifang keys set load FILE")
    keyset = KeySet.decode(bytes.fromhex(answer["keyset"]), "the gateway's answer")
    _learn(keyset)
    files.write(out, keyset.encode())
    output.print_note(f"wrote {out}: version {keyset.version}; `paifang keys set check {out}` checks who signed it")


@app.command()
def load(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The signed *.keyset.", show_default=False)],
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand a signed key set to the gateway, which brings it to its nodes.

    \b
    paifang keys set load ward-1.keyset
    """
    from paifang.keys.keyset import KeySet

    keyset = KeySet.read(file)
    _learn(keyset)
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        done = cast("dict[str, Any]", gateway.request("keyset.load", keyset=keyset.encode().hex()))
    if wanted.as_json:
        output.print_json(done)
    else:
        output.print_note(f"the gateway has key set {keyset.version}, and brings it to its nodes")


def _learn(keyset: "KeySet") -> None:
    """Remember the version of a key set that trusted roots have signed. Raises PaifangError for a bad signature."""
    from paifang.keys.keyring import Keyring

    knowledge = Keyring.own().knowledge
    roots = knowledge.roots_of(keyset.rooted)
    if roots is not None:
        knowledge.learn(keyset, roots)


def _read(file: Path) -> "KeySet":
    from paifang.keys import files, keyset_toml
    from paifang.keys.keyset import KeySet

    return keyset_toml.parse(files.read_text(file), file) if file.suffix == ".toml" else KeySet.read(file)
