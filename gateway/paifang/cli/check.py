"""`paifang check`: the settings and the machine, before a gateway runs or while it does."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paifang.cli import output
from paifang.cli.options import ConfigOption, DataOption, JsonOption, asked
from paifang.config.places import STORE_FILE
from paifang.control.client import ControlClient
from paifang.control.lines import UnreachableError
from paifang.errors import EXIT_REFUSED, PaifangError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paifang.config.sink_ngsi_ld import NgsiLdSettings
    from paifang.settings import Settings

_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "error": ("ERROR", "red")}


def check(
    ctx: typer.Context,
    store: Annotated[bool, typer.Option("--store", help="Look through every page of the store, too.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look over the settings and this machine.

    Folder, disk, port, serial lines; nothing is changed.

    Exits with 0 if a gateway can run (warnings do not count), 1 if something is in the way, 2 if the settings
    are wrong.

    \b
    paifang check
    paifang check --config new.toml && systemctl reload paifang
    paifang check --store
    """
    wanted = asked(ctx, data, config, as_json)
    from paifang.config.environment import ERROR, OK, Finding, findings
    from paifang.config.load import load

    loaded = load(wanted.place)
    found = [Finding(OK, "settings", str(loaded.file or "the embedded defaults, no file"))]
    answer = _of_running(loaded.settings)
    if answer is not None:
        found += [Finding(OK, "gateway", f"one is running at {loaded.settings.socket_path}"), *answer]
    found += findings(loaded.settings, running=answer is not None)
    found += _of_policy(loaded.settings)
    found += _of_bridges(loaded.settings)
    found += _of_signals(loaded.settings)
    found += _of_modbus_server(loaded.settings)
    found += _of_sinks(loaded.settings)
    if store:
        found.append(_of_store(loaded.settings))
    if wanted.as_json:
        output.print_json([finding.as_dict() for finding in found])
    else:
        _print(found)
    if any(finding.level == ERROR for finding in found):
        raise typer.Exit(EXIT_REFUSED)


def _of_running(settings: "Settings") -> "list[Any] | None":
    """What the running gateway finds by itself; None if none runs."""
    from paifang.config.environment import Finding

    try:
        with ControlClient(settings.socket_path, timeout_s=5) as gateway:
            answer = cast("list[dict[str, str]]", gateway.request("check"))
    except UnreachableError:
        return None
    return [Finding(**each) for each in answer]


def _of_policy(settings: "Settings") -> "list[Any]":
    """Whether a gateway could use the policy, and whom it names in vain."""
    from paifang.config.environment import ERROR, OK, WARNING, Finding
    from paifang.control.authority import unknown_users
    from paifang.policy import Policy, PolicyError

    place = settings.policy_folder
    try:
        policy = Policy.load(place, settings.site)
    except PolicyError as error:
        hint = "correct it, then look again with: paifang policy check"
        return [Finding(ERROR, "policy", str(problem), hint) for problem in error.problems]
    what = f"{place or 'the embedded rules'}: {len(policy.rules)} rules, {len(policy.people.persons)} persons"
    hint = "correct [[control.users]] in gateway.toml, or add it to this machine"
    return [
        Finding(OK, "policy", what),
        *(Finding(WARNING, "control", f"this machine has no {each}", hint) for each in unknown_users(settings.control)),
    ]


def _of_bridges(settings: "Settings") -> "list[Any]":
    """Whether the profiles of bridged devices are there, and fit their buses."""
    from paifang.bridges.plan import plan
    from paifang.config.environment import ERROR, OK, Finding
    from paifang.profiles.catalogue import Catalogue

    try:
        buses = plan(settings.bridges, Catalogue.of(settings.data))
    except PaifangError as error:
        return [Finding(ERROR, "bridges", line, error.hint) for line in error.message.splitlines()]
    return [Finding(OK, "bridges", f"{bus.place}: {', '.join(device.name for device in bus.devices)}") for bus in buses]


def _of_signals(settings: "Settings") -> "list[Any]":
    """Whether signals can be advised by what is said of them, and their keys be opened here."""
    from paifang.config.environment import OK, WARNING, Finding
    from paifang.insight import advisers
    from paifang.insight.service_key import open_key

    found: list[Finding] = []
    for signal in settings.signals:
        if signal.key is None or signal.passphrase_file is None:
            found.append(Finding(OK, "signals", f"{signal.node} is watched, and sent no orders"))
            continue
        try:
            advisers.make(signal)
            key = open_key(signal.key, signal.passphrase_file)
        except PaifangError as error:
            found.append(Finding(WARNING, "signals", f"{signal.node} cannot be advised: {error.message}", error.hint))
        else:
            found.append(Finding(OK, "signals", f"{signal.node} is advised under the key {key.kid.hex()}"))
    return found


