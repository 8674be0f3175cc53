"""plan.toml: a timing plan as an engineer writes it, for a site whose groups have names.

```toml
name = "day"
rings = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]     # of each ring the sides between the barriers, of each side its phases

[defaults]                       # of each phase that does not say otherwise
minimum = "5s"
passage = "3s"
maximum = "30s"
amber = "3s"                     # what the plan was made for: another one of the site refuses it
red = "2s"

[phases.2]
groups = ["E", "walk S"]         # vehicle and pedestrian ones
walk = "7s"
options = ["dual-entry", "min-recall"]
split = "30s"                    # with a [coordination]

[coordination]
cycle = "90s"
offset = "12s"
phases = [2, 6]

[[detectors]]                    # in the order of the node's inputs
phase = 2
extension = "1s"
options = ["lock"]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import Field

from paifang_tools.signals import columns, toml_text
from paifang_tools.signals.columns import MASK, NUMBER, TIME, TRUTH, Bits, Choice, Columns
from paifang_tools.signals.mistakes import Mistakes
from paifang_tools.signals.quantities import Ms, Table
from paifang_tools.signals.shipped import plans

if TYPE_CHECKING:
    from collections.abc import Sequence

Option = Literal[
    "min-recall",
    "max-recall",
    "ped-recall",
    "soft-recall",
    "lock",
    "dual-entry",
    "simultaneous-gap",
    "red-rest",
    "rest-in-walk",
    "backup-protect",
]
"""Of a phase; the first is bit 0."""
DetectorOption = Literal["lock", "extend-only"]
Transition = Literal["dwell", "shortway"]
PreemptionKind = Literal["emergency", "rail"]

ENDLESS_MS = 0
PHASE_TIMES: Columns = dict.fromkeys(
    ("minimum", "passage", "maximum", "walk", "before_reduction", "time_to_reduce", "least_gap", "amber", "red"), TIME
)
PHASE_LEFT_OUT = ("walk", "before_reduction", "time_to_reduce", "least_gap")
"""Times that are 0 where the file does not name them."""
PHASE_OPTIONS = Bits(get_args(Option))
PREEMPTION: Columns = {
    "kind": Choice(get_args(PreemptionKind)),
    "delay": TIME,
    "track": MASK,
    "track_green": TIME,
    "dwell": MASK,
    "least_dwell": TIME,
    "longest_presence": TIME,
    "exit": MASK,
    "bound": TIME,
}
PRIORITY: Columns = {"phase": NUMBER, "extension": TIME, "early_green": TIME, "lockout": TIME}
DETECTOR: Columns = {
    "phase": NUMBER,
    "delay": TIME,
    "extension": TIME,
    "options": Bits(get_args(DetectorOption)),
    "longest_presence": TIME,
    "no_activity": TIME,
    "most_counts": NUMBER,
}
CYCLE: Columns = {"cycle": TIME, "offset": TIME}
IN_STEP: Columns = {"phases": MASK, "transition": Choice(get_args(Transition)), "floating": TRUTH}
"""The splits of the phases stand between the two in a coordination."""


class PhaseTimes(Table):
    """What phases have in common."""

    minimum: Ms | None = Field(default=None, description="The least green.")
    passage: Ms | None = Field(default=None, description="How long a gap may last in green.")
    maximum: Ms | None = Field(default=None, description="The most green once somebody waits elsewhere.")
    walk: Ms | None = Field(default=None, description="The least walk.")
    before_reduction: Ms | None = Field(default=None, description="Green before gaps get shorter.")
    time_to_reduce: Ms | None = Field(default=None, description="In which the gap goes down to the least.")
    least_gap: Ms | None = Field(default=None, description="The shortest gap.")
    amber: Ms | None = Field(default=None, description="The amber that the plan was made for.")
    red: Ms | None = Field(default=None, description="The red clearance that the plan was made for.")


class Phase(PhaseTimes):
    groups: list[str] = Field(description="Its vehicle and pedestrian groups, by name.")
    options: list[Option] | None = Field(default=None, description="What else it does.")
    split: Ms | None = Field(default=None, description="Its part of the cycle.")


class PhaseDefaults(PhaseTimes):
    options: list[Option] = Field(default=[], description="Of each phase that has none of its own.")


class Coordination(Table):
    cycle: Ms = Field(description="The cycle.")
    offset: Ms = Field(default=0, description="Of the coordination point.")
    phases: list[int] = Field(description="The coordinated phases.")
    transition: Transition = Field(default="dwell", description="How it comes back into step.")
    floating: bool = Field(default=False, description="What a phase leaves over is for those behind it.")


class Preemption(Table):
    kind: PreemptionKind = Field(description='"emergency" or "rail".')
    delay: Ms = Field(default=0, description="From the call to its beginning.")
    track: list[int] = Field(default=[], description="Phases that clear the track first.")
    track_green: Ms = Field(default=0, description="Their green.")
    dwell: list[int] = Field(description="Phases that are served while it lasts.")
    least_dwell: Ms = Field(default=0, description="How long it lasts at least.")
    longest_presence: Ms = Field(default=ENDLESS_MS, description="After which the call counts no more.")
    exit: list[int] = Field(default=[], description="Phases that are served first after it.")
    bound: Ms = Field(description="In which its first phases must have green, from any state.")


class Priority(Table):
    phase: int = Field(description="The phase of the transit vehicles.")
    extension: Ms = Field(default=0, description="How long its green may be extended.")
    early_green: Ms = Field(default=0, description="How much earlier it may begin.")
    lockout: Ms = Field(description="In which no other one is granted.")


class Detector(Table):
    phase: int = Field(default=0, description="The phase that it calls; without one it only counts.")
    delay: Ms = Field(default=0, description="Presence before it calls.")
    extension: Ms = Field(default=0, description="How long it is taken for covered afterwards.")
    options: list[DetectorOption] = Field(default=[], description="What else it does.")
    longest_presence: Ms = Field(default=ENDLESS_MS, description="Covered for longer: it has failed.")
    no_activity: Ms = Field(default=ENDLESS_MS, description="Without a vehicle for longer: it has failed.")
    most_counts: int = Field(default=0, ge=0, lt=1 << 16, description="More a minute: it has failed.")


class PlanFile(Table):
    """The whole file."""

    name: str = Field(min_length=1, max_length=64, description="The plan's name, which day plans know it by.")
    rings: list[list[list[int]]] = Field(description="One or two rings of sides of phases.")
    defaults: PhaseDefaults = Field(default=PhaseDefaults(), description="What phases have in common.")
    phases: dict[str, Phase] = Field(description="The phases by their numbers.")
    coordination: Coordination | None = Field(default=None, description="Cycle, offset and splits.")
    preemptions: list[Preemption] = Field(default=[], description="Rail goes before emergency vehicles.")
    priorities: list[Priority] = Field(default=[], description="Transit vehicles.")
    detectors: list[Detector] = Field(default=[], description="In the order of the node's inputs.")


def to_record(file: PlanFile, site_record: Sequence[Any]) -> list[Any]:
    """The record of a file. Raises MistakesError; whether it may be loaded is for `checking`."""
    mistakes = Mistakes()
    rows = [_phase_row(file, word, site_record[2], mistakes) for word in file.phases]
    coordination = _coordination(file, mistakes)
    parts = [
        [columns.numbers(row, each, (name, at), mistakes) for at, each in enumerate(getattr(file, name))]
        for name, row, _ in _TABLES
    ]
    mistakes.raise_any()
    return [plans.VERSION, file.name, rows, file.rings, coordination, *parts]


def to_text(record: Sequence[Any], site_record: Sequence[Any]) -> str:
    """A plan.toml that gives the same record. It must have the form of one (`checking.plan_reasons` says)."""
    _, name, rows, rings, coordination, *parts = record
    names = [group[0] for group in site_record[2]]
    splits = coordination[2] if coordination else [None] * len(rows)
    blocks = [toml_text.lines({"name": name, "rings": rings})]
    for row, split in zip(rows, splits, strict=True):
        blocks.append(toml_text.table(f"phases.{row[0]}", _phase_shown(row, names, split)))
    if coordination:
        told = columns.shown(CYCLE, coordination[:2], _optional(Coordination))
        told |= columns.shown(IN_STEP, coordination[3:], _optional(Coordination))
        blocks.append(toml_text.table("coordination", told))
    for (word, row, model), found in zip(_TABLES, parts, strict=True):
        blocks += [f"\n[[{word}]]\n{toml_text.lines(columns.shown(row, each, _optional(model)))}" for each in found]
    return "".join(blocks)


_TABLES = (
    ("preemptions", PREEMPTION, Preemption),
    ("priorities", PRIORITY, Priority),
    ("detectors", DETECTOR, Detector),
)
"""The tables at the end of a record, in its order."""


def _optional(model: type[Table]) -> list[str]:
    return [name for name, field in model.model_fields.items() if not field.is_required()]


def _phase_row(file: PlanFile, word: str, groups: Sequence[Any], mistakes: Mistakes) -> list[int]:
    given, place = file.phases[word], ("phases", word)
    if not word.isdecimal() or not word.isascii() or len(word) > 3:
        mistakes.add(place, "expected the number of a phase, such as [phases.2]")
        return []
    names = [group[0] for group in groups]
    masks = [0, 0]
    for at, name in enumerate(given.groups):
        i = mistakes.index(name, names, (*place, "groups", at), "group")
        if i is not None:
            masks[groups[i][1]] |= 1 << i
    times = [_time(file, word, which, mistakes) for which in PHASE_TIMES]
    options = file.defaults.options if given.options is None else given.options
    return [int(word), *masks, *times, PHASE_OPTIONS.bits(options)]


def _time(file: PlanFile, word: str, which: str, mistakes: Mistakes) -> int:
    own, common = getattr(file.phases[word], which), getattr(file.defaults, which)
    found: int | None = own if own is not None else common
    if found is None and which not in PHASE_LEFT_OUT:
        description = PhaseTimes.model_fields[which].description or ""
        what = f"missing: {description[:1].lower()}{description[1:].rstrip('.')}, here or in [defaults]"
        mistakes.add(("phases", word, which), what)
    return found or 0


def _phase_shown(row: Sequence[int], names: Sequence[str], split: int | None) -> dict[str, Any]:
    _, vehicles, pedestrians, *times, options = row
    mask = vehicles | pedestrians
    told: dict[str, Any] = {"groups": [name for i, name in enumerate(names) if mask >> i & 1]}
    told |= columns.shown(PHASE_TIMES, times, PHASE_LEFT_OUT)
    told |= {"options": PHASE_OPTIONS.shown(options)} if options else {}
    return told if split is None else told | {"split": TIME.shown(split)}


def _coordination(file: PlanFile, mistakes: Mistakes) -> list[Any] | None:
    found = file.coordination
    splits = [phase.split for phase in file.phases.values()]
    for word, split in zip(file.phases, splits, strict=True):
        if found is None and split is not None:
            mistakes.add(("phases", word, "split"), "a split without a [coordination]")
        elif found is not None and split is None:
            mistakes.add(("phases", word, "split"), "missing: its part of the cycle of [coordination]")
    if found is None:
        return None
    first, last = (columns.numbers(row, found, ("coordination",), mistakes) for row in (CYCLE, IN_STEP))
    return [*first, splits, *last]
