"""`paifang policy`: the files that say who may do what, looked over and tried without a gateway."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paifang.cli import output
from paifang.cli.options import Asked, ConfigOption, DataOption, JsonOption, asked
from paifang.errors import EXIT_REFUSED, EXIT_USAGE, PaifangError, resource_error

if TYPE_CHECKING:
    from paifang.policy import Policy
    from paifang.settings import Settings

PEOPLE_EXAMPLE = """\
# The persons: their roles, and where and when these hold. Without sites and nodes everywhere, without hours
# and days always. Making safe is not bound to them.

# The zone of all hours; without it, this machine's.
# zone = "Asia/Shanghai"

# Roles beside viewer, operator, safety, approver and engineer, for rules of your own.
# more_roles = ["night-shift"]

# [people.alice]
# roles = ["operator", "safety"]
# sites = ["ward-1"]
# nodes = ["relay-*", "meter-1"]
# hours = "06:00-20:00"
# days = "mon-fri"

# [people.bob]
# roles = ["approver"]
"""

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", help="Who may do what, where and when.", no_args_is_help=True
)

FolderArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[FOLDER]", help="The policy's folder, instead of the gateway's.", show_default=False),
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="The policy's folder, instead of the gateway's.", show_default=False),
]


@app.command()
def check(
    ctx: typer.Context,
    folder: FolderArgument = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look the rules and persons over: every mistake with its file and line.

    Exits with 0 if a gateway can use them (warnings do not count), 2 if not.

    \b
    paifang policy check
    paifang policy check new-policy/
    """
    wanted = asked(ctx, data, config, as_json)
    from paifang.policy import PolicyError

    place, settings = _place(wanted, folder)
    try:
        policy = _load(place, settings)
    except PolicyError as error:
        if wanted.as_json:
            output.print_json([_row("error", problem) for problem in error.problems])
            raise typer.Exit(EXIT_USAGE) from error
        raise
    warnings = [*_open_files(place), *_unknown_persons(policy, settings)]
    if wanted.as_json:
        output.print_json([{"level": "warning", "message": each} for each in warnings])
        return
    where = str(place or "the embedded rules, no folder")
    typer.echo(f"{where}: {len(policy.rules)} rules, {len(policy.people.persons)} persons, {policy.hash.hex()[:16]}")
    for each in warnings:
        typer.echo(f"warning: {output.printable(each)}")


@app.command()
def explain(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="PERSON ACTION NODE [POINT] [VALUE] …")],
    folder: FolderOption = None,
    point_class: Annotated[
        int, typer.Option("--class", min=0, max=3, help="The point's class, from the node's table.")
    ] = 1,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="As if the person had this role.", show_default=False)
    ] = None,
    via: Annotated[str, typer.Option(help="How it comes in: local, signed, delegation or modbus.")] = "signed",
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whether somebody may do something, and which rule decides.

    A question is PERSON ACTION NODE [POINT] [VALUE] \\[for PERSON] \\[at [DAY] TIME]. Actions are read, direct,
    select, operate, cancel, safe, approve, admin and enrol. Exits with 0 if it is allowed, 1 if not.

    \b
    paifang policy explain "alice operate relay-7 on"
    paifang policy explain "alice direct meter-1 power_limit 2200 at sat 22:00"
    paifang policy explain "bob approve signal-1 for alice" --class 3
    """
    wanted = asked(ctx, data, config, as_json)
    from paifang.policy.names import VIAS
    from paifang.policy.sentences import parse_ask

    if via not in VIAS:
        raise PaifangError(f"--via {via}: expected {', '.join(VIAS)}", exit_code=EXIT_USAGE)
    place, settings = _place(wanted, folder)
    policy = _load(place, settings)
    ask = parse_ask(question, policy.now())
    roles = frozenset(role or ()) or policy.roles_of(ask.person) or _roles_here(ask.person, settings)
    ask = replace(ask, roles=roles, point_class=point_class, via=via)
    decision = policy.decide(ask)
    if wanted.as_json:
        answer = {"allowed": decision.allowed, "rules": list(decision.rules), "reason": decision.reason}
        output.print_json({**answer, "person": ask.person, "roles": sorted(roles), "site": policy.site})
    else:
        typer.echo(output.printable(f"{'allowed' if decision.allowed else 'denied'}: {decision.reason}"))
    if not decision.allowed:
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def show(
    ctx: typer.Context,
    folder: FolderArgument = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The rules in force, where each stands, and the persons.

    \b
    paifang policy show
    """
    wanted = asked(ctx, data, config, as_json)
    policy = _load(*_place(wanted, folder))
    rules = [
        {"rule": rule.id, "effect": "forbid" if rule.forbids else "permit", "at": rule.place, "reason": rule.reason}
        for rule in policy.rules
    ]
    persons = [{"person": name, "roles": sorted(each.roles)} for name, each in policy.people.persons.items()]
    if wanted.as_json:
        output.print_json({"hash": policy.hash.hex(), "rules": rules, "persons": persons})
        return
    titles = ("rule", "effect", "at", "reason")
    output.print_rows(rules, [output.column(each.upper(), each) for each in titles], as_json=False, nothing="no rules")
    if persons:
        columns = [output.column("PERSON", "person"), output.column("ROLES", "roles", ", ".join)]
        output.print_rows(persons, columns, as_json=False, nothing="")


