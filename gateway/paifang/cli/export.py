"""`paifang export`: readings into a file that others read."""

import sys
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, asked
from paifang.cli.times import utc_ms
from paifang.config.places import STORE_FILE
from paifang.config.units import parse_ms
from paifang.errors import EXIT_REFUSED, PaifangError, bad_argument, resource_error

if TYPE_CHECKING:
    from paifang.archive.formats import Format
    from paifang.archive.source import Tally, Wanted
    from paifang.store.sql import Connection

BUFFERED_BYTES = 1 << 16

_SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="From this time on: 2026-11-20, 2026-11-20T10:35+08:00, 2h (ago)."),
]
_UntilOption = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before this time.")]
_FormatOption = Annotated[
    str, typer.Option("--format", "-f", metavar="FORMAT", help="csv, senml-json, senml-cbor or parquet.")
]
_EveryOption = Annotated[
    str | None,
    typer.Option("--every", metavar="SPAN", help="Summed up by 1m, 15m or 1h, in CSV.", show_default=False),
]
_OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="A new file, instead of standard output.", show_default=False),
]
_StoreOption = Annotated[
    Path | None,
    typer.Option("--store", metavar="FILE", help="A backup, instead of the gateway's own store.", show_default=False),
]


def export(
    ctx: typer.Context,
    node: Annotated[str | None, typer.Argument(metavar="NODE", help="Of this node only.")] = None,
    point: Annotated[str | None, typer.Argument(metavar="POINT", help="Of this point only.")] = None,
    form: _FormatOption = "csv",
    since: _SinceOption = None,
    until: _UntilOption = None,
    every: _EveryOption = None,
    file: _OutputOption = None,
    store: _StoreOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Write readings as CSV, SenML (RFC 8428) or Parquet.

    From the store's file itself, whether a gateway runs or not, with the times and qualities that nodes gave, and
    values exact to the last digit.

    A time without a zone is this machine's. Readings whose time nobody knows have none in CSV, and stay out of
    SenML and of what is asked for by time; how many, it says. With --every come the count, mean, least, greatest and
    last of each span instead, of readings that are good.

    \b
    paifang export > all.csv
    paifang export aq-1 pm25 --since 2026-11-01 --until 2026-12-01 -o november.csv
    paifang export --since 24h -f senml-cbor -o day.senml.cbor
    paifang export meter-1 power --every 15m --since 7d
    """
    wanted = asked(ctx, data, config)
    from paifang.archive import formats, placing, source
    from paifang.config.load import load

    if form not in formats.FORMATS:
        raise bad_argument(f"there is no format {form!r}", f"there are {', '.join(formats.FORMATS)}")
    settings = load(wanted.place).settings
    asked_for = source.Wanted(node, point, utc_ms("--since", since), utc_ms("--until", until))
    made = formats.make(form, settings.site)
    if file is None and not made.is_text and sys.stdout.isatty():
        raise bad_argument(f"{form} is nothing for a terminal", "name a file with --output")
    tally = source.Tally()
    with source.opened(store or settings.data / STORE_FILE, least_version=3 if every else 1) as connection:
        if every is None:
            parts = made.written(source.readings(connection, asked_for, tally))
        else:
            parts = _rolled(connection, asked_for, every, form, tally)
        with nullcontext() if file is None else placing.new_file(file) as part:
            _write(parts, part)
    _tell(tally, made, file)


def _rolled(connection: "Connection", wanted: "Wanted", every: str, form: str, tally: "Tally") -> Iterable[bytes]:
    from paifang.archive import rolled, source

    if form != "csv":
        raise bad_argument(f"--every comes in CSV, not in {form}", "leave --format out")
    try:
        every_ms = parse_ms(every)
    except ValueError as error:
        raise bad_argument(f"--every {every!r} is no span", "1m, 15m or 1h") from error
    source.check_wanted(connection, wanted)
    return rolled.written(connection, wanted, rolled.span_min(every_ms), tally)


def _write(parts: Iterable[bytes], file: Path | None) -> None:
    """PaifangError when standard output cannot take it; what is wrong with a file goes on to who made it."""
    if file is not None:
        with file.open("wb", BUFFERED_BYTES) as opened:
            opened.writelines(parts)
        return
    try:
        _print(parts)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        with suppress(OSError):
            sys.stdout.close()  # nor does it take what is left, on the way out
        raise resource_error(f"cannot write: {error.strerror}", "choose another place with --output") from error


def _print(parts: Iterable[bytes]) -> None:
    """To a terminal goes nothing that it would obey: names come from nodes."""
    if sys.stdout.isatty():
        for part in parts:
            typer.echo("\n".join(map(output.printable, part.decode().replace("\r\n", "\n").split("\n"))), nl=False)
    else:
        sys.stdout.buffer.writelines(parts)


def _tell(tally: "Tally", made: "Format", file: Path | None) -> None:
    if file is not None:
        output.print_note(f"wrote {tally.readings - made.undated} readings to {file}")
    if left_out := tally.undated:
        output.print_note(f"left out {left_out} records whose time nobody knows; without --since and --until they come")
    if made.undated:
        output.print_note(f"left out {made.undated} readings whose time nobody knows; CSV has them")
    if tally.unreadable:
        message = f"{tally.unreadable} records are damaged and were left out"
        raise PaifangError(message, "`paifang check --store` looks at the whole file", exit_code=EXIT_REFUSED)
