"""`paifang commands`, `pending`, `approve`: what was commanded, what waits for another person, and saying yes to it."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import fields, output, verdicts
from paifang.cli.options import ConfigOption, DataOption, JsonOption, SocketOption, asked, connected
from paifang.cli.passphrase import KeyOption, OutOption, PassphraseOption, YesOption
from paifang.cli.sign import KeysetOption, OnGatewayOption
from paifang.errors import PaifangError

if TYPE_CHECKING:
    from paifang.control.client import ControlClient
    from paifang.keys.request_file import Request

app = typer.Typer(name="commands", add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

WithinOption = Annotated[
    str, typer.Option("--within", metavar="TIME", help="The node acts in this time or not at all.")
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A command's id, 16 hex digits.", show_default=False)]
_ID = re.compile(r"[0-9a-fA-F]{16}")

_COLUMNS = (
    output.column("ID", "id"),
    output.column("WHEN", "asked_ms", fields.clock),
    output.column("NODE", "node"),
    output.column("POINT", "point"),
    output.column("OP", "op"),
    output.column("VALUE", "value", fields.value, right=True),
    output.column("BY", "person"),
    output.column("VERDICT", "verdict", style=lambda row: "" if row["verdict"] == "executed" else "yellow"),
    output.column("REASON", "reason"),
)
_PENDING = (
    output.column("ID", "id"),
    output.column("NODE", "node"),
    output.column("POINT", "point"),
    output.column("VALUE", "value", fields.value, right=True),
    output.column("BY", "person"),
    output.column("LEFT", "expires_ms", lambda ms: f"{max(ms - round(time.time() * 1000), 0) // 1000}s", right=True),
)


@app.callback(invoke_without_command=True)
def commands(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """What was commanded, by whom, and what became of it.

    Without a command, list the newest.

    \b
    paifang commands
    paifang commands show 0123456789abcdef
    """
    ctx.obj = asked(ctx, data, config, as_json)
    if ctx.invoked_subcommand is None:
        _list(ctx, None, 20, data, config, as_json)


@app.command("list")
def list_commands(
    ctx: typer.Context,
    node: Annotated[str | None, typer.Argument(metavar="[NODE]", help="Only those to this node.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="At most so many.")] = 20,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest commands, the newest last."""
    _list(ctx, node, limit, data, config, as_json)


def _list(
    ctx: typer.Context, node: str | None, limit: int, data: Path | None, config: Path | None, as_json: bool
) -> None:
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        given: dict[str, Any] = {"limit": limit} | ({"node": node} if node else {})
        rows = gateway.request("commands.list", **given)
    output.print_rows(rows, _COLUMNS, wanted.as_json, "nothing was commanded yet")


