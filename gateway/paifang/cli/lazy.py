"""Commands found by name and imported when they run, those of other packages included."""

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from paifang.errors import PaifangError

if TYPE_CHECKING:
    from collections.abc import Callable

PLUGIN_GROUP = "paifang.commands"
"""Entry points name a function, as one gives to `typer.Typer().command`, or a `typer.Typer`."""

# In the order of the help: setting up, looking, acting.
BUILT_IN = {
    "init": "paifang.cli.init:init",
    "check": "paifang.cli.check:check",
    "run": "paifang.cli.run:run",
    "reload": "paifang.cli.lifecycle:reload",
    "stop": "paifang.cli.lifecycle:stop",
    "status": "paifang.cli.status:status",
    "nodes": "paifang.cli.nodes:app",
    "node": "paifang.cli.node:app",
    "watch": "paifang.cli.watch:watch",
    "read": "paifang.cli.read:read",
    "events": "paifang.cli.events:events",
    "air": "paifang.cli.air:air",
    "export": "paifang.cli.export:export",
    "backup": "paifang.cli.backup:backup",
    "restore": "paifang.cli.backup:restore",
    "send": "paifang.cli.send:app",
    "safe": "paifang.cli.safe:app",
    "pending": "paifang.cli.commands:pending",
    "commands": "paifang.cli.commands:app",
    "signal": "paifang.cli.signal:app",
    "profile": "paifang.cli.profile:app",
    "bridge": "paifang.cli.bridge:app",
    "sink": "paifang.cli.sink:app",
    "balance": "paifang.cli.balance:balance",
    "registers": "paifang.cli.registers:app",
    "delegations": "paifang.cli.delegations:app",
    "policy": "paifang.cli.policy:app",
    "keys": "paifang.cli.keys:app",
    "sign": "paifang.cli.sign:sign",
    "approve": "paifang.cli.commands:approve",
    "audit": "paifang.cli.audit:app",
    "city": "paifang.cli.city:app",
}


class LazyGroup(TyperGroup):
    """A group whose commands are import paths; a command that cannot be loaded disturbs no other."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class passes it
        return [*BUILT_IN, *sorted(_plugins().keys() - BUILT_IN.keys())]

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        if cmd_name in BUILT_IN:
            module, _, name = BUILT_IN[cmd_name].partition(":")
            return _command(cmd_name, getattr(import_module(module), name))
        plugin = _plugins().get(cmd_name)
        if plugin is not None:
            return _plugin_command(cmd_name, plugin)
        # What was mistyped is compared with these names.
        self.commands.update({name: TyperCommand(name) for name in self.list_commands(ctx)})
        return None


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=PLUGIN_GROUP)}


def _plugin_command(name: str, plugin: EntryPoint) -> TyperCommand | TyperGroup:
    try:
        return _command(name, plugin.load())
    except Exception as error:  # noqa: BLE001 - whatever a plugin does wrong, the other commands work
        return _broken_command(name, plugin, error)


def _command(name: str, value: object) -> TyperCommand | TyperGroup:
    """The command that a function or a Typer app describes."""
    if isinstance(value, typer.Typer):
        single = value
    elif callable(value):
        single = typer.Typer(add_completion=False, rich_markup_mode="rich")
        single.command(name)(cast("Callable[..., Any]", value))
    else:
        raise TypeError(f"{value!r} is neither a function nor a typer.Typer")
    command = cast("TyperCommand | TyperGroup", get_command(single))
    command.name = name
    _reflow(command)
    return command


def _reflow(command: Any) -> None:
    """Let paragraphs of the help be as wide as the terminal, not as their source; those that begin with \\b stay."""
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(each if each.startswith("\b") else each.replace("\n", " ") for each in paragraphs)
    for each in getattr(command, "commands", {}).values():
        _reflow(each)


def _broken_command(name: str, plugin: EntryPoint, error: Exception) -> TyperCommand:
    """A command in the place of one that cannot be loaded: it says so, in the help and when it is run."""
    package = plugin.dist.name if plugin.dist else plugin.value
    reason = f"{type(error).__name__}: {error}"

    def fail() -> None:
        message = f'the command "{name}" of {package} cannot be loaded: {reason}'
        raise PaifangError(message, f"reinstall or remove {package}; the other commands work", code="plugin")

    return TyperCommand(
        name,
        callback=fail,
        help=f"Cannot be loaded ({reason}).",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
