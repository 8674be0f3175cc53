"""`paifang bridge add`: a device goes into the settings file, once it is known to fit there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paifang.cli import output, settings_file
from paifang.cli.complete import profiles
from paifang.cli.options import ConfigOption, DataOption, asked
from paifang.errors import bad_argument

if TYPE_CHECKING:
    from paifang.settings import Settings


def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called in the ward.", show_default=False)],
    profile: Annotated[
        str, typer.Argument(metavar="PROFILE", help="What it is.", show_default=False, autocompletion=profiles)
    ],
    serial: Annotated[
        Path | None, typer.Option("--serial", metavar="DEVICE", help="On this serial port.", show_default=False)
    ] = None,
    tcp: Annotated[
        str | None, typer.Option("--tcp", metavar="HOST:PORT", help="Or at this address.", show_default=False)
    ] = None,
    ble: Annotated[
        str | None, typer.Option("--ble", metavar="ADAPTER", help="Or by this adapter.", show_default=False)
    ] = None,
    rtu: Annotated[bool, typer.Option("--rtu", help="Of Modbus at --tcp: a serial server passes bytes on.")] = False,
    unit: Annotated[
        int | None, typer.Option("--unit", metavar="N", help="Its Modbus unit id.", show_default=False)
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", metavar="TEXT", help="Or its address.", show_default=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="HEX", help="Its key, if it encrypts.", show_default=False)
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a device to the settings file, on a new bus or on one that is there; `paifang reload` takes it up.

    \b
    paifang bridge add meter-1 eastron-sdm630 --serial /dev/ttyUSB0 --unit 1
    paifang bridge add relays modbus-relay-8 --serial /dev/ttyUSB0 --unit 2
    """
    if sum(each is not None for each in (serial, tcp, ble)) != 1:
        raise bad_argument(f"where is {name}? Say one of --serial, --tcp and --ble", "paifang bridge add --help")
    bus = {"serial": str(serial) if serial else None, "tcp": tcp, "ble": ble, "framing": "rtu" if rtu else None}
    device = {"name": name, "profile": profile, "unit": unit, "address": address, "key": key}
    hint = "`paifang bridge add --help` has what can be said of a device"
    wanted = asked(ctx, data, config)
    file = settings_file.add(wanted, name, hint, lambda text, file: _with_device(text, file, bus, device), _check)
    output.print_note(f"{file} has {name} now; try it with `paifang bridge test {name}`, then: paifang reload")


def _check(settings: "Settings") -> None:
    """Raise PaifangError unless a gateway could be run with it."""
    from paifang.bridges.plan import plan
    from paifang.profiles.catalogue import Catalogue

    plan(settings.bridges, Catalogue.of(settings.data))


def _with_device(text: str, file: Path, bus: dict[str, Any], device: dict[str, Any]) -> str:
    """The text with the device behind the last one of its bus, or with a bus of its own at the end."""
    import tomllib

    from paifang.config.toml_lines import locate

    found = tomllib.loads(text).get("bridges", [])
    wanted = {name: value for name, value in bus.items() if value is not None and name != "framing"}
    number = next((n for n, each in enumerate(found) if wanted.items() <= each.items()), None)
    table = settings_file.table("bridges.devices", device)
    if number is None:
        return f"{text.rstrip()}\n\n{settings_file.table('bridges', bus)}\n{table}"
    ends = [line for path, line in locate(text).items() if path[:2] == ("bridges", number)]
    lines = text.splitlines(keepends=True)
    at = settings_file.end_of_value(lines, max(ends), file)
    before, after = "".join(lines[:at]).rstrip(), "".join(lines[at:]).lstrip("\n")
    return f"{before}\n\n{table}\n{after}" if after else f"{before}\n\n{table}"
