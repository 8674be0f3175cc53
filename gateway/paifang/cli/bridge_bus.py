"""`paifang bridge test` and `scan`: a bus of one's own for a while, with no gateway in between."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from paifang.cli import output
from paifang.cli.complete import bridged
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked
from paifang.config.units import parse_ms
from paifang.errors import EXIT_REFUSED, bad_argument, not_found

if TYPE_CHECKING:
    from paifang.bridges.carriers import Place
    from paifang.bridges.party import Engine
    from paifang.bridges.plan import PlannedBus
    from paifang.bridges.trial import Trial

Speaks = Literal["modbus", "dlt645", "cjt188", "mbus"]
Parity = Literal["none", "even", "odd"]
_UNITS = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")
_LAST_UNIT = 255
"""On a serial line 247; servers on a network have their own at 255 (Modbus Messaging on TCP/IP V1.0b, 4.4.2.1)."""
_USUAL_PARITY: dict[str, Parity] = {"modbus": "none"}
"""Of a protocol; the others are made for even."""

_SILENCES = {
    "--serial": "try another --baud, --parity or --protocol, and the two wires the other way round",
    "--tcp": "try other --units, a longer --timeout, and --rtu, should this be a serial server that passes bytes on",
    "--tcp --rtu": "try without --rtu, another --protocol, and the speed that the serial server is set to",
}
"""What to look at, if nobody answers."""


def try_device(
    ctx: typer.Context,
    device: Annotated[
        str,
        typer.Argument(metavar="DEVICE", help="Its name in the settings.", show_default=False, autocompletion=bridged),
    ],
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read every point of a device once, and say what is odd.

    It opens the bus itself: a gateway that is running keeps others from a serial port, stop it first. Exits with 1 if
    something is odd.

    \b
    paifang bridge test meter-1
    """
    wanted = asked(ctx, data, config, as_json)
    from paifang.bridges.trial import tried
    from paifang.config.load import load

    trial = asyncio.run(tried(_bus_of(load(wanted.place).settings, device), device))
    odd = list(trial.odd())
    rows = [_row(trial, name) for name in trial.profile.points]
    if wanted.as_json:
        output.print_json({"device": device, "points": rows, "odd": odd})
    else:
        columns = [
            output.column(title, title.lower(), right=title == "VALUE") for title in ("POINT", "VALUE", "QUALITY")
        ]
        output.print_rows([] if trial.down else rows, columns, as_json=False, nothing=f"{device} is not to be read")
        for line in odd:
            output.print_note(line)
    if odd:
        raise typer.Exit(EXIT_REFUSED)


def scan(
    ctx: typer.Context,
    serial: Annotated[
        Path | None, typer.Option("--serial", metavar="DEVICE", help="The serial port.", show_default=False)
    ] = None,
    tcp: Annotated[
        str | None, typer.Option("--tcp", metavar="HOST:PORT", help="Or a serial server.", show_default=False)
    ] = None,
    ble: Annotated[
        str | None,
        typer.Option(
            "--ble", metavar="ADAPTER", help='Or who advertises; "default" is any adapter.', show_default=False
        ),
    ] = None,
    protocol: Annotated[Speaks, typer.Option("--protocol", help="What is spoken there.")] = "modbus",
    baud: Annotated[int, typer.Option("--baud", metavar="N", help="Speed of the line.")] = 9600,
    parity: Annotated[
        Parity | None, typer.Option("--parity", help="Else none for Modbus, even for the others.", show_default=False)
    ] = None,
    rtu: Annotated[bool, typer.Option("--rtu", help="Of Modbus at --tcp: a serial server passes bytes on.")] = False,
    units: Annotated[str, typer.Option("--units", metavar="N-N", help="Modbus units to ask.")] = "1-247",
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="How long each may think.")] = "200ms",
    listen: Annotated[str, typer.Option("--for", metavar="TIME", help="How long to listen to --ble.")] = "10s",
    as_json: JsonOption = False,
) -> None:
    """See who is on a bus: Modbus units one by one, meters by their wildcard address, sensors that advertise.

    It opens the bus itself: a gateway that is running keeps others from a serial port, stop it first.

    \b
    paifang bridge scan --serial /dev/ttyUSB0 --baud 9600
    paifang bridge scan --tcp 192.168.1.20:502 --units 1-20
    paifang bridge scan --serial /dev/ttyUSB0 --protocol dlt645 --baud 2400
    paifang bridge scan --ble default
    """
    from paifang.bridges.carriers import Place
    from paifang.config.bridges import split_remote
    from paifang.ports import Format

    if sum(each is not None for each in (serial, tcp, ble)) != 1:
        raise bad_argument(
            "one of --serial, --tcp and --ble", "`ls /dev/serial/by-id` shows the serial ports there are"
        )
    if ble is not None:
        _show_neighbours(ble, listen, asked(ctx, None, None, as_json).as_json)
        return
    how = Format(baud, parity=parity or _USUAL_PARITY.get(protocol, "even"))
    try:
        place = Place(str(serial or tcp), how, None if tcp is None else split_remote(tcp))
        asked_units, timeout_ms = _units(units), parse_ms(timeout)
    except ValueError as error:
        raise bad_argument(f"expected {error}") from error
    engine = _search(
        protocol, how, asked_units, timeout_ms, is_serial_line=tcp is None or rtu, is_remote=tcp is not None
    )
    rows = asyncio.run(_found(place, engine))
    for row in rows:
        row["protocol"] = protocol
    columns = [output.column("ADDRESS", "address", right=True), output.column("PROTOCOL", "protocol")]
    nobody = f"nobody has answered; {_SILENCES['--serial' if tcp is None else '--tcp --rtu' if rtu else '--tcp']}"
    output.print_rows(rows, columns, asked(ctx, None, None, as_json).as_json, nobody)


