"""Shell completion of what only the running gateway knows."""

from typing import Annotated, Any, cast

import typer

from paifang.cli.options import Asked, socket_of
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
    return [name for name in names if name.startswith(incomplete)]


def _ask(ctx: typer.Context, op: str, **args: Any) -> Any:
    above = ctx.find_root().params
    wanted = Asked(ctx.params.get("config") or above.get("config"), ctx.params.get("data") or above.get("data"), False)
    try:
        with ControlClient(socket_of(wanted.place), _PATIENCE_S) as gateway:
            return gateway.request(op, **args)
    except PaifangError:
        return None


NodeArgument = Annotated[
    str, typer.Argument(metavar="NODE", help="A node's id.", show_default=False, autocompletion=nodes)
]
PointArgument = Annotated[
    str, typer.Argument(metavar="POINT", help="A point's name or number.", show_default=False, autocompletion=points)
]
