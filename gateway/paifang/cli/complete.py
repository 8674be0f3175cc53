"""Shell completion of what only the gateway or its data folder knows."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from paifang.cli.options import socket_of
from paifang.config.places import Place
from paifang.control.client import ControlClient
from paifang.errors import PaifangError

_PATIENCE_S = 1.0


def nodes(ctx: typer.Context, incomplete: str) -> list[str]:
    """The ids of enrolled nodes that begin so; none if no gateway answers."""
    found = cast("list[dict[str, Any]]", _ask(ctx, "nodes.list") or [])
    return [row["node"] for row in found if row["node"].startswith(incomplete)]


def points(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the node's points that begin so."""
    found = cast("dict[str, Any]", _ask(ctx, "nodes.show", node=ctx.params.get("node")) or {})
    names = (point["name"] for point in found.get("points", []))
    return [name for name in names if name.startswith(incomplete) and name.isprintable()]


def bridged(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of devices behind bridges that begin so; none if no gateway answers."""
    found = cast("list[dict[str, Any]]", _ask(ctx, "bridges.list") or [])
    return [row["device"] for row in found if row["device"].startswith(incomplete)]


def sinks(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of sinks that begin so; none if no gateway answers."""
    found = cast("list[dict[str, Any]]", _ask(ctx, "sinks.list") or [])
    return [row["sink"] for row in found if row["sink"].startswith(incomplete)]


def profiles(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of profiles that begin so; none if the settings cannot be read."""
    from paifang.config.load import load
    from paifang.profiles.catalogue import Catalogue

    try:
        catalogue = Catalogue.of(load(_place(ctx)).settings.data)
    except PaifangError:
        return []
    return [name for name in catalogue.files if name.startswith(incomplete)]


def _ask(ctx: typer.Context, op: str, **args: Any) -> Any:
    try:
        with ControlClient(socket_of(_place(ctx)), _PATIENCE_S) as gateway:
            return gateway.request(op, **args)
    except PaifangError:
        return None


def _place(ctx: typer.Context) -> Place:
    return Place(_path(ctx, "config"), _path(ctx, "data"))


def _path(ctx: typer.Context, option: str) -> Path | None:
    """A shared option from either side of the command; while completing, it may be text still."""
    given = ctx.params.get(option) or ctx.find_root().params.get(option)
    return None if given is None else Path(given)


NodeArgument = Annotated[
    str, typer.Argument(metavar="NODE", help="A node's id.", show_default=False, autocompletion=nodes)
]
PointArgument = Annotated[
    str, typer.Argument(metavar="POINT", help="A point's name or number.", show_default=False, autocompletion=points)
]
