"""`paifang signal congestion` and `paifang signal wave`: how crowded a junction is, and offsets for a green wave."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import output
from paifang.cli.complete import NodeArgument
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked, connected

if TYPE_CHECKING:
    from paifang.insight.wave_file import Offsets


def _level_style(row: output.Row) -> str:
    return {"E": "yellow", "F": "red"}.get(row["level"] or "", "")


_CONGESTION = (
    output.column("PHASE", "phase", right=True),
    output.column("LEVEL", "level", style=_level_style),
    output.column("VEH/H", "flow_veh_h", "{:.0f}".format, right=True),
    output.column("OCCUPIED", "occupancy", "{:.0f} %".format, right=True),
    output.column("GREEN", "green_share", "{:.0%}".format, right=True),
    output.column("CYCLE", "cycle_s", "{:.0f} s".format, right=True),
    output.column("SATURATED", "saturation", "{:.0%}".format, right=True),
    output.column("DELAY", "delay_s", "{:.0f} s".format, right=True),
    output.column("QUEUE", "queue_veh", "{:.1f}".format, right=True),
    output.column("WHY NOT", "why"),
)


def congestion(
    ctx: typer.Context,
    node: NodeArgument,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how crowded a junction is, phase by phase, by what its detectors have reported lately.

    The level of service is that of the Highway Capacity Manual, from A to F, by the delay a vehicle. What is not known
    is a dash, with the reason.

    \b
    paifang signal congestion signal-1
    """
    wanted = asked(ctx, data, config, as_json)
    with connected(wanted.place) as gateway:
        rows = cast("list[dict[str, Any]]", gateway.request("signals.congestion", node=node))
    output.print_rows(rows, _CONGESTION, wanted.as_json, f"no phases of {node} are in the [[signals]] of gateway.toml")


def wave(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The arterial, in TOML.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Find the offsets of an arterial with the widest green waves, both ways.

    It takes no gateway, and changes nothing: it prints the commands that would. An offset holds until the next change
    of plan.

    \b
    paifang signal wave east.toml
    """
    from paifang.insight import wave_file
    from paifang.keys import files

    wanted = asked(ctx, None, None, as_json)
    found = wave_file.of_text(files.read_text(file), file)
    if wanted.as_json:
        output.print_json(found.as_dict())
    else:
        _tell(found)


def _tell(found: "Offsets") -> None:
    for way, width_ms in (("out", found.out_ms), ("back", found.back_ms)):
        share = width_ms / found.cycle_ms
        output.print_note(
            f"{way.ljust(4)}  {width_ms / 1000:.1f} s of each {found.cycle_ms / 1000:.1f} s ({share:.0%})"
        )
    for node, offset_ms in found.offset_ms.items():
        typer.echo(f"paifang send {node} offset {offset_ms}")