def _show_neighbours(adapter: str, listen: str, as_json: bool) -> None:
    from importlib.util import find_spec

    if find_spec("bleak") is None:
        raise bad_argument("Bluetooth needs bleak", "pip install 'paifang[ble]'")
    from paifang.bridges.ble.radio import in_reach

    try:
        found = asyncio.run(in_reach(adapter, parse_ms(listen) / 1000))
    except ValueError as error:
        raise bad_argument(f"--for {listen}: expected {error}") from error
    rows = [
        {"address": each.address, "speaks": ", ".join(sorted(each.kinds)), "dbm": each.rssi_dbm, "name": each.name}
        for each in sorted(found, key=lambda each: (not each.kinds, -each.rssi_dbm))
    ]
    columns = [
        output.column(title, title.lower(), right=title == "DBM") for title in ("ADDRESS", "SPEAKS", "DBM", "NAME")
    ]
    output.print_rows(rows, columns, as_json, "nobody was heard")


def _bus_of(settings: Any, device: str) -> "PlannedBus":
    from paifang.bridges.plan import plan
    from paifang.profiles.catalogue import Catalogue

    for bus in plan(settings.bridges, Catalogue.of(settings.data)):
        if any(each.name == device for each in bus.devices):
            if bus.settings.ble is not None:
                raise bad_argument(f"{device} is heard over Bluetooth", "`paifang bridge list` shows whether it is")
            return bus
    names = [each.name for bus in settings.bridges for each in bus.devices]
    raise not_found(f"no bridged device {device}", f"the settings have {', '.join(names) or 'none'}")


def _row(trial: "Trial", name: str) -> dict[str, Any]:
    from paifang.profiles.trial import text
    from paifang_wire import names

    found = trial.readings.get(name)
    if found is None:
        return {"point": name, "value": None, "quality": "absent"}
    return {
        "point": name,
        "value": text(found[0], trial.profile.points[name].properties),
        "quality": names.QUALITY[found[1]],
    }


def _search(
    protocol: Speaks, how: Any, units: list[int], timeout_ms: int, *, is_serial_line: bool, is_remote: bool
) -> "Engine":
    if protocol == "modbus":
        from paifang.bridges.modbus.party import line_of
        from paifang.bridges.modbus.search import UnitSearch

        line = line_of(how, is_serial_line=is_serial_line, is_remote=is_remote)
        return UnitSearch(line, units, timeout_ms * 1000)
    from paifang.bridges.search import search_of

    return search_of(protocol, how.baud, round(time.monotonic() * 1e6))


async def _found(place: "Place", engine: Any) -> list[dict[str, Any]]:
    from paifang.bridges.alone import conversed

    found = conversed(place, engine, engine.take_events, lambda: engine.is_over)
    return [{"address": getattr(each, "address", each)} async for each in found]


def _units(text: str) -> list[int]:
    def each() -> Iterator[int]:
        for part in text.split(","):
            match = _UNITS.fullmatch(part.strip())
            if match is None:
                raise ValueError('units such as "1-20" or "1,5,7", not ' + repr(text))
            first, last = int(match[1]), int(match[2] or match[1])
            if not 1 <= first <= last <= _LAST_UNIT:
                raise ValueError(f"units from 1 to {_LAST_UNIT}, the lesser one first, not {part.strip()!r}")
            yield from range(first, last + 1)

    return list(each())
