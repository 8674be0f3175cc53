"""`paifang keys root`: the three root keys of a site, and what two of them sign."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paifang.cli import output, passphrase
from paifang.cli.options import JsonOption
from paifang.cli.passphrase import PassphraseOption, YesOption
from paifang.errors import PaifangError, bad_argument, not_found, resource_error

if TYPE_CHECKING:
    from paifang.keys.keyfile import KeyFile
    from paifang.keys.roots import Rooted, Roots

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="The three root keys of a site: two of them sign key sets, epochs and site records of signals.",
)

ROOTS_FILE = "roots.json"
RootsOption = Annotated[
    Path | None,
    typer.Option("--roots", metavar="FILE", help="The site's roots.json (else the trusted one, or one beside FILE)."),
]
SignedArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="A *.keyset, *.epoch or *.site.", show_default=False)
]


@app.command()
def new(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A new folder for them.", show_default=False)],
    site: Annotated[str, typer.Option(metavar="SITE", help="The site's name, as the gateway has it.")] = "ward-1",
    passphrase_file: PassphraseOption = None,
) -> None:
    """Make the three root keys of a site, on a machine without a network.

    Each gets a passphrase of its own. Then move each key file to a medium of its own, in different hands, and delete
    the folder; roots.json is public: provisioning puts it on every node, the gateway reads it to check key sets.

    \b
    paifang keys root new --out roots --site ward-1
    """
    from paifang.keys import files, keyfile
    from paifang.keys.roots import ROOT_COUNT, Root, Roots
    from paifang.keys.signing import SigningKey

    try:
        keyfile.check_name(site)
    except ValueError as error:
        raise bad_argument(f"--site: {error}") from error
    if out.exists():
        raise bad_argument(f"{out} is there already, and may hold the only root keys", "name another folder")
    names = [f"root-{number}" for number in range(1, ROOT_COUNT + 1)]
    passphrases = {name: passphrase.new_passphrase(name, passphrase_file) for name in names}
    try:
        out.mkdir(mode=0o700)
    except OSError as error:
        raise resource_error(f"cannot make the folder {out}: {error.strerror}", "name another folder") from error
    made: list[Root] = []
    for name, chosen in passphrases.items():
        signer = SigningKey.new()
        about = keyfile.PublicKey(name, name, signer.public, "root", site)
        keyfile.seal(out / (name + keyfile.SUFFIX), about, signer, chosen)
        made.append(Root(name, signer.public))
    files.write(out / ROOTS_FILE, Roots(site, tuple(made)).text())
    output.print_note(f"wrote three root keys and {ROOTS_FILE} to {out}; now part the three, and keep them offline")


@app.command()
def sign(
    file: SignedArgument,
    key: Annotated[
        str, typer.Option("--key", metavar="ROOT", help="A root's key file, or its name.", show_default=False)
    ],
    since: Annotated[
        Path | None,
        typer.Option("--since", metavar="FILE", help="The file in force: show what changes."),
    ] = None,
    roots: RootsOption = None,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
) -> None:
    """Sign a key set, an epoch or a site record with one root key; two different ones make it good.

    Shows what is signed, in words, and asks. The signature is added to FILE.

    \b
    paifang keys root sign ward-1.keyset --key /media/stick/root-1.key
    """
    from paifang.keys import files
    from paifang.keys.keyring import check_kind
    from paifang.keys.roots import KINDS, Rooted

    rooted = Rooted.read(file)
    opened = _root_key(key, file)
    check_kind(opened, ("root",), "this file")
    purpose, told = described(rooted, file, since)
    output.print_note(f"{opened.about.name} of {opened.about.site} signs this {KINDS[purpose]}:")
    for line in told:
        output.print_note(f"  {line}")
    known = known_roots(rooted, roots, file, Path(key))
    if known is not None:
        _check_belongs(opened, known, purpose, rooted)
    passphrase.confirm("Sign this?", yes)
    signer = passphrase.unlocked(opened, passphrase_file)
    signed = rooted.signed(signer.sign1(opened.about.site, purpose, rooted.payload, detached=True))
    files.write(file, signed.encode(), replace=True)
    output.print_note(_still_needed(signed, known, purpose))


@app.command()
def check(file: SignedArgument, roots: RootsOption = None, as_json: JsonOption = False) -> None:
    """Check that two different roots of the site have signed a file. Exits with 1 if not."""
    from paifang.keys.roots import KINDS, Rooted

    rooted = Rooted.read(file)
    purpose, told = described(rooted, file, None)
    known = known_roots(rooted, roots, file)
    if known is None:
        raise no_roots(file)
    names = [root.name for root in known.check(purpose, rooted)]
    if as_json:
        output.print_json({"what": purpose, "site": known.site, "signed_by": names})
    else:
        typer.echo(output.printable(f"{KINDS[purpose]} for {known.site}, signed by {' and '.join(names)}: {told[0]}"))


@app.command()
def trust(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The site's roots.json.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Instead of those trusted so far for the site.")] = False,
    yes: YesOption = False,
) -> None:
    """Go by these root keys on this machine: each person who signs does this once.

    Get the file, or at least the three key ids, from the owner in person. What you sign then says which key set you
    know of, and a gateway that keeps a newer one from a node finds the node refusing.

    \b
    paifang keys root trust roots.json
    """
    from paifang.keys.keyring import Keyring
    from paifang.keys.roots import Roots
    from paifang_wire import sign1

    found = Roots.read(file)
    output.print_note(f"the root keys of {found.site}:")
    for root in found.roots:
        output.print_note(f"  {root.name}  {sign1.key_id(root.public).hex()}")
    passphrase.confirm("Are these the owner's?", yes)
    Keyring.own().knowledge.trust(found, replace=replace)
    output.print_note(f"trusted for {found.site}")


def described(rooted: "Rooted", file: Path, since: Path | None) -> tuple[str, list[str]]:
    """(purpose, what it says in words): a key set, an epoch or a site record. Raises PaifangError for anything else."""
    from paifang.keys import epochs, keyset_toml
    from paifang.keys.keyset import KeySet
    from paifang_wire import sign1

    purpose = _purpose(rooted)
    if purpose == sign1.EPOCH:
        node, number = epochs.read(rooted)
        return purpose, [f"{node} goes to epoch {number}: the keys of all epochs before are worth nothing then"]
    if purpose == sign1.SITE_RECORD:
        return purpose, _site_in_words(rooted, file, since)
    keyset = KeySet.of(rooted, str(file))
    if since is not None:
        return sign1.KEYSET, keyset_toml.differences(KeySet.read(since), keyset)
    entries = [keyset_toml.in_words(entry) for entry in keyset.entries]
    return sign1.KEYSET, [f"version {keyset.version}, {len(entries)} keys", *entries]


def _purpose(rooted: "Rooted") -> str:
    """By the form of the payload; a key set is what is nothing else."""
    from paifang.keys import epochs, sites
    from paifang_wire import sign1

    for purpose, read in ((sign1.EPOCH, epochs.read), (sign1.SITE_RECORD, sites.read)):
        with contextlib.suppress(PaifangError):
            read(rooted)
            return purpose
    return sign1.KEYSET


def _site_in_words(rooted: "Rooted", file: Path, since: Path | None) -> list[str]:
    """A site record, or what it changes. Raises PaifangError with every reason why no node would take it."""
    from paifang.cli import signal_files
    from paifang_tools.signals import words

    found = signal_files.site_of(rooted, str(file))
    return words.in_words(found) if since is None else words.differences(signal_files.read_site(since), found)


def known_roots(rooted: "Rooted", named: Path | None, *beside: Path) -> "Roots | None":
    """The roots that were named; or are trusted and have signed; or lie beside a file or here. None without any.

    Raises PaifangError for others than are trusted for their site: who sends a file may send a roots.json along.
    """
    from paifang.keys.keyring import Keyring
    from paifang.keys.roots import Roots

    knowledge = Keyring.own().knowledge
    trusted = None if named else knowledge.roots_of(rooted)
    if trusted is not None:
        return trusted
    places = [named] if named else [*(path.parent / ROOTS_FILE for path in beside), Path(ROOTS_FILE)]
    place = next((place for place in places if named or place.is_file()), None)
    if place is None:
        return None
    found = Roots.read(place)
    if knowledge.roots(found.site) not in {None, found}:
        hint = "ask the owner; if the roots were replaced: paifang keys root trust FILE --replace"
        raise bad_argument(f"{place} has other root keys for {found.site} than are trusted here", hint)
    return found


def no_roots(file: Path) -> PaifangError:
    return not_found(f"no root keys are trusted here that have signed {file}", "say which with --roots FILE")


def _root_key(key: str, file: Path) -> "KeyFile":
    """A root's key file by its path, or by its name beside the signed file or here."""
    from paifang.keys.keyfile import SUFFIX, KeyFile

    places = [Path(key), Path(key + SUFFIX), file.parent / (key + SUFFIX)]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise not_found(f"no root key {key!r} here or beside {file}", "give the path of its *.key file")
    return KeyFile.read(found)


def _check_belongs(opened: "KeyFile", known: "Roots", purpose: str, rooted: "Rooted") -> None:
    """Raise PaifangError when the key is no root of the site, or a signature that is there already is bad."""
    root = known.find(opened.about.kid)
    if root is None or known.site != opened.about.site:
        message = f"{opened.about.name} is not one of the three roots of {known.site}"
        raise bad_argument(message, "is it the right roots.json?")
    known.signers(purpose, rooted)


def _still_needed(signed: "Rooted", known: "Roots | None", purpose: str) -> str:
    from paifang.keys.roots import NEEDED

    if len(signed.signatures) < NEEDED:
        return "signed; one more root has to sign it"
    if known is None:
        return "signed, by two roots as it seems: `paifang keys root check FILE --roots roots.json` tells for sure"
    return "signed by " + " and ".join(root.name for root in known.check(purpose, signed))
