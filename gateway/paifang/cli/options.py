"""Options that commands share, and what was asked for by all of them together."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

from paifang.config.places import Place
from paifang.control.client import ControlClient

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The gateway's data folder (else $PAIFANG_DATA).", show_default=False),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The settings file, instead of DIR/gateway.toml or /etc/paifang/gateway.toml.",
        show_default=False,
    ),
]
SocketOption = Annotated[
    Path | None,
    typer.Option(
        "--socket",
        metavar="PATH",
        help="The control socket itself, such as one that ssh -L forwards.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """The shared options, as far as they were given."""

    config: Path | None
    data: Path | None
    as_json: bool

    @property
    def place(self) -> Place:
        return Place(self.config, self.data)


def asked(ctx: typer.Context, data: Path | None, config: Path | None, as_json: bool = False) -> Asked:
    """What a command was given, over what stood before it on the command line."""
    above = cast("Asked", ctx.obj)
    return Asked(config or above.config, data or above.data, as_json or above.as_json)


@contextmanager
def connected(place: Place, socket: Path | None = None) -> Generator[ControlClient]:
    """The running gateway of a place, or at a socket; ConfigError, or UnreachableError if none answers."""
    with ControlClient(socket or socket_of(place)) as gateway:
        yield gateway


def socket_of(place: Place) -> Path:
    """The control socket of a place. A file that cannot be read is explained as `paifang run` does."""
    try:
        return place.socket()
    except (OSError, ValueError):
        from paifang.config.load import load

        return load(place).settings.socket_path
