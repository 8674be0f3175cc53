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
    paifang init --data /tmp/ward
    paifang init --config /etc/paifang/gateway.toml --data /var/lib/paifang
    """
    from paifang.config.template import template

    place = asked(ctx, data, config).place
    if place.config is None:
        file, text = place.home / FILE_NAME, template()
        _make_folder(file.parent, 0o700)
    else:
        file, text = place.config, template(place.data and place.data.absolute())
        _make_folder(file.parent, 0o755)
    _write(file, text, force=force)
    output.print_note(f"wrote {file}; change it, then look it over with: paifang check")


def _make_folder(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        hint = "choose another folder with --data"
        raise resource_error(f"cannot make the folder {folder}: {error.strerror}", hint) from error


def _write(file: Path, text: str, *, force: bool) -> None:
    """PaifangError if the file exists (unless `force`) or cannot be written."""
    try:
        with file.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise PaifangError(f"{file} is there already", "replace it with --force", exit_code=EXIT_USAGE) from error
    except OSError as error:
        raise resource_error(f"cannot write {file}: {error.strerror}", "choose another folder with --data") from error
