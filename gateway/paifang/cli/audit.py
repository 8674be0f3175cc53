"""`paifang audit`: what was done, by whom, and whether the log of it is whole."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paifang.cli import fields, output
from paifang.cli.options import Asked, ConfigOption, DataOption, JsonOption, asked, connected
from paifang.errors import EXIT_REFUSED, EXIT_USAGE, PaifangError, bad_argument

if TYPE_CHECKING:
    from paifang.audit.notes import Verifier
    from paifang.audit.verify import Report

app = typer.Typer(name="audit", add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="A (copied) folder of checkpoint and tiles.", show_default=False),
]
PublicOption = Annotated[
    str | None,
    typer.Option("--public", metavar="KEY", help="The log's public key: log.pub, or its text.", show_default=False),
]
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
_VALUE_SHOWN = 32


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
    if folder is None:
        with connected(wanted.place) as gateway:
            rows = gateway.request("audit.list", first=first, limit=limit, kind=kind)
    else:
        from paifang.audit import queries, reading

        rows = queries.listed(reading.LogFolder(folder), first, limit, kind)
    output.print_rows(rows, _LISTED, wanted.as_json, "there is no such entry")


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
        for line in output.tree({**found, "time": fields.clock(found["utc_ms"])}):
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

    A proof is a text (C2SP tlog-proof) that holds the entry, the hashes up to the root and the signed checkpoint;
    whoever has the log's public key can check it, without the log.

    \b
    paifang audit prove 17 > 17.tlog-proof
    paifang audit prove --check 17.tlog-proof --public log.pub
    """
    wanted = asked(ctx, data, config, as_json)
    if (index is None) == (check is None):
        raise bad_argument("give an entry's number, or a proof to check", "paifang audit prove 17")
    if check is not None:
        _check_proof(check, _key(public), wanted.as_json)
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
        entry, checkpoint = proofs.parse(_text(file)).verify(log)
    except NoteError as error:
        message = f"{file} proves nothing: {error}"
        raise PaifangError(message, "ask for it again, or ask who changed it", code="no-proof") from error
    if as_json:
        output.print_json({**entry.shown(), "size": checkpoint.size, "origin": checkpoint.origin})
        return
    output.print_note(f"entry {entry.index} of {checkpoint.size} in {checkpoint.origin}, signed by the log's key")
    for line in output.tree({**entry.shown(), "time": fields.clock(entry.utc_ms)}):
        typer.echo(line)


