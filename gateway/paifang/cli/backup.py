"""`paifang backup` and `paifang restore`: the store and the audit log as one file, and back."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paifang.cli import fields, output
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked
from paifang.config.places import AUDIT_FOLDER, STORE_FILE, Place

if TYPE_CHECKING:
    from paifang.archive.backup import About
    from paifang.settings import Settings

_FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.", show_default=False)]


def backup(
    ctx: typer.Context,
    file: _FileArgument,
    without_log: Annotated[bool, typer.Option("--without-log", help="Leave the audit log out.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a backup of the store and the audit log, while the gateway runs or not.

    It is read back before it gets its name, it is for its owner alone, and it overwrites nothing. Node keys are in
    it: keep it as safe as the gateway. Not in it: the log's private key, settings, roots, key sets, policy and
    profiles; all of them are files in the data folder, which change seldom.

    \b
    paifang backup /mnt/usb/ward-1-2026-11-20.db
    """
    wanted = asked(ctx, data, config, as_json)
    from paifang.archive import backup as made
    from paifang.archive import log_copy

    settings = _settings(wanted.place)
    log = settings.data / AUDIT_FOLDER
    with_log = not without_log and log_copy.exists(log)
    about = made.write(settings.data / STORE_FILE, log if with_log else None, file, settings.site, _now_ms())
    if wanted.as_json:
        output.print_json({"file": str(file), **asdict(about)})
        return
    typer.echo(f"wrote {file}: {_told(about)}")
    output.print_note("node keys are in it; the log's private key, settings, key set and policy are not")


def restore(
    ctx: typer.Context,
    file: _FileArgument,
    aside: Annotated[bool, typer.Option("--aside", help="Move a store that is there away first, and keep it.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a backup the store of a data folder in which no gateway runs.

    The backup is checked first; until then nothing is changed, and after that nothing can break off half-way. An
    audit log that is there stays, because it knows more than its copy; otherwise the copy becomes the log, and
    its private key log.key has to be put back beside it.

    \b
    paifang restore ward-1-2026-11-20.db --data /var/lib/paifang
    paifang restore ward-1-2026-11-20.db --aside
    """
    wanted = asked(ctx, data, config, as_json)
    from paifang.archive import log_copy
    from paifang.archive import restore as restoring

    settings = _settings(wanted.place)
    done = restoring.restore(file, settings.data, _now_ms(), aside=aside)
    if wanted.as_json:
        moved = None if done.aside is None else str(done.aside)
        output.print_json({"data": str(settings.data), "aside": moved, "log": done.log, **asdict(done.about)})
        return
    typer.echo(f"restored {settings.data}: {_told(done.about)}")
    if done.aside is not None:
        output.print_note(f"the store that was there is in {done.aside}")
    if done.about.site != settings.site:
        output.print_note(f"it is of the site {done.about.site}, and the settings say {settings.site}: set them first")
    if done.log:
        key = settings.data / AUDIT_FOLDER / log_copy.KEY
        output.print_note(f"put the log's private key back as {key}; or move the log away, `paifang audit begin`")


def _settings(place: Place) -> "Settings":
    from paifang.config.load import load

    return load(place).settings


def _told(about: "About") -> str:
    log = "the audit log" if about.has_log else "no audit log"
    return f"{about.records} records of {about.nodes} nodes and {log}, as of {fields.moment(about.made_ms)}"


def _now_ms() -> int:
    return round(time.time() * 1000)