@app.command()
def show(
    ctx: typer.Context,
    identifier: IdArgument,
    socket: SocketOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one command: who gave and who approved it, its verdict, and where the log has it."""
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place, socket) as gateway:
        found = cast("dict[str, Any]", gateway.request("commands.show", id=identifier))
    if wanted.as_json:
        output.print_json(found)
        return
    typer.echo(output.printable(verdicts.sentence(found)))
    for name in ("order", "approval", "receipt", "table", "host", "now_ms"):
        found.pop(name, None)
    for line in output.tree(dict(_dated(name, each) for name, each in found.items())):
        typer.echo(line)


@app.command()
def submit(
    ctx: typer.Context,
    order: Annotated[Path, typer.Argument(metavar="FILE", help="The signed *.order.", show_default=False)],
    within: WithinOption = "10s",
    on_gateway: OnGatewayOption = False,
    socket: SocketOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand in an order that was signed elsewhere.

    The answer to a select of class 3 is the node's token, which the order to operate then carries.

    \b
    paifang commands submit relay.order
    """
    from paifang.keys import files

    signed, within_ms = files.read_bytes(order), verdicts.parse_within_ms(within)
    wanted = asked(ctx, data, config, as_json)
    more = {"on_gateway": True} if on_gateway else {}
    with connected(wanted.place, socket) as gateway:
        answer = gateway.request(
            "commands.submit", timeout_s=_timeout_s(within_ms), order=signed.hex(), within_ms=within_ms, **more
        )
    receipt = cast("dict[str, Any]", answer)
    verdicts.show(receipt, wanted.as_json)
    if receipt["token"] and not wanted.as_json:
        where = f"{receipt['node']} {receipt['point']} {fields.value(receipt['value'])}"
        output.print_note(f"next, within 5 minutes: paifang send {where} --request FILE --token {receipt['token']}")
    raise typer.Exit(verdicts.exit_code([receipt]))


def pending(
    ctx: typer.Context,
    socket: SocketOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the orders of class 3 that wait for another person.

    \b
    paifang pending
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place, socket) as gateway:
        rows = gateway.request("commands.pending")
    output.print_rows(rows, _PENDING, wanted.as_json, "nothing waits for an approval")


def approve(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="ID|REQUEST", help="A pending order's id, or a request file.", show_default=False)
    ],
    order: Annotated[
        Path | None,
        typer.Option("--order", metavar="FILE", help="With a file: the signed order (else REQUEST's *.order)."),
    ] = None,
    approval: Annotated[
        Path | None, typer.Option("--approval", metavar="FILE", help="With an id: an approval made elsewhere.")
    ] = None,
    key: KeyOption = None,
    out: OutOption = None,
    keyset: KeysetOption = None,
    within: WithinOption = "10s",
    passphrase_file: PassphraseOption = None,
    on_gateway: OnGatewayOption = False,
    yes: YesOption = False,
    socket: SocketOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve another person's order of class 3.

    With an id, the order is shown as the node's own point table has it, signed here, and sent to the node at once.
    With a request file, the approval is written beside it as *.approval, and no gateway is asked.

    \b
    paifang approve 0123456789abcdef --keyset ward-1.keyset
    paifang approve relay.json --keyset ward-1.keyset
    """
    if not _ID.fullmatch(what):
        from paifang.cli.sign import approve_file

        approve_file(Path(what), order, key, out, passphrase_file, keyset, on_gateway, yes)
        return
    wanted, within_ms = asked(ctx, data, config, as_json), verdicts.parse_within_ms(within)
    with connected(wanted.place, socket) as gateway:
        if approval is None:
            signed = _approve_here(gateway, what, key, keyset, passphrase_file, on_gateway=on_gateway, yes=yes)
        else:
            from paifang.keys import files

            signed = files.read_bytes(approval)
        more = {"on_gateway": True} if on_gateway else {}
        answer = gateway.request(
            "commands.approve",
            timeout_s=_timeout_s(within_ms),
            id=what,
            approval=signed.hex(),
            within_ms=within_ms,
            **more,
        )
    receipt = cast("dict[str, Any]", answer)
    verdicts.show(receipt, wanted.as_json)
    raise typer.Exit(verdicts.exit_code([receipt]))


def _approve_here(
    gateway: "ControlClient",
    identifier: str,
    key: str | None,
    keyset: Path | None,
    passphrase_file: Path | None,
    *,
    on_gateway: bool,
    yes: bool,
) -> bytes:
    """The approval of a pending order by a key on this machine, once its person has seen what it does."""
    from paifang.cli import sign
    from paifang.keys.requests import pinned
    from paifang.store.points import decode_table

    answer = cast("dict[str, Any]", gateway.request("commands.show", id=identifier))
    if answer["state"] != "pending":
        raise PaifangError(
            f"{identifier} waits no more: {verdicts.sentence(answer)}", "`paifang pending` lists what does"
        )
    request = _request(answer)
    assert request.signed is not None
    sign.learn(gateway, request.site)
    point = pinned(request.order, request.table, decode_table)[1]
    opened = sign.persons_key(key, request.site)
    sign.tell(request.order, point, request.site, sign.asked_by(request.signed, request.site, keyset))
    return sign.signed_approval(request, request.signed, point, opened, passphrase_file, on_gateway=on_gateway, yes=yes)


def _request(answer: Mapping[str, Any]) -> "Request":
    from paifang.keys.request_file import Request

    return Request.of_pending(answer["site"], answer)


def _dated(name: str, each: Any) -> tuple[str, Any]:
    """A time is shown as one, and its name without the unit: ("asked", "18:35:07")."""
    if not name.endswith("_ms") or name == "uptime_ms":
        return name, each
    return name.removesuffix("_ms"), fields.clock(each) if each else each


def _timeout_s(within_ms: int) -> float:
    return within_ms / 1000 + verdicts.REST_S
