"""`paifang send`: a command to a node, and what became of it."""

import dataclasses
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import output, verdicts
from paifang.cli.complete import NodeArgument, PointArgument
from paifang.cli.options import ConfigOption, DataOption, JsonOption, SocketOption, asked, connected
from paifang.cli.passphrase import KeyOption, PassphraseOption
from paifang.cli.sign import OnGatewayOption
from paifang.errors import PaifangError, bad_argument

if TYPE_CHECKING:
    from paifang.control.client import ControlClient
    from paifang.keys.requests import Order, Target
    from paifang.keys.signing import SigningKey
    from paifang.store.points import Point

GOOD_FOR_MS = 300_000
"""How long an order is good: as long as a node's token. A file has to be carried first."""
CLASS_SELECTED = 2

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What was asked for, as it stood on the command line."""

    node: str
    point: str
    value: str
    within_ms: int
    expect: str | None
    reason: str
    key: str | None
    passphrase_file: Path | None
    token: bytes | None
    on_gateway: bool


# A negative number is a value, not an option.
@app.command(context_settings={"ignore_unknown_options": True})
def send(
    ctx: typer.Context,
    node: NodeArgument,
    point: PointArgument,
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="on, off, or a number in the point's unit.", show_default=False)
    ],
    within: Annotated[str, typer.Option(metavar="TIME", help="The node acts in this time or not at all.")] = "10s",
    expect: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Only if the point is at this value now.", show_default=False)
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is logged, and signed.")] = "",
    key: KeyOption = None,
    request: Annotated[
        Path | None,
        typer.Option("--request", metavar="FILE", help="Write what is to be signed to FILE; nothing is sent."),
    ] = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="HEX", help="Of an earlier select, with --request.", hidden=True)
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until another person has approved it.")] = False,
    on_gateway: OnGatewayOption = False,
    passphrase_file: PassphraseOption = None,
    socket: SocketOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a point of a node and wait for its receipt.

    The receipt has the verdict and the value read back. A point of class 2 or 3 takes your key, which signs here, where
    this command runs; one of class 3 then waits for another person's `paifang approve`, and so does one behind a
    bridge that is two-person (gateway-enforced): there it is the gateway that checks both persons, not the device.

    Exits with 0 if the command was executed or waits for approval, 1 if the node or the gateway refused it, 5 if nobody
    answered in time: then it is not known whether the node acted.

    \b
    paifang send meter-1 relay off
    paifang send meter-1 power_limit 2200 --within 5s
    paifang send meter-1 relay off --expect on --reason "works at No. 7"
    paifang send gate-1 barrier open --socket ./forwarded.sock
    """
    asked_for = asked(ctx, data, config, as_json)
    wanted = Wanted(
        node,
        point,
        value,
        verdicts.parse_within_ms(within),
        expect,
        reason,
        key,
        passphrase_file,
        _token(token),
        on_gateway,
    )
    with connected(asked_for.place, socket) as gateway:
        if request is not None:
            _write_request(request, wanted, _target(gateway, wanted))
            return
        receipt = command(gateway, wanted)
        if wait and receipt["verdict"] == "pending":
            if not asked_for.as_json:
                verdicts.show(receipt, as_json=False)
            receipt = verdicts.wait(gateway, receipt)
    verdicts.show(receipt, asked_for.as_json)
    raise typer.Exit(verdicts.exit_code([receipt]))


def command(gateway: "ControlClient", wanted: Wanted) -> dict[str, Any]:
    """Give a command, signed here unless the gateway takes it unsigned, and return its receipt. Raises PaifangError."""
    if wanted.key is None and _is_light(gateway, wanted):
        return _unsigned(gateway, wanted)
    return _signed(gateway, wanted, _target(gateway, wanted))


def _is_light(gateway: "ControlClient", wanted: Wanted) -> bool:
    """Whether the gateway takes it unsigned. What cannot be found out now, it is to say itself, and log."""
    try:
        found = cast("dict[str, Any]", gateway.request("commands.target", node=wanted.node, point=wanted.point))
    except PaifangError:
        return True
    return found["class"] <= max(found["local_class"], 0) or found["class"] == 0


