"""`paifang keys`: a person's own keys, and what is signed with them beside commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paifang.cli import output, passphrase
from paifang.cli.delegate import delegate
from paifang.cli.epochs import epoch, rekey
from paifang.cli.keysets import app as keysets
from paifang.cli.options import JsonOption
from paifang.cli.passphrase import OutOption, PassphraseOption
from paifang.cli.roots import app as roots
from paifang.errors import bad_argument

if TYPE_CHECKING:
    from paifang.keys.keyfile import PublicKey

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", help="Keys of persons, roots and services."
)
app.add_typer(keysets, name="set")
app.add_typer(roots, name="root")

_LISTED = (
    output.column("key", "name"),
    output.column("person", "person"),
    output.column("kind", "kind"),
    output.column("kid", "kid"),
    output.column("default", "default", lambda chosen: "yes" if chosen else ""),
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The key's name.", show_default=False)]
KeyArgument = Annotated[
    str | None, typer.Argument(metavar="[KEY]", help="A name, a kid or a file; else the default key.")
]


@app.command()
def new(
    name: NameArgument,
    person: Annotated[
        str | None,
        typer.Option(metavar="PERSON", help="Whose it is, as policy and key sets say it (else the key's name)."),
    ] = None,
    service: Annotated[bool, typer.Option("--service", help="For a service, which acts under delegations.")] = False,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key on this machine, sealed with a passphrase.

    The private half stays in this machine's key folder ($PAIFANG_KEYS, else ~/.config/paifang/keys), in a file
    only you can read. Never copy it to a gateway. A person may have several keys, and is one person with all of them.

    \b
    paifang keys new wang-laptop --person wang
    paifang keys new scada --service
    """
    from paifang.keys import keyfile
    from paifang.keys.keyring import Keyring
    from paifang.keys.signing import SigningKey

    try:
        whose = keyfile.check_name(person or name)
        named = keyfile.check_name(name)
    except ValueError as error:
        raise bad_argument(str(error)) from error
    keyring = Keyring.own()
    keyring.check_free(named)
    signer = SigningKey.new()
    about = keyfile.PublicKey(named, whose, signer.public, "service" if service else "person")
    made = keyring.new(about, signer, passphrase.new_passphrase(named, passphrase_file))
    if as_json:
        output.print_json(about.as_dict() | {"file": str(made.file)})
    else:
        output.print_note(f"wrote {made.file}, and {named}.pub beside it for whoever keeps the key set")
        typer.echo(f"{named}  {about.kid.hex()}")


@app.command("list")
def list_keys(as_json: JsonOption = False) -> None:
    """List the keys in this machine's key folder."""
    from paifang.keys.keyring import Keyring

    keyring = Keyring.own()
    chosen = keyring.default()
    rows: list[dict[str, Any]] = [key.as_dict() | {"default": key.name == chosen} for key in keyring.held()]
    nothing = f"no keys in {keyring.folder}; make one with: paifang keys new NAME --person PERSON"
    output.print_rows(rows, _LISTED, as_json, nothing)


@app.command()
def show(key: KeyArgument = None, as_json: JsonOption = False) -> None:
    """Show what is public about a key, or about a *.pub file."""
    about = _about(key)
    if as_json:
        output.print_json(about.as_dict())
    else:
        for line in output.tree(about.as_dict()):
            typer.echo(line)


@app.command()
def use(name: NameArgument) -> None:
    """Choose the key that signs when --key names none."""
    from paifang.keys.keyring import Keyring

    Keyring.own().choose(name)
    output.print_note(f"{name} is the default key")