@app.command()
def init(
    ctx: typer.Context, folder: FolderArgument = None, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Write a policy to start from: the embedded rules, and a people.toml to fill in.

    Files that are there stay as they are.

    \b
    paifang policy init
    """
    wanted = asked(ctx, data, config)
    from paifang.policy.engine import PEOPLE_FILE
    from paifang.policy.rules import ROLES_FILE, embedded

    place, settings = _place(wanted, folder)
    target, written = place or settings.data / "policy", list[str]()
    texts = {ROLES_FILE: embedded(ROLES_FILE), PEOPLE_FILE: PEOPLE_EXAMPLE}
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, text in texts.items():
            if not (target / name).exists():
                (target / name).write_text(text, encoding="utf-8")
                (target / name).chmod(0o644)
                written.append(name)
    except OSError as error:
        raise resource_error(f"cannot write into {target}: {error.strerror}", "choose another folder") from error
    made = f"wrote {' and '.join(written)} into {target}" if written else f"{target} has them already"
    output.print_note(f"{made}; change it, then look it over with: paifang policy check")


def _place(wanted: Asked, folder: Path | None) -> "tuple[Path | None, Settings]":
    from paifang.config.load import load

    settings = load(wanted.place).settings
    return folder or settings.policy_folder, settings


def _load(place: Path | None, settings: "Settings") -> "Policy":
    from paifang.policy import Policy

    return Policy.load(place, settings.site)


def _roles_here(name: str, settings: "Settings") -> frozenset[str]:
    """The roles that gateway.toml gives a user of this name."""
    entries = [entry for entry in settings.control.users if name in {entry.user, entry.person}]
    return frozenset(role for entry in entries for role in entry.roles)


def _row(level: str, problem: Any) -> dict[str, Any]:
    return {"level": level, "file": str(problem.file), "line": problem.line, "message": str(problem)}


def _open_files(place: Path | None) -> Iterator[str]:
    """Whoever can write the rules can grant everything."""
    files = [] if place is None else [place, *sorted(place.glob("*.cedar")), *place.glob("people.toml")]
    for file in files:
        if file.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield f"{file} can be written by others: close it with: chmod go-w {file}"


def _unknown_persons(policy: "Policy", settings: "Settings") -> Iterator[str]:
    """Whom rules or gateway.toml name and people.toml does not."""
    from paifang.config.explain import nearest
    from paifang.policy.rules import persons_named

    named = {name: f"{rule.place} ({rule.id})" for rule in policy.rules for name in persons_named(rule)}
    named |= {each.person: "[[control.users]] of gateway.toml" for each in settings.control.users if each.person}
    for name, place in named.items():
        if name not in policy.people.persons:
            near = nearest(name, list(policy.people.persons))
            meant = f'; did you mean "{near}"?' if near else ""
            yield f"{place} names {name}, who is not in people.toml{meant}"
