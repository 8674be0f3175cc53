"""`paifang profile`: what third-party devices are, from a manual to a file that reads its own frame."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import output
from paifang.cli.complete import profiles
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked
from paifang.errors import EXIT_REFUSED, EXIT_USAGE, PaifangError

if TYPE_CHECKING:
    from paifang.profiles.catalogue import Catalogue
    from paifang.profiles.model import AnyProfile
    from paifang.profiles.trial import Result

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Profiles of third-party devices: their points, how they are reached, what they mean.",
)


ProfileArgument = Annotated[
    str,
    typer.Argument(
        metavar="PROFILE", help="A profile's name, or a file *.toml.", show_default=False, autocompletion=profiles
    ),
]
ProfilesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PROFILE]...", help="Names, or files *.toml; else all.", show_default=False, autocompletion=profiles
    ),
]


@app.command("list")
def list_(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List the profiles: those in `profiles` of the data folder, and those that paifang comes with.

    A file of the data folder goes before one of the same name that paifang comes with.
    """
    catalogue = _catalogue(ctx, data, config)
    rows = [_row(file) for _, file in sorted(catalogue.files.items())]
    columns = [
        output.column(title, title.lower(), right=title == "POINTS")
        for title in ("NAME", "PROTOCOL", "POINTS", "MAKER", "MODEL", "TITLE")
    ]
    output.print_rows(rows, columns, as_json, "there are no profiles")