def _of_modbus_server(settings: "Settings") -> "list[Any]":
    """Whether what is shown has room where it stands, and there is a key to sign with for those that may write."""
    from paifang.config.environment import ERROR, OK, WARNING, Finding
    from paifang.insight.service_key import open_key
    from paifang.scada import registers_of

    wanted = settings.modbus_server
    vain = [Finding(WARNING, "modbus_server", *told) for told in _shown_in_vain(settings)]
    try:
        registers_of(wanted)
        if wanted.key is not None and wanted.passphrase_file is not None:
            open_key(wanted.key, wanted.passphrase_file, "what Modbus clients write")
    except PaifangError as error:
        level = ERROR if error.code == "config" else WARNING
        return [*vain, Finding(level, "modbus_server", error.message, error.hint)]
    if wanted.listen is None:
        return vain
    writable = sum(each.write for each in wanted.registers)
    shown = Finding(OK, "modbus_server", f"{len(wanted.registers)} points are shown, {writable} may be written")
    return [*vain, shown]


def _shown_in_vain(settings: "Settings") -> "Iterator[tuple[str, str]]":
    """Points that a bridged device does not have, or not to be written by clients, and what to do.

    Its profile says so; what a node has, only the node knows.
    """
    from paifang.bridges.plan import plan
    from paifang.config.explain import nearest
    from paifang.keys.delegations import GREATEST_CLASS
    from paifang.profiles.catalogue import Catalogue

    try:
        buses = plan(settings.bridges, Catalogue.of(settings.data))
    except PaifangError:
        return
    profiles = {device.name: device.profile for bus in buses for device in bus.devices}
    for each in settings.modbus_server.registers:
        node, _, name = each.point.partition("/")
        if node not in profiles:
            continue
        point = profiles[node].points.get(name)
        if point is None:
            near = nearest(name, list(profiles[node].points))
            hint = f'did you mean "{node}/{near}"?' if near else f"paifang nodes show {node}"
            yield f"{node} has no point {name}: address {each.address} has no value", hint
        elif each.write and point.properties.point_class != GREATEST_CLASS:
            what = f"{each.point} is of class {point.properties.point_class}: clients cannot write it"
            yield what, f"they write points of class {GREATEST_CLASS}: take out its write = true"


def _of_sinks(settings: "Settings") -> "list[Any]":
    """Whether sinks have the files that they name, and know where the nodes stand that they tell of."""
    import os
    import time

    from paifang.config.environment import ERROR, OK, WARNING, Finding
    from paifang.config.sink_ngsi_ld import NgsiLdSettings
    from paifang.north import kinds

    ward = kinds.Ward(settings.site, lambda: time.time_ns() // 1_000_000, os.urandom)
    found: list[Finding] = []
    for name, (kind, sink) in settings.sinks.by_name.items():
        try:
            kinds.build(kind, sink, ward)
        except PaifangError as error:
            told = error.message if error.message.startswith(f"{name}:") else f"{name}: {error.message}"
            found.append(Finding(ERROR, "sinks", told, error.hint))
            continue
        found.append(Finding(OK, "sinks", f"{name} is set up ({kind})"))
        if isinstance(sink, NgsiLdSettings) and (lost := _without_place(settings, sink)):
            what = f"{name} drops all records of {', '.join(lost)}: no-place"
            hint = "add a [[sinks.ngsi_ld.places]] for each, or leave them out of its nodes"
            found.append(Finding(WARNING, "sinks", what, hint))
    return found


def _without_place(settings: "Settings", sink: "NgsiLdSettings") -> list[str]:
    """Of enrolled nodes, as far as there is a store that can be read, and bridged devices."""
    from paifang.archive import source
    from paifang.north.ngsi_ld.connector import without_place

    devices = [device.name for bus in settings.bridges for device in bus.devices]
    try:
        with source.opened(settings.data / STORE_FILE) as connection:
            nodes = [str(row[0]) for row in connection.execute("SELECT id FROM nodes ORDER BY id")]
    except PaifangError:
        nodes = []
    return without_place(sink, [*nodes, *devices])


def _of_store(settings: "Settings") -> "Any":
    """Whether every page of the store is sound; minutes for a large one, during which the gateway goes on."""
    from paifang.archive import source
    from paifang.config.environment import ERROR, OK, Finding
    from paifang.store import health, packed

    path = settings.data / STORE_FILE
    try:
        with source.opened(path) as connection:
            found = health.findings(connection) or packed.findings(connection)
    except PaifangError as error:
        return Finding(ERROR, "store", error.message, error.hint)
    if found:
        return Finding(ERROR, "store", f"{path} is damaged: {found[0]}", health.RESTORE_HINT)
    return Finding(OK, "store", f"{path} is sound")


def _print(found: "list[Any]") -> None:
    rows = [finding.as_dict() for finding in found]
    for row in rows:
        mark, colour = _MARKS[row["level"]]
        message = output.printable(row["message"])
        typer.echo(f"{typer.style(mark.ljust(7), fg=colour)}  {row['subject'].ljust(12)}  {message}")
        if row["hint"]:
            typer.echo(f"{' ' * 23}{row['hint']}")
    bad = sum(row["level"] != "ok" for row in rows)
    typer.echo("all is well" if not bad else f"{bad} to look at")
