"""`paifang sign` and `paifang approve` of request files: on a person's own machine, with no gateway in reach."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import fields, output, passphrase
from paifang.cli.passphrase import KeyOption, OutOption, PassphraseOption, YesOption
from paifang.errors import PaifangError, bad_argument

if TYPE_CHECKING:
    from paifang.control.client import ControlClient
    from paifang.keys.keyfile import KeyFile
    from paifang.keys.keyset import KeySet
    from paifang.keys.request_file import Request
    from paifang.keys.requests import Order, PointView
    from paifang.keys.signing import SigningKey

RequestArgument = Annotated[Path, typer.Argument(metavar="REQUEST", help="The request file.", show_default=False)]
OnGatewayOption = Annotated[
    bool,
    typer.Option("--on-gateway", help="Sign class 3 on the gateway's own machine all the same; this is logged."),
]
KeysetOption = Annotated[
    Path | None,
    typer.Option("--keyset", metavar="FILE", help="Check by this *.keyset who gave the order (else as known here)."),
]


def sign(
    request: RequestArgument,
    key: KeyOption = None,
    out: OutOption = None,
    passphrase_file: PassphraseOption = None,
    on_gateway: OnGatewayOption = False,
    yes: YesOption = False,
) -> None:
    """Sign the order in a request file, and write it beside it as *.order.

    It shows the order in words, with names, units and limits from the node's own point table, whose hash is signed.

    \b
    paifang send meter-1 relay off --request relay.json
    paifang sign relay.json
    """
    wanted, point = read_request(request)
    if wanted.signed is not None:
        raise bad_argument(f"the order in {request} is signed already", f"paifang approve {request}")
    wanted = wanted.at_least(newest_known(wanted.site))
    opened = persons_key(key, wanted.site)
    tell(wanted.order, point, wanted.site)
    signed = signed_order(wanted, point, opened, passphrase_file, on_gateway=on_gateway, yes=yes)
    made = out or request.with_suffix(".order")
    _write(made, signed)
    output.print_note(f"wrote {made}, signed by {opened.about.person} with the key {opened.about.kid.hex()}")


def approve_file(
    request: Path,
    order: Path | None,
    key: str | None,
    out: Path | None,
    passphrase_file: Path | None,
    keyset: Path | None,
    on_gateway: bool,
    yes: bool,
) -> None:
    """Approve a signed order of class 3 that a request file holds, or that lies beside it as *.order."""
    from paifang.keys import files
    from paifang.keys.requests import open_order

    wanted, point = read_request(request)
    signed = wanted.signed or files.read_bytes(order or request.with_suffix(".order"))
    wanted = wanted.at_least(open_order(signed)[1].keyset)
    opened = persons_key(key, wanted.site)
    tell(wanted.order, point, wanted.site, asked_by(signed, wanted.site, keyset))
    approval = signed_approval(wanted, signed, point, opened, passphrase_file, on_gateway=on_gateway, yes=yes)
    made = out or request.with_suffix(".approval")
    _write(made, approval)
    output.print_note(f"wrote {made}, approved by {opened.about.person} with the key {opened.about.kid.hex()}")


def read_request(file: Path) -> "tuple[Request, PointView]":
    """A request, and its point by the node's own table. Raises PaifangError."""
    from paifang.keys.request_file import Request
    from paifang.keys.requests import pinned
    from paifang.store.points import decode_table

    found = Request.read(file)
    return found, pinned(found.order, found.table, decode_table)[1]


def newest_known(site: str) -> int:
    """The newest key set of a site that this machine has seen signed; a signature asks for it at least."""
    from paifang.keys.keyring import Keyring

    return Keyring.own().knowledge.newest(site)


def persons_key(key: str | None, site: str) -> "KeyFile":
    """The key that a person signs commands with. Raises PaifangError, also for one that is known to be revoked."""
    from paifang.keys.keyring import Keyring, check_kind

    keyring = Keyring.own()
    opened = keyring.find(key)
    check_kind(opened, ("person", "service"), "an order")
    _check_standing(opened, keyring.knowledge.keyset(site))
    return opened