@app.command()
def show(
    ctx: typer.Context,
    profile: ProfileArgument,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a profile: its points, with what they mean and how they are reached.

    \b
    paifang profile show eastron-sdm630
    """
    file = _file(_catalogue(ctx, data, config), profile)
    found = _load(file)
    points = [_point_row(found, name) for name in found.points]
    if as_json:
        output.print_json({**_summary(found, str(file)), "source": found.source, "points": points})
        return
    for line in output.tree(_about(found, file)):
        typer.echo(line)
    typer.echo()
    titles = ("POINT", "UNIT", "FROM", "TO", "EVERY", "CLASS", "HOW")
    output.print_rows(points, [output.column(title, title.lower()) for title in titles], as_json=False, nothing="")


@app.command()
def check(
    ctx: typer.Context,
    wanted: ProfilesArgument = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look profiles over. Every mistake is told with its line; exits with 2 if there is one.

    \b
    paifang profile check my-meter.toml
    """
    from paifang.profiles.load import ProfileError

    catalogue, wrong, rows = _catalogue(ctx, data, config), list[str](), list[dict[str, Any]]()
    for name in wanted or sorted(catalogue.files):
        file = _file(catalogue, name)
        try:
            found = _load(file)
        except ProfileError as error:
            wrong.append(error.message)
        else:
            rows.append({**_summary(found, str(file)), "requests": _requests(found)})
    if as_json:
        output.print_json(rows)
    else:
        for row in rows:
            typer.echo(output.printable(f"{row['name']}: {_counted(row)}"))
    if wrong:
        hint = "correct the file, and check it again"
        raise PaifangError("\n".join(wrong), hint, code="profile", exit_code=EXIT_USAGE)


@app.command("test")
def trial(
    ctx: typer.Context,
    wanted: ProfilesArgument = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the frames in profiles, and compare with what the profiles say that they say. Exits with 1 if they differ.

    \b
    paifang profile test my-meter.toml
    """
    catalogue = _catalogue(ctx, data, config)
    rows = [row for name in wanted or sorted(catalogue.files) for row in _results(_load(_file(catalogue, name)))]
    columns = [
        output.column("PROFILE", "profile"),
        output.column("EXAMPLE", "example", right=True),
        output.column("POINT", "point"),
        output.column("EXPECTED", "expected"),
        output.column("FOUND", "found"),
        output.column("", "verdict", style=lambda row: "red" if row["ok"] is False else ""),
    ]
    output.print_rows(rows, columns, as_json, "nothing to read")
    output.print_note(f"{sum(row['ok'] is True for row in rows)} of {len(rows)} values as expected")
    if any(row["ok"] is False for row in rows):
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def schema() -> None:
    """Print the JSON schema of profiles, for an editor that completes and marks while you type.

    \b
    paifang profile schema > profile.schema.json
    """
    import json

    from paifang.profiles.schema import schema as made

    typer.echo(json.dumps(made(), indent=1))


def _catalogue(ctx: typer.Context, data: Path | None, config: Path | None) -> "Catalogue":
    from paifang.config.load import load
    from paifang.profiles.catalogue import Catalogue

    return Catalogue.of(load(asked(ctx, data, config).place).settings.data)


def _file(catalogue: "Catalogue", name: str) -> Path:
    return Path(name) if name.endswith(".toml") else catalogue.file(name)


def _load(file: Path) -> "AnyProfile":
    from paifang.profiles.load import load

    return load(file)


def _row(file: Path) -> dict[str, Any]:
    """A profile of the list; one with mistakes has its place too."""
    from paifang.profiles.load import ProfileError

    try:
        return _summary(_load(file), str(file))
    except ProfileError:
        return {"name": file.stem, "title": f"has mistakes: paifang profile check {file}", "file": str(file)}


def _counted(row: dict[str, Any]) -> str:
    """Such as 44 points, in 4 requests."""
    points, requests = row["points"], row["requests"]
    read = "" if requests is None else f", in {requests} request{'s' * (requests != 1)}"
    return f"{points} point{'s' * (points != 1)}{read}"


def _summary(profile: "AnyProfile", file: str) -> dict[str, Any]:
    about = {key: getattr(profile, key) for key in ("name", "protocol", "maker", "model", "title")}
    return {**about, "points": len(profile.points), "file": file}


def _about(profile: "AnyProfile", file: Path) -> dict[str, Any]:
    from paifang.config.units import format_ms

    groups = {name: f"every {format_ms(interval)}" for name, interval in profile.groups.items()}
    return {**_summary(profile, str(file)), "source": profile.source, "groups": groups}


def _point_row(profile: "AnyProfile", name: str) -> dict[str, Any]:
    """A point as a table shows it; `how` are the attributes that the file gives."""
    from paifang.config.units import format_ms
    from paifang.profiles import units

    point = profile.points[name]
    properties, unit = point.properties, units.find(point.properties.unit)
    given = point.attributes.model_dump(exclude_defaults=True)
    return {
        "point": name,
        "unit": properties.type if properties.type != "number" else unit and unit.name,
        "from": None if properties.least is None else str(properties.least),
        "to": None if properties.greatest is None else str(properties.greatest),
        "every": format_ms(profile.groups[properties.group]),
        "class": properties.point_class,
        "how": " ".join(_attribute(key, value) for key, value in given.items()),
    }


def _attribute(key: str, value: Any) -> str:
    if key in {"address", "object", "scale_register", "write_address"}:
        return f"{key}={value:#06x}" if key != "object" else f"{key}={value:#04x}"
    if isinstance(value, tuple):
        return f"{key}={','.join(map(hex, cast('tuple[int, ...]', value)))}"
    return f"{key}={value.hex() if isinstance(value, bytes) else value}"


def _requests(profile: "AnyProfile") -> int | None:
    """Of a Modbus device at the speed of its profile: how many requests read all of it."""
    from paifang.profiles.model import ModbusProfile

    if not isinstance(profile, ModbusProfile):
        return None
    from paifang.bridges.modbus.line import timing
    from paifang.bridges.modbus.planner import plan, serial_cost
    from paifang.bridges.modbus.points import Device

    device, line = Device(profile), timing(profile.line.baud)
    spans = [span for group in device.spans().values() for span in group]
    return len(plan(spans, device.limits(), serial_cost(line.character_us, 2 * line.silence_us)))


def _results(profile: "AnyProfile") -> list[dict[str, Any]]:
    from paifang.bridges.examples import DECODERS
    from paifang.profiles.trial import results

    if profile.protocol not in DECODERS:
        found = f"nothing here reads {profile.protocol}"
        return [{"profile": profile.name, "found": found, "verdict": "not read", "ok": None}]
    return [_result_row(profile.name, result) for result in results(profile, DECODERS[profile.protocol])]


def _result_row(name: str, result: "Result") -> dict[str, Any]:
    return {
        "profile": name,
        "example": result.example,
        "point": result.point or None,
        "expected": result.expected,
        "found": result.error or result.found,
        "verdict": "ok" if result.ok else "WRONG",
        "ok": result.ok,
    }
