"""`paifang keys delegate`: a service that may command the lightest points, for a time."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from paifang.cli import fields, output, passphrase
from paifang.cli.passphrase import KeyOption, OutOption, PassphraseOption, YesOption
from paifang.cli.sign import newest_known
from paifang.config import units
from paifang.errors import bad_argument

_DATE_LENGTH = len("2027-01-31")


def delegate(
    service: Annotated[Path, typer.Option(metavar="FILE", help="The service's *.pub file.", show_default=False)],
    scope: Annotated[
        list[str], typer.Option(metavar="NODE/POINT", help='What it may command: "meter-*/relay"; may be repeated.')
    ],
    until: Annotated[str, typer.Option(metavar="TIME", help='How long: "30d"; or a date, "2027-01-31".')],
    key_class: Annotated[
        int, typer.Option("--class", metavar="N", min=0, max=1, help="The greatest class of points.")
    ] = 1,
    rate: Annotated[int, typer.Option(metavar="N", min=1, help="Commands a minute.")] = 60,
    ops: Annotated[str, typer.Option(metavar="OPS", help="What it may do, with commas between.")] = "direct",
    site: Annotated[str, typer.Option(metavar="SITE", help="The site's name.")] = "ward-1",
    keyset: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="The newest key set you know of (else as this machine)."),
    ] = None,
    key: KeyOption = None,
    out: OutOption = None,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
) -> None:
    """Let a service command points of class 1 in your name, for a time.

    \b
    paifang keys delegate --service scada.pub --scope "meter-*/relay" --rate 60 --until 30d
    """
    from paifang.keys import delegations, files
    from paifang.keys.keyfile import PublicKey
    from paifang.keys.keyring import Keyring, check_kind

    opened = Keyring.own().find(key)
    check_kind(opened, ("person",), "a delegation")
    about = PublicKey.read(service)
    if about.kind != "service":
        message = f"{service} is the {about.kind} key of {about.person}, and only services act in somebody's name"
        raise bad_argument(message, "paifang keys new NAME --service")
    pairs, bits, expires = _scope(scope), _ops(ops), _until_ms(until)
    least = newest_known(site) if keyset is None else keyset
    wanted = delegations.Delegation(about.public, about.name, bits, pairs, key_class, rate, expires, least)
    output.print_note(f"{opened.about.person} lets {wanted.words()}, on {site}, until {fields.clock(expires)}")
    passphrase.confirm("Sign this?", yes)
    made = out or Path(f"{about.name}.delegation")
    files.write(made, wanted.sign(passphrase.unlocked(opened, passphrase_file), site))
    output.print_note(f"wrote {made}; hand it to the gateway: paifang delegations add {made}")


def _scope(given: list[str]) -> tuple[tuple[str, str], ...]:
    from paifang.keys.keyset_toml import check_scope

    try:
        return check_scope([list(each.rsplit("/", 1)) for each in given])
    except ValueError as error:
        raise bad_argument(f"--scope: it is NODE/POINT, such as meter-*/relay, not {', '.join(given)}") from error


def _ops(given: str) -> int:
    from paifang.keys.keyset import op_bits

    try:
        return op_bits([each.strip() for each in given.split(",")])
    except ValueError as error:
        raise bad_argument(f"--ops: {error}") from error


def _until_ms(text: str) -> int:
    """UTC of a length of time from now, or of the end of a day here."""
    now_ms = round(time.time() * 1000)
    try:
        day = datetime.fromisoformat(text).astimezone()
        end = day + timedelta(days=1) if len(text) == _DATE_LENGTH else day
        found = round(end.timestamp() * 1000)
    except ValueError:
        try:
            found = now_ms + units.parse_ms(text)
        except ValueError as error:
            raise bad_argument(f'--until {text}: expected {error}, or a date, "2027-01-31"') from error
    if found <= now_ms:
        raise bad_argument(f"--until {text} is past")
    return found
