"""Opening a person's key: which one, and its passphrase from a prompt, the environment or a file."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paifang.errors import bad_argument

if TYPE_CHECKING:
    from paifang.keys.keyfile import KeyFile
    from paifang.keys.signing import SigningKey

PASSPHRASE_VARIABLE = "PAIFANG_PASSPHRASE"  # noqa: S105 - the name of a variable

KeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Your key: name, kid or file (else the default).", show_default=False),
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="Read the passphrase from FILE (else $PAIFANG_PASSPHRASE, else ask).",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="The file to write.", show_default=False)
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: I have read what is signed.")]


def unlocked(key: "KeyFile", file: Path | None) -> "SigningKey":
    """The private key of a key file. Raises PaifangError."""
    return key.open(_given(file) or _asked(f"Passphrase of {key.about.name}: "))


def new_passphrase(name: str, file: Path | None) -> str:
    """A passphrase for a new key, typed twice when it is typed. Raises PaifangError, also for one that is too short."""
    return _long_enough(_given(file) or _asked_twice(name))


def another_passphrase(name: str, file: Path | None) -> str:
    """As `new_passphrase`; the environment holds the old one. Raises PaifangError."""
    return _long_enough(_asked_twice(name) if file is None else _of_file(file))


def confirm(question: str, yes: bool) -> None:
    """Go on only if the person says so. Raises PaifangError without a terminal, typer.Abort for a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise bad_argument("nobody is here to say yes", "read what is signed, then say --yes")
    typer.confirm(question, abort=True, err=True)


def _asked_twice(name: str) -> str:
    first = _asked(f"New passphrase for {name}: ")
    if first != _asked("The same again: "):
        raise bad_argument("the two passphrases are not the same", "try again")
    return first


def _long_enough(chosen: str) -> str:
    from paifang.keys.keyfile import check_passphrase

    check_passphrase(chosen)
    return chosen


def _given(file: Path | None) -> str | None:
    return os.environ.get(PASSPHRASE_VARIABLE) or None if file is None else _of_file(file)


def _of_file(file: Path) -> str:
    from paifang.keys.files import read_passphrase

    return read_passphrase(file)


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        hint = f"give it with --passphrase-file FILE or ${PASSPHRASE_VARIABLE}"
        raise bad_argument("a passphrase is needed, and there is no terminal to ask on", hint)
    from getpass import getpass

    return getpass(prompt)