@app.command()
def export(
    key: KeyArgument = None,
    out: OutOption = None,
    toml: Annotated[bool, typer.Option("--toml", help=r"As a [\[key]] table to put into keyset.toml.")] = False,
    key_class: Annotated[
        int, typer.Option("--class", metavar="N", min=0, max=3, help="With --toml: the greatest class of points.")
    ] = 1,
) -> None:
    """Print the public half of a key, for whoever keeps the key set.

    The private half never leaves its file: back that up as it is, and keep the passphrase elsewhere.

    \b
    paifang keys export wang-laptop -o wang.pub
    paifang keys export wang.pub --toml --class 3 >> keyset.toml
    """
    from paifang.keys import files, keyset_toml
    from paifang.keys.keyset import Entry, op_bits
    from paifang_wire import names

    about = _about(key)
    text = about.text()
    if toml:
        everything = op_bits(names.OPS)
        text = "\n" + keyset_toml.block(Entry(about.public, about.person, key_class, 0, everything, (("*", "*"),)))
    if out is None:
        typer.echo(text, nl=False)
    else:
        files.write(out, text)
        output.print_note(f"wrote {out}")


@app.command("passphrase")
def change_passphrase(
    key: KeyArgument = None,
    passphrase_file: PassphraseOption = None,
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option("--new-passphrase-file", metavar="FILE", help="Read the new one from FILE (else ask)."),
    ] = None,
) -> None:
    """Give a key another passphrase; the key itself stays.

    Copies of the old file still open with the old one. If somebody may have both, revoke the key instead.
    """
    from paifang.keys import keyfile
    from paifang.keys.keyring import Keyring

    opened = Keyring.own().find(key)
    signer = passphrase.unlocked(opened, passphrase_file)
    chosen = passphrase.another_passphrase(opened.about.name, new_passphrase_file)
    keyfile.seal(opened.file, opened.about, signer, chosen, replace=True)
    output.print_note(f"{opened.file} has another passphrase")


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KID", help="The key's id, or its *.pub file.", show_default=False)],
    current: Annotated[
        Path, typer.Option("--set", metavar="FILE", help="The key set in force: its keyset.toml or *.keyset.")
    ] = Path("keyset.toml"),
    out: OutOption = None,
    retire: Annotated[
        bool, typer.Option("--retire", help="Not yet: it is still good, and its owner is told at each use.")
    ] = False,
) -> None:
    """Write the next version of the key set, in which a key is revoked; two roots sign it then.

    A keyset.toml is brought to the new version, and a *.keyset written beside it. It revokes nothing before it is
    signed and loaded: paifang keys root sign, twice; paifang keys set load.

    \b
    paifang keys revoke wang.pub --set keyset.toml
    paifang keys revoke 3f0a91c2d4e5b677 --set ward-1.keyset -o ward-1-v4.keyset
    """
    from paifang.keys import files, keyset_toml
    from paifang.keys.keyset import KeySet
    from paifang_wire import orders

    state = orders.RETIRING if retire else orders.REVOKED
    kid = _kid(key)
    if current.suffix == ".toml":
        text = keyset_toml.with_state(files.read_text(current), current, kid, state)
        keyset = keyset_toml.parse(text, current)
        made = out or keyset.file_beside(current)
        files.write(made, keyset.encode())
        files.write(current, text, replace=True)
        output.print_note(f"{current} is at version {keyset.version} now")
    else:
        keyset = keyset_toml.next_version(KeySet.read(current), kid, state)
        made = out or keyset.file_beside(current)
        files.write(made, keyset.encode())
    output.print_note(f"wrote {made}; have two roots sign it: paifang keys root sign {made} --key ROOT")


for _command in (delegate, epoch, rekey):
    app.command()(_command)


def _about(key: str | None) -> "PublicKey":
    from paifang.keys.keyfile import PUBLIC_SUFFIX, PublicKey
    from paifang.keys.keyring import Keyring

    if key is not None and key.endswith(PUBLIC_SUFFIX):
        return PublicKey.read(Path(key))
    return Keyring.own().find(key).about


def _kid(text: str) -> bytes:
    from paifang.keys.keyfile import PUBLIC_SUFFIX

    if text.endswith(PUBLIC_SUFFIX):
        return _about(text).kid
    try:
        kid = bytes.fromhex(text)
    except ValueError:
        kid = b""
    if len(kid) != 8:
        raise bad_argument(f"{text!r} is no key id", "it has 16 hex digits; `paifang keys set show FILE` lists them")
    return kid