def _check_standing(opened: "KeyFile", known: "KeySet | None") -> None:
    """By the newest key set known here: tell that a key is retiring, raise PaifangError when it is revoked."""
    from paifang_wire import orders

    entry = known.find(opened.about.kid) if known else None
    if known is None or entry is None:
        return
    if entry.state == orders.REVOKED:
        message = f"your key {opened.about.name} is revoked in key set {known.version}"
        raise PaifangError(message, "sign with another one: paifang keys list", code="no-authority")
    if entry.state == orders.RETIRING:
        output.print_note(f"your key {opened.about.name} is retiring; use your new one")


def tell(order: "Order", point: "PointView", site: str, asked_by: str = "") -> None:
    """Show what is about to be signed."""
    from paifang.keys.requests import words

    lines = [f"site {site}", words(order, point)]
    lines += [f"reason: {order.reason}"] if order.reason else []
    lines += [f"asked by {asked_by}"] if asked_by else []
    for line in (*lines, f"good until {fields.clock(order.expires_ms)}, key set {order.keyset} or newer"):
        output.print_note(line)


def signed_order(
    request: "Request",
    point: "PointView",
    opened: "KeyFile",
    passphrase_file: Path | None,
    *,
    on_gateway: bool,
    yes: bool,
) -> bytes:
    """The order of a request, signed once the person says yes. Raises PaifangError."""
    from paifang.keys.requests import sign_order

    signer = _unlocked(request, point, opened, passphrase_file, on_gateway=on_gateway, yes=yes)
    return sign_order(signer, request.site, request.order)


def signed_approval(
    request: "Request",
    signed: bytes,
    point: "PointView",
    opened: "KeyFile",
    passphrase_file: Path | None,
    *,
    on_gateway: bool,
    yes: bool,
) -> bytes:
    """The approval of a signed order, once the person says yes. Raises PaifangError."""
    from paifang.keys.requests import make_approval, open_order

    kid, order = open_order(signed)
    if order != request.at_least(order.keyset).order:
        raise bad_argument("the signed order is not the one in the request", "do not approve it; ask for it again")
    if kid == opened.about.kid:
        raise PaifangError("this is your own order", "another person approves it", code="same-person")
    signer = _unlocked(request, point, opened, passphrase_file, on_gateway=on_gateway, yes=yes)
    return make_approval(signer, request.site, signed, keyset=newest_known(request.site))


def asked_by(signed: bytes, site: str, keyset: Path | None) -> str:
    """Whose order it is: checked by a key set given or known here, else only what key it names. Raises PaifangError."""
    from paifang.keys.keyring import Keyring
    from paifang.keys.keyset import KeySet
    from paifang.keys.requests import Signed, person_of

    known = KeySet.read(keyset) if keyset else Keyring.own().knowledge.keyset(site)
    if known is None:
        return f"the key {Signed.split(signed, 'order').kid.hex()} (--keyset FILE checks whose that is)"
    return f"{person_of(signed, site, known)}, whose signature is good by key set {known.version}"


def learn(gateway: "ControlClient", site: str) -> None:
    """Take a newer key set from the gateway if the roots trusted here have signed it; a mere number is not believed."""
    from paifang.keys.keyring import Keyring
    from paifang.keys.keyset import KeySet

    knowledge = Keyring.own().knowledge
    roots = knowledge.roots(site)
    if roots is None:
        return
    answer = cast("dict[str, Any]", gateway.request("keyset.show"))
    if answer["version"] > knowledge.newest(site) and answer["keyset"]:
        try:
            knowledge.learn(KeySet.decode(bytes.fromhex(answer["keyset"]), "the gateway's key set"), roots)
        except PaifangError as error:
            message = f"the gateway's key set is not one that the root keys trusted here have signed: {error.message}"
            hint = "ask the owner; if the roots were replaced: paifang keys root trust FILE --replace"
            raise PaifangError(message, hint, code=error.code) from error


def _unlocked(
    request: "Request",
    point: "PointView",
    opened: "KeyFile",
    passphrase_file: Path | None,
    *,
    on_gateway: bool,
    yes: bool,
) -> "SigningKey":
    from paifang.keys.host import check_place

    check_place(point.point_class, request.host, on_gateway=on_gateway)
    if request.order.expires_ms <= time.time() * 1000:
        hint = "ask for it again; if this is not so, set this machine's clock"
        message = f"this was good until {fields.clock(request.order.expires_ms)}"
        raise PaifangError(message, hint, code="expired")
    passphrase.confirm("Sign this?", yes)
    return passphrase.unlocked(opened, passphrase_file)


def _write(file: Path, content: bytes) -> None:
    from paifang.keys import files

    files.write(file, content)
