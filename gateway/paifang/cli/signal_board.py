"""How the state of a junction is drawn: what it does, its rings, its phases with their lamps."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from paifang.cli import output

State = Mapping[str, Any]
WIDTH = 100
"""Of a terminal that it is drawn for, and of what goes into a pipe."""

_STATE_STYLES = {"running": "bold green", "latched flash": "bold red", "flashing": "bold yellow"}
_LAMPS = {
    "red": ("●", "red"),
    "red-amber": ("●", "bright_red"),
    "green": ("●", "green"),
    "flashing green": ("◐", "green"),
    "amber": ("●", "yellow"),
    "walk": ("●", "green"),
    "clearance": ("◐", "cyan"),
    "don't walk": ("●", "red"),
    "flashing amber": ("◐", "yellow"),
    "flashing red": ("◐", "red"),
    "dark": ("○", "dim"),
}
"""By aspect: full is steady, half is flashing, empty is dark."""
_STAGE_STYLES = {"green": "green", "ending": "yellow"}


def board(state: State, heard: str) -> RenderableType:
    """Everything of a junction; `heard` says how old it is."""
    parts: list[RenderableType] = [*_head(state, heard)]
    parts += [_rings(state)] if any(state["rings"]) else []
    has_names = any(phase["groups"] for phase in state["phases"])
    if state["groups"] and not has_names:
        parts += [Text(), Columns([_lamps([group]) for group in state["groups"]], equal=True)]
    parts += [_phases(state, has_names)] if state["plan"]["slot"] else []
    return Group(*parts)


def _head(state: State, heard: str) -> list[Text]:
    lines = [
        [_doing(state), *_plan(state), Text(heard, "dim")],
        [*_site(state), *_asked(state)],
        _special(state),
    ]
    name = output.printable(state["node"])
    first = [Text(name, style="bold"), *([Text(" " * len(name))] * 2)]
    rows = [Text("   ").join([begin, *map(_text, found)]) for begin, found in zip(first, lines, strict=True)]
    return [row for row, found in zip(rows, lines, strict=True) if found]


def _text(part: str | Text) -> Text:
    return part if isinstance(part, Text) else Text(part)


def _doing(state: State) -> Text:
    """What it does and why: "latched flash: conflict, EB"."""
    found = state["state"] or "has not reported yet"
    why = [state["reason"], state["group"]] if state["state"] in {"flashing", "latched flash"} else []
    about = ", ".join(output.printable(each) for each in why if each)
    return Text(f"{found}: {about}" if about else found, style=_STATE_STYLES.get(found, "bold"))


def _plan(state: State) -> list[str]:
    plan, cycle = state["plan"], state["coordination"]
    if not plan["slot"]:
        return ["no plan"]
    name = f' "{output.printable(plan["name"])}"' if plan["name"] else ""
    told = [f"plan {plan['slot']}{name}"]
    if cycle:
        of = f" of {cycle['cycle_s']:g}" if cycle["cycle_s"] else ""
        told.append(f"cycle {cycle['position_s']:.1f}{of} s")
    return told


def _site(state: State) -> list[str]:
    site = state["site"]
    if not site["edition"]:
        return ["no site record"]
    return [f"edition {site['edition']}" + (f" ({site['country']})" if site["country"] else "")]


def _asked(state: State) -> list[str]:
    """What people or a service ask of it."""
    told = [] if state["mode"] in {None, "automatic"} else [f"mode {state['mode']}"]
    for words, kind in ((state["commanded"], ""), (state["recalls"], " recall")):
        told += [f"{word.replace('_', ' ')}{kind} {_numbers(phases)}" for word, phases in words.items() if phases]
    return told


def _special(state: State) -> list[str | Text]:
    told: list[str | Text] = []
    if state["monitor"] not in {None, "none"} and state["state"] != "latched flash":
        told.append(Text(f"monitor: {state['monitor']}", style="bold red"))
    if state["preemption"]:
        about = f"preemption {state['preemption']['row']}: {state['preemption']['stage']}"
        told.append(Text(about, style="bold magenta"))
    if state["transit"]:
        told.append(Text(f"priority {state['transit']} granted", style="magenta"))
    detectors = state["detectors"]
    if detectors["covered"]:
        told.append(f"covered detectors {_numbers(detectors['covered'])}")
    if detectors["failed"]:
        told.append(Text(f"failed detectors {_numbers(detectors['failed'])}", style="yellow"))
    return told


def _rings(state: State) -> Table:
    table = output.plain_table()
    for title, right in (("RING", True), ("PHASE", False), ("", False), ("GREEN", True), ("GAP", True), ("WAIT", True)):
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    groups = {phase["phase"]: phase["groups"] for phase in state["phases"]}
    for number, ring in enumerate(state["rings"], 1):
        if ring is None:
            continue
        names = ", ".join(map(output.printable, groups.get(ring["phase"], ())))
        stage = Text(ring["stage"], style=_STAGE_STYLES.get(ring["stage"], ""))
        times = [f"{ring[key]:.1f} s" for key in ("green_s", "gap_s", "against_s")]
        table.add_row(str(number), f"{ring['phase']}  {names}".rstrip(), stage, *times)
    return table


def _phases(state: State, has_names: bool) -> Table:
    table = output.plain_table()
    table.add_column("PHASE", justify="right")
    for title in ("VEHICLES", "PEDESTRIANS") if has_names else ():
        table.add_column(title)
    table.add_column("CALLS")
    table.add_column("PASSED", justify="right")
    table.add_column("OCCUPIED", justify="right")
    lamps = {group["name"]: group for group in state["groups"]}
    current = {ring["phase"] for ring in state["rings"] if ring and ring["stage"] != "starting"}
    for phase in state["phases"]:
        groups = [lamps[name] for name in phase["groups"] if name in lamps]
        kinds = [[each for each in groups if each["pedestrian"] == kind] for kind in (False, True)]
        shown = [_lamps(each) for each in kinds] if has_names else []
        number = Text(str(phase["phase"]), style="bold green" if phase["phase"] in current else "")
        occupied = None if phase["occupancy"] is None else f"{phase['occupancy']} %"
        figures = [Text("-" if each is None else str(each)) for each in (phase["flow"], occupied)]
        table.add_row(number, *shown, _calls(phase), *figures)
    return table


def _lamps(groups: Sequence[State]) -> Text:
    """Each group's lamp, its name, and what it shows."""
    told = Text()
    for group in groups:
        lamp, style = _LAMPS.get(group["aspect"], ("?", ""))
        told.append("  " if told else "")
        told.append(f"{lamp} ", style)
        told.append(f"{output.printable(group['name'])} ")
        told.append(group["aspect"], "dim" if group["aspect"] in {"red", "don't walk"} else style)
    return told


def _calls(phase: State) -> Text:
    words = [word for word in ("vehicles", "pedestrians", "walking") if phase[word]]
    told = Text(", ".join(words))
    if phase["due"]:
        told.append(" due" if words else "due", "yellow")
    return told


def _numbers(found: Sequence[int]) -> str:
    """Rising numbers, those that follow one another as a range: "1-3, 7"."""
    runs: list[list[int]] = []
    for each in found:
        if runs and each == runs[-1][-1] + 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
