"""`paifang audit verify` and `witness`: what needs no gateway, only a folder and a public key."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paifang.cli import fields, output
from paifang.cli.options import Asked, ConfigOption, DataOption, JsonOption, asked
from paifang.errors import EXIT_REFUSED, EXIT_USAGE, PaifangError, bad_argument

if TYPE_CHECKING:
    from paifang.audit.notes import Verifier
    from paifang.audit.verify import Report
    from paifang.audit.witness import Witness

FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="A (copied) folder of checkpoint and tiles.", show_default=False),
]
PublicOption = Annotated[
    str | None,
    typer.Option("--public", metavar="KEY", help="The log's public key: log.pub, or its text.", show_default=False),
]


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

    Without --folder it is this machine's own log.

    Finds whatever was changed after it was signed, and names the first bad
    entry or file. A log that was cut short and signed again by who has the
    log's key it does not find: the witness does.

    The file of --receipts has a line for each node,
    {"node": "aq-1", "receipt_key": "<hexadecimal>"}.

    \b
    paifang audit verify
    paifang audit verify --folder copy/public --public log.pub --receipts receipt-keys.jsonl
    """
    wanted = asked(ctx, data, config, as_json)
    from paifang.audit.verify import verify_folder

    place = folder or own_folder(wanted) / "public"
    if not place.is_dir():
        raise bad_argument(f"there is no folder {place}", "name the log's with --folder, or the gateway's with --data")
    if public is None:
        public = str(place.absolute().parent / "log.pub")
        output.print_note(f"the key is {public}, from beside the log: to be sure, compare it with one kept elsewhere")
    report = verify_folder(place, public_key(public), None if receipts is None else _receipt_keys(receipts))
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

    Looks once and exits with 1 if something is wrong. What is good is
    cosigned, in FILE.cosigned, under the witness's own key, FILE.key.

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
    watching = Witness(public_key(public), state)
    output.print_note(f"cosigning as {watching.public_key}")
    try:
        good = _watch(watching, log, every_s, as_json)
    except KeyboardInterrupt:
        return
    if not good:
        raise typer.Exit(EXIT_REFUSED)


def _watch(watching: "Witness", log: Path, every_s: float | None, as_json: bool) -> bool:
    """Look once, or again and again; whether the last look was good."""
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
        time.sleep(every_s)


def own_folder(wanted: Asked) -> Path:
    """The audit log of this machine's gateway."""
    from paifang.config.load import load

    return load(wanted.place).settings.data / "audit"


def public_key(public: str | None) -> "Verifier":
    """The log's public key, given as a file or as its text."""
    from paifang.audit import notes

    if public is None:
        raise bad_argument("--public is missing: the log's public key", "it is log.pub in the audit folder")
    try:
        return notes.verifier_of(public if public.count("+") >= 2 and "\n" not in public else text_of(Path(public)))
    except notes.NoteError as error:
        raise bad_argument(f"{public} holds no public key: {error}", "give log.pub of the audit folder") from error


def _receipt_keys(file: Path) -> dict[str, bytes]:
    from paifang.audit.receipts import read_keys

    try:
        return read_keys(text_of(file))
    except ValueError as error:
        raise bad_argument(f"{file}: {error}", "the auditor's keys come from provisioning") from error


def text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise PaifangError(f"{file} cannot be read: {reason}", "check the path", exit_code=EXIT_USAGE) from error