@app.command()
def verify(
    ctx: typer.Context,
    folder: FolderOption = None,
    public: PublicOption = None,
    receipts: Annotated[
        Path | None,
        typer.Option(
            "--receipts",
            metavar="FILE",
            help="The auditor's receipt keys: check what nodes signed.",
            show_default=False,
        ),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify every byte of the log's folder, offline.

    Without --folder it is this machine's own log. Finds whatever was changed after it was signed, and names the first
    bad entry or file. It does not find a log that was cut short and signed again by who has the log's key: the
    witness does.

    The file of --receipts has a line {"node": "aq-1", "receipt_key": "<hexadecimal>"} for each node.

    \b
    paifang audit verify
    paifang audit verify --folder copy/public --public log.pub --receipts receipt-keys.jsonl
    """
    wanted = asked(ctx, data, config, as_json)
    from paifang.audit.verify import verify_folder

    place = folder or _own(wanted) / "public"
    if public is None:
        public = str(place.absolute().parent / "log.pub")
        output.print_note(f"the key is {public}, from beside the log: to be sure, compare it with one kept elsewhere")
    report = verify_folder(place, _key(public), None if receipts is None else _receipt_keys(receipts))
    if wanted.as_json:
        output.print_json(_shown(report))
    else:
        _print(report)
    if not report.is_good:
        raise typer.Exit(EXIT_REFUSED)


def _shown(report: "Report") -> Mapping[str, Any]:
    head = report.checkpoint
    return {
        "good": report.is_good,
        "origin": None if head is None else head.origin,
        "entries": None if head is None else head.size,
        "root": None if head is None else head.root.hex(),
        "findings": [{"file": each.path, "entry": each.entry, "what": each.what} for each in report.findings],
        "uncovered": report.uncovered,
        "receipts": None if report.receipts is None else report.receipts.checked,
        "receipts_without_key": None if report.receipts is None else report.receipts.without_key,
    }


def _print(report: "Report") -> None:
    for finding in report.findings:
        typer.echo(output.printable(f"BAD  {finding}"))
    if report.checkpoint is not None:
        what = "are as they were signed" if report.is_good else "are covered by the checkpoint; see above"
        typer.echo(f"{report.checkpoint.size} entries of {report.checkpoint.origin} {what}")
    if report.uncovered:
        typer.echo(f"{len(report.uncovered)} files reach beyond the checkpoint: {', '.join(report.uncovered[:3])} …")
    if report.receipts is not None:
        typer.echo(f"{report.receipts.checked} receipts checked")
        for node, count in sorted(report.receipts.without_key.items()):
            typer.echo(output.printable(f"{count} receipts of {node} not checked: no key of it is in the file"))


@app.command()
def witness(
    ctx: typer.Context,
    log: Annotated[Path, typer.Option("--log", metavar="DIR", help="The (copied or mounted) folder of the log.")],
    public: Annotated[str, typer.Option("--public", metavar="KEY", help="The log's public key: log.pub, or its text.")],
    state: Annotated[Path, typer.Option("--state", metavar="FILE", help="What the witness remembers.")],
    every: Annotated[
        str | None, typer.Option("--every", metavar="TIME", help='Keep watching, e.g. every "30s".', show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Remember the log's checkpoints, elsewhere, and see when it was cut short or written anew.

    Looks once and exits with 1 if something is wrong. What is good is cosigned, in FILE.cosigned, under the witness's
    own key, FILE.key.

    \b
    paifang audit witness --log mirror/public --public log.pub --state ward-1.witness
    paifang audit witness --log mirror/public --public log.pub --state ward-1.witness --every 30s
    """
    from paifang.audit.witness import Witness
    from paifang.config.units import DURATION_EXPECTED, parse_ms

    as_json = asked(ctx, None, None, as_json).as_json
    try:
        every_s = None if every is None else max(parse_ms(every), 1) / 1000
    except ValueError as error:
        raise bad_argument(f"--every {every} is not {DURATION_EXPECTED}") from error
    watching = Witness(_key(public), state)
    output.print_note(f"cosigning as {watching.public_key}")
    try:
        good = asyncio.run(_watch(watching, log, every_s, as_json))
    except KeyboardInterrupt:
        return
    if not good:
        raise typer.Exit(EXIT_REFUSED)


async def _watch(watching: Any, log: Path, every_s: float | None, as_json: bool) -> bool:
    """Look once, or again and again; whether the last look was good."""
    import time

    last = None
    while True:
        utc_ms = time.time_ns() // 1_000_000
        sight = watching.look(log, utc_ms)
        row = {"utc_ms": utc_ms, "verdict": sight.verdict, "what": sight.what, "size": sight.size}
        if (sight.verdict, sight.what) != last:
            text = (
                f"{fields.clock(utc_ms)}  {'' if sight.verdict == 'good' else 'ALARM  '}{sight.verdict}: {sight.what}"
            )
            typer.echo(output.json_text(row) if as_json else output.printable(text))
        last = (sight.verdict, sight.what)
        if every_s is None:
            return sight.verdict == "good"
        await asyncio.sleep(every_s)


def _own(wanted: Asked) -> Path:
    """The audit log of this machine's gateway."""
    from paifang.config.load import load

    return load(wanted.place).settings.data / "audit"


def _key(public: str | None) -> "Verifier":
    """The log's public key, given as a file or as its text."""
    from paifang.audit import notes

    if public is None:
        raise bad_argument("--public is missing: the log's public key", "it is log.pub in the audit folder")
    try:
        return notes.verifier_of(public if public.count("+") >= 2 and "\n" not in public else _text(Path(public)))
    except notes.NoteError as error:
        raise bad_argument(f"{public} holds no public key: {error}", "give log.pub of the audit folder") from error


def _receipt_keys(file: Path) -> dict[str, bytes]:
    from paifang.audit.receipts import read_keys

    try:
        return read_keys(_text(file))
    except ValueError as error:
        raise bad_argument(f"{file}: {error}", "the auditor's keys come from provisioning") from error


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise PaifangError(f"{file} cannot be read: {reason}", "check the path", exit_code=EXIT_USAGE) from error


def _brief(detail: Mapping[str, Any]) -> str:
    """A detail in one cell: "op=direct value=1"; long values are cut, `audit show` has them whole."""
    return " ".join(f"{key}={_cut(output.json_text(value).strip(chr(34)))}" for key, value in detail.items())


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE_SHOWN else f"{text[: _VALUE_SHOWN - 1]}…"
