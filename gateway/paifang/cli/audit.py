"""`paifang audit`: what was done, by whom, and whether the log of it is whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import audit_offline, fields, output
from paifang.cli.audit_offline import FolderOption, PublicOption, public_key, text_of
from paifang.cli.options import Asked, ConfigOption, DataOption, JsonOption, asked, connected
from paifang.errors import EXIT_USAGE, PaifangError, bad_argument

if TYPE_CHECKING:
    from paifang.audit.notes import Verifier

app = typer.Typer(name="audit", add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

LimitOption = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="At most so many.")]
FirstOption = Annotated[
    int | None, typer.Option("--first", metavar="INDEX", min=0, help="From this entry on; else the newest.")
]
KindOption = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Of this kind only: command, denied, …")]
IndexArgument = Annotated[int, typer.Argument(metavar="INDEX", min=0, help="An entry's number.", show_default=False)]

_LISTED = [
    output.column("ENTRY", "index", right=True),
    output.column("TIME", "utc_ms", fields.clock),
    output.column("KIND", "kind"),
    output.column("SUBJECT", "subject"),
    output.column("ACTOR", "actor"),
    output.Column("DETAIL", lambda row: _brief(row["detail"])),
]
_VALUE_SHOWN = 60
_FOR_MACHINES = {"order", "approval", "receipt", "payload", "description", "asked_ms", "expires_ms", "uid"}
"""What a line of the list leaves out: bytes, and times and users that the line has already."""


@app.callback(invoke_without_command=True)
def audit(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show the audit log, prove what is in it, verify and watch it.

    Without a command, list the newest entries.

    \b
    paifang audit
    paifang audit list --kind denied -n 100 --json
    paifang audit verify --folder copy/public --public log.pub
    """
    ctx.obj = asked(ctx, data, config, as_json)
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, None, 20, None, None)


@app.command("list")
def list_entries(
    ctx: typer.Context,
    limit: LimitOption = 20,
    first: FirstOption = None,
    kind: KindOption = None,
    folder: FolderOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List entries, the newest last."""
    _list(asked(ctx, data, config, as_json), first, limit, kind, folder)


def _list(wanted: Asked, first: int | None, limit: int, kind: str | None, folder: Path | None) -> None:
    _check_kind(kind)
    if folder is None:
        with connected(wanted.place) as gateway:
            rows = gateway.request("audit.list", first=first, limit=limit, kind=kind)
    else:
        from paifang.audit import queries, reading

        rows = queries.listed(reading.LogFolder(folder), first, limit, kind)
    nothing = "there is no such entry" if kind is None else f"there is no entry of the kind {kind}"
    output.print_rows(rows, _LISTED, wanted.as_json, nothing)


def _check_kind(kind: str | None) -> None:
    from paifang.audit import KINDS

    if kind is not None and kind not in KINDS:
        raise bad_argument(f"entries of the kind {kind!r} do not exist", f"there are {', '.join(KINDS)}")


@app.command()
def show(
    ctx: typer.Context,
    index: IndexArgument,
    folder: FolderOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one entry, with all that it says."""
    wanted = asked(ctx, data, config, as_json)
    if folder is None:
        with connected(wanted.place) as gateway:
            found = gateway.request("audit.show", index=index)
    else:
        from paifang.audit import queries, reading

        found = queries.shown(reading.LogFolder(folder), index)
    if wanted.as_json:
        output.print_json(found)
    else:
        for line in output.tree({"time": fields.moment(found["utc_ms"]), **found}):
            typer.echo(line)


@app.command()
def prove(
    ctx: typer.Context,
    index: Annotated[int | None, typer.Argument(metavar="[INDEX]", min=0, help="An entry's number.")] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check", metavar="FILE", help="Check this proof instead, offline, under --public.", show_default=False
        ),
    ] = None,
    public: PublicOption = None,
    folder: FolderOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that an entry is in the log, or check such a proof.

    A proof is a text (C2SP tlog-proof) that holds the entry, the hashes up to
    the root and the signed checkpoint; whoever has the log's public key can
    check it, without the log.

    \b
    paifang audit prove 17 > 17.tlog-proof
    paifang audit prove --check 17.tlog-proof --public log.pub
    """
    wanted = asked(ctx, data, config, as_json)
    if (index is None) == (check is None):
        raise bad_argument("give an entry's number, or a proof to check", "paifang audit prove 17")
    if check is not None:
        _check_proof(check, public_key(public), wanted.as_json)
        return
    if folder is None:
        with connected(wanted.place) as gateway:
            found = gateway.request("audit.prove", index=index)
    else:
        from paifang.audit import queries, reading

        assert index is not None
        found = queries.proven(reading.LogFolder(folder), index)
    if wanted.as_json:
        output.print_json(found)
    else:
        typer.echo(found["proof"], nl=False)


def _check_proof(file: Path, log: "Verifier", as_json: bool) -> None:
    from paifang.audit import proofs
    from paifang.audit.notes import NoteError

    try:
        entry, checkpoint = proofs.parse(text_of(file)).verify(log)
    except NoteError as error:
        message = f"{file} proves nothing: {error}"
        raise PaifangError(message, "ask for it again, or ask who changed it", code="no-proof") from error
    if as_json:
        output.print_json({**entry.shown(), "size": checkpoint.size, "origin": checkpoint.origin})
        return
    output.print_note(f"entry {entry.index} of {checkpoint.size} in {checkpoint.origin}, signed by the log's key")
    for line in output.tree({"time": fields.moment(entry.utc_ms), **entry.shown()}):
        typer.echo(line)


app.command("verify")(audit_offline.verify)
app.command("witness")(audit_offline.witness)


@app.command()
def begin(ctx: typer.Context, data: DataOption = None, config: ConfigOption = None) -> None:
    """Begin another log, after the one there was is gone for good.

    A gateway makes its first log by itself; one that has logged before does
    not go on without its log. Restore that from a copy if there is one: a new
    log has a new key, and every witness will say so.
    """
    wanted = asked(ctx, data, config)
    from paifang.audit import opening, origin_of
    from paifang.audit.disk import Disk
    from paifang.config.load import load

    settings = load(wanted.place).settings
    folder = settings.data / "audit"
    if folder.exists() and any(folder.iterdir()):
        raise PaifangError(f"there is something in {folder}", "move it all away, and keep it", exit_code=EXIT_USAGE)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = opening.open_ledger(folder, origin_of(settings.site), Disk())
    made.close()
    output.print_note("a new log has begun; tell its key to who watches it, and start the gateway")
    typer.echo(made.verifier.vkey)


def _brief(detail: Mapping[str, Any]) -> str:
    """A detail in one cell: "op=direct value=1"; `audit show` has all of it, with what machines read, uncut."""
    told = [(key, value) for key, value in detail.items() if key not in _FOR_MACHINES and value is not None]
    return " ".join(f"{key}={_cut(_text(value))}" for key, value in told if value != "")


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, cast("list[object]", value)))
    return output.json_text(value).strip('"')


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE_SHOWN else f"{text[: _VALUE_SHOWN - 1]}…"
