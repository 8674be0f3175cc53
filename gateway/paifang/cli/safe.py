"""`paifang safe`: the fail-safe position, for whoever is responsible for safety, whatever else does not work."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import output, verdicts
from paifang.cli.complete import NodeArgument, points
from paifang.cli.options import ConfigOption, DataOption, JsonOption, SocketOption, asked, connected

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def safe(
    ctx: typer.Context,
    node: NodeArgument,
    point: Annotated[
        str | None,
        typer.Argument(
            metavar="[POINT]",
            help="A point's name or number; without it, all that can be commanded.",
            show_default=False,
            autocompletion=points,
        ),
    ] = None,
    within: Annotated[str, typer.Option(metavar="TIME", help="The node acts in this time or not at all.")] = "10s",
    socket: SocketOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a node, or one point of it, into its fail-safe position.

    It takes the role safety, and nothing else: no key, no second person, no rate; a disk that is full or a log that is
    broken does not hold it up. Exits with 0 if all was executed, 1 if something was refused, 5 if the node was silent.

    \b
    paifang safe meter-1
    paifang safe meter-1 relay
    """
    wanted = asked(ctx, data, config, as_json)
    within_ms = verdicts.parse_within_ms(within)
    with connected(wanted.place, socket) as gateway:
        given: dict[str, Any] = {"node": node, "within_ms": within_ms} | ({"point": point} if point else {})
        answer = gateway.request("safe", timeout_s=within_ms / 1000 + verdicts.REST_S, **given)
    receipts = cast("list[Mapping[str, Any]]", answer)
    if wanted.as_json:
        output.print_json(receipts)
    else:
        for receipt in receipts:
            verdicts.show(receipt, as_json=False)
    raise typer.Exit(verdicts.exit_code(receipts))
