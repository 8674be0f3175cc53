"""`paifang init`: a settings file to start from."""

from pathlib import Path
from typing import Annotated

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, asked
from paifang.config.places import FILE_NAME
from paifang.errors import EXIT_USAGE, PaifangError, resource_error


def init(
    ctx: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a settings file to start from.

    It has every setting, its default and what it means. A gateway runs without it; the file
    is for changing things. It goes into the data folder, or to --config FILE.

    \b
    paifang init
    paifang init --data /var/lib/paifang
    """
    place = asked(ctx, data, config).place
    file = place.config or place.home / FILE_NAME
    write_settings(file, force=force)
    output.print_note(f"wrote {file}; change it, then look it over with: paifang check")


def write_settings(file: Path, *, force: bool) -> None:
    """The commented defaults into `file`. PaifangError if it exists (unless `force`) or cannot be written."""
    from paifang.config.template import template

    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with file.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(template())
    except FileExistsError as error:
        raise PaifangError(f"{file} is there already", "replace it with --force", exit_code=EXIT_USAGE) from error
    except OSError as error:
        raise resource_error(f"cannot write {file}: {error.strerror}", "choose another folder with --data") from error