def _unsigned(gateway: "ControlClient", wanted: Wanted) -> dict[str, Any]:
    given = {"node": wanted.node, "point": wanted.point, "value": wanted.value, "within_ms": wanted.within_ms}
    more = {"expect": wanted.expect, "reason": wanted.reason}
    given |= {name: each for name, each in more.items() if each}
    return cast("dict[str, Any]", gateway.request("send", timeout_s=_timeout_s(wanted), **given))


def _target(gateway: "ControlClient", wanted: Wanted) -> "Target":
    """The point as its node describes it, under the newest key set that is known here."""
    from paifang.cli.sign import learn, newest_known
    from paifang.keys.requests import Target

    answer = cast("dict[str, Any]", gateway.request("commands.target", node=wanted.node, point=wanted.point))
    target = Target.of_answer(answer["site"], answer)
    learn(gateway, target.site)
    return dataclasses.replace(target, keyset=max(target.keyset, newest_known(target.site)))


def _signed(gateway: "ControlClient", wanted: Wanted, target: "Target") -> dict[str, Any]:
    """Sign here and hand in; where two persons are needed the select first, whose token the order then carries."""
    from paifang.cli import passphrase, sign
    from paifang.keys.host import check_place
    from paifang_wire import messages

    point = _point(target)
    check_place(point.point_class, target.host, on_gateway=wanted.on_gateway)
    opened = sign.persons_key(wanted.key, target.site)
    op = messages.OP_OPERATE if point.point_class >= CLASS_SELECTED else messages.OP_DIRECT
    sign.tell(_order(wanted, target, point, op, None), point, target.site)
    signer = passphrase.unlocked(opened, wanted.passphrase_file)
    token = None
    if target.two_persons:
        select = _order(wanted, target, point, messages.OP_SELECT, None)
        selected = _submit(gateway, wanted, target, signer, select)
        if selected["verdict"] != "executed":
            return selected
        token = bytes.fromhex(selected["token"])
    return _submit(gateway, wanted, target, signer, _order(wanted, target, point, op, token))


def _submit(
    gateway: "ControlClient", wanted: Wanted, target: "Target", signer: "SigningKey", order: "Order"
) -> dict[str, Any]:
    from paifang.keys.requests import sign_order

    given: dict[str, Any] = {"order": sign_order(signer, target.site, order).hex(), "within_ms": wanted.within_ms}
    if wanted.on_gateway:
        given["on_gateway"] = True
    return cast("dict[str, Any]", gateway.request("commands.submit", timeout_s=_timeout_s(wanted), **given))


def _order(wanted: Wanted, target: "Target", point: "Point", op: int, token: bytes | None) -> "Order":
    import time

    from paifang.keys.requests import ID_LENGTH, make_order

    return make_order(
        target,
        op,
        point.wire(wanted.value),
        identifier=secrets.token_bytes(ID_LENGTH),
        expires_ms=round(time.time() * 1000) + GOOD_FOR_MS,
        expect=None if wanted.expect is None else point.wire(wanted.expect),
        reason=wanted.reason,
        token=token,
    )


def _write_request(file: Path, wanted: Wanted, target: "Target") -> None:
    """A request to be signed elsewhere. For two persons the select comes first, and the order with its token then."""
    from paifang.keys import files
    from paifang.keys.request_file import Request
    from paifang_wire import messages

    point = _point(target)
    is_select = target.two_persons and wanted.token is None
    heavy = messages.OP_SELECT if is_select else messages.OP_OPERATE
    op = heavy if point.point_class >= CLASS_SELECTED else messages.OP_DIRECT
    order = _order(wanted, target, point, op, wanted.token)
    files.write(file, Request.of_target(target, order).text(point))
    made = file.with_suffix(".order")
    output.print_note(f"wrote {file}; sign it where your key is: paifang sign {file}")
    output.print_note(f"then hand it in: paifang commands submit {made}")


def _point(target: "Target") -> "Point":
    from paifang.store.points import decode_table

    return decode_table(target.table).find(target.point)


def _timeout_s(wanted: Wanted) -> float:
    return wanted.within_ms / 1000 + verdicts.REST_S


def _token(text: str | None) -> bytes | None:
    try:
        return None if text is None else bytes.fromhex(text)
    except ValueError as error:
        raise bad_argument(f"--token is hexadecimal digits, not {text}") from error
