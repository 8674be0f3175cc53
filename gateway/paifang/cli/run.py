"""`paifang run`: the gateway itself, in the foreground."""

import logging
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, asked
from paifang.config.places import Place

if TYPE_CHECKING:
    from paifang.app import Gateway
    from paifang.settings import Settings

_log = logging.getLogger("paifang")


def run(
    ctx: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ready line as JSON.")] = False,
) -> None:
    """Run the gateway in this terminal.

    It runs until Ctrl-C or SIGTERM; SIGHUP reads the settings again. It prints one line
    once it can be reached. Everything else it says goes to standard error.

    \b
    paifang run
    paifang run --data /tmp/ward
    paifang run --config gateway.toml --json
    """
    wanted = asked(ctx, data, config, as_json)
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr)
    from paifang import daemon

    daemon.run(lambda: _load(wanted.place), lambda gateway: _announce(gateway, wanted.as_json))


def _load(place: Place) -> "Settings":
    from paifang.config.load import load

    loaded = load(place)
    logging.getLogger().setLevel(loaded.settings.log.level.upper())
    _log.info("settings: %s", loaded.file or "the embedded defaults, no file")
    return loaded.settings


def _announce(gateway: "Gateway", as_json: bool) -> None:
    ready = {
        "site": gateway.settings.site,
        "tcp": "{}:{}".format(*gateway.tcp_address),
        "control": str(gateway.settings.socket_path),
        "data": str(gateway.settings.data),
        "pid": os.getpid(),
    }
    if as_json:
        typer.echo(output.json_text(ready))
    else:
        typer.echo("paifang: {site} ready, nodes on {tcp}, control {control}, data {data}".format(**ready))
    sys.stdout.flush()
