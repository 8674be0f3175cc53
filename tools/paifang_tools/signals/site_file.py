"""site.toml: the site safety record of one signal node, as an engineer writes it.

```toml
node = "signal-1"
edition = 1                        # one more with each change
country = "CN"
together = [["N", "S"], ["N", "walk E"]]   # may move together, all of a list; or conflicts = [["N", "E"], ...]

[start]
flash = "5s"
all_red = "8s"

[defaults.vehicle]                 # and [defaults.pedestrian]: of each group that does not say otherwise
minimum = "5s"
amber = "3s"
red_revert = "2s"
longest_red = "180s"

[groups]                           # in this order they are the node's groups 1, 2, 3, ...
N = { kind = "vehicle" }
"walk E" = { kind = "pedestrian", minimum = "7s", crossing = "14.5m", red_revert = "2s", longest_red = "180s" }

[intergreen]
vehicle = "5s"                     # from the end of green of a vehicle group
pedestrian = "3s"                  # from the end of the clearance of a pedestrian group
exceptions = [["N", "walk E", "6s"]]
```
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field

from paifang_tools.signals import toml_text
from paifang_tools.signals.mistakes import Mistakes, quoted
from paifang_tools.signals.quantities import Mm, Ms, Table, length_text, time_ms, time_text
from paifang_tools.signals.shipped import aspects, countries, site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from paifang_tools.signals.mistakes import Place

Kind = Literal["vehicle", "pedestrian"]
KINDS: tuple[Kind, ...] = ("vehicle", "pedestrian")
"""By the number in a record."""
STEPS: tuple[tuple[str, ...], ...] = (("red_amber", "flashing_green", "amber"), ("clearance",))
"""By kind: the times of the steps between rest and open, in the record's order."""
RED_AMBER_OPTION, LATCH_SUPPLY_OPTION = 1, 2
"""Bits of the record's only monitor option: red with amber is an indication here; a low supply latches too."""

_LEFT_OUT = ("red_amber", "flashing_green")
"""Steps that take no time where a file does not name them."""
NAME_EXPECTED = 'a name of letters, digits, spaces and "-", "_", ".", "/", 24 at most, such as "walk E"'
NAME = re.compile(r"\w(?:[\w ./-]{0,22}[\w./-])?")
"""Nothing in a name reads like the words between names, where roots are told what they sign."""
EXCEPTION_EXPECTED = 'a pair and its time such as ["north", "walk east", "6s"]'

_GROUP_TIMES = ("minimum", "red_revert", "longest_red")
_OF_KIND = (STEPS[0], (*STEPS[1], "crossing"))


class Times(Table):
    """What groups of a kind have in common."""

    minimum: Ms | None = Field(default=None, description="The least green, or walk.")
    red_amber: Ms | None = Field(default=None, description="Red with amber before green.")
    flashing_green: Ms | None = Field(default=None, description="Flashing green after green.")
    amber: Ms | None = Field(default=None, description="Amber after green.")
    clearance: Ms | None = Field(default=None, description="Flashing after walk; else what the crossing takes.")
    red_revert: Ms | None = Field(default=None, description="The least red.")
    longest_red: Ms | None = Field(default=None, description="The longest red that a call may wait.")


class Group(Times):
    kind: Kind = Field(description='"vehicle" or "pedestrian".')
    crossing: Mm | None = Field(default=None, description="Length of a pedestrian group's crossing.")


class Defaults(Table):
    vehicle: Times = Field(default=Times(), description="Of each vehicle group that does not say otherwise.")
    pedestrian: Times = Field(default=Times(), description="Of each pedestrian group that does not say otherwise.")


class Start(Table):
    flash: Ms = Field(description="How long it flashes first.")
    all_red: Ms = Field(description="How long all rest after that.")


def _exception(value: object) -> tuple[str, str, int]:
    if not isinstance(value, list) or len(parts := cast("list[object]", value)) != 3:
        raise ValueError(EXCEPTION_EXPECTED)
    start, end, time = parts
    if not isinstance(start, str) or not isinstance(end, str):
        raise ValueError(EXCEPTION_EXPECTED)  # noqa: TRY004 - one kind of mistake
    return start, end, time_ms(time)


Exceptional = Annotated[tuple[str, str, int], BeforeValidator(_exception)]


class Intergreen(Table):
    vehicle: Ms | None = Field(default=None, description="From the end of green of a vehicle group.")
    pedestrian: Ms | None = Field(default=None, description="From the end of clearance of a pedestrian group.")
    exceptions: list[Exceptional] = Field(default=[], description="Pairs with another time: [from, to, time].")


class Monitor(Table):
    latch_supply: bool = Field(default=False, description="A low supply flashes until it is cleared by hand.")


class SiteFile(Table):
    """The whole file; exactly one of `together` and `conflicts`."""

    node: str = Field(min_length=1, max_length=32, description="The node's id.")
    edition: int = Field(ge=1, lt=1 << 31, description="Counts the records of this node, from 1.")
    country: Literal["CN", "DE", "UK", "US"] = Field(description="Whose aspects and floors hold.")
    together: list[list[str]] | None = Field(default=None, description="Groups that may all move together.")
    conflicts: list[list[str]] | None = Field(default=None, description="Groups that all conflict.")
    start: Start = Field(description="How the signal starts.")
    defaults: Defaults = Field(default=Defaults(), description="What groups have in common.")
    groups: dict[str, Group] = Field(description="The signal groups, in the order of the node's outputs.")
    intergreen: Intergreen = Field(description="From the end of one group to the beginning of another.")
    monitor: Monitor = Field(default=Monitor(), description="Options of the monitor.")


@dataclass(frozen=True, slots=True)
class Site:
    """A node's site record with its edition: what a *.site file signs."""

    node: str
    edition: int
    record: list[Any]

    @property
    def fields(self) -> list[Any]:
        """As `paifang_wire.orders.encode_site` takes it."""
        return [self.node, self.edition, self.record]


def to_site(file: SiteFile) -> Site:
    """The record of a file. Raises MistakesError; whether it is safe is for `checking`."""
    mistakes = Mistakes()
    names = list(file.groups)
    for name in names:
        if not NAME.fullmatch(name):
            mistakes.add(("groups", name), f"expected {NAME_EXPECTED}")
    groups = [_group(file, name, mistakes) for name in names]
    conflicts = _conflicts(file, names, mistakes)
    intergreens = _intergreens(file, conflicts, mistakes)
    mistakes.raise_any()
    options = RED_AMBER_OPTION if any(group[3][0] for group in groups if group[1] == 0) else 0
    options |= LATCH_SUPPLY_OPTION if file.monitor.latch_supply else 0
    start = [file.start.flash, file.start.all_red]
    record = [site.VERSION, file.country, groups, conflicts, intergreens, start, [options] if options else []]
    return Site(file.node, file.edition, record)


def to_text(found: Site) -> str:
    """A site.toml that gives the same record. It must have the form of one (`checking.site_reasons` says)."""
    _, country, groups, conflicts, intergreens, start, monitor = found.record
    names = [group[0] for group in groups]
    head = {"node": found.node, "edition": found.edition, "country": country}
    pairs = [[names[i], names[j]] for i, j in _compatible(conflicts)]
    blocks = [
        toml_text.lines(head),
        f"together = {toml_text.rows(pairs)}\n",
        toml_text.table("start", {"flash": time_text(start[0]), "all_red": time_text(start[1])}),
        toml_text.table("groups", {group[0]: _group_row(group) for group in groups}),
        _intergreen_text(groups, intergreens),
        toml_text.table("monitor", {"latch_supply": True} if monitor and monitor[0] & LATCH_SUPPLY_OPTION else {}),
    ]
    return "".join(blocks)


def monitor_config(record: Sequence[Any]) -> dict[str, Any]:
    """The "monitor" of a node's config.json: conflicts as a hexadecimal bitmask a group, the groups with an amber."""
    _, _, groups, conflicts, _, _, monitor = record
    vehicles = sum(1 << i for i, group in enumerate(groups) if group[1] == aspects.VEHICLE)
    matrix = ",".join(f"{mask:x}" for mask in conflicts)
    return {"matrix": matrix, "vehicles": f"{vehicles:x}", "options": monitor[0] if monitor else 0}


def _group(file: SiteFile, name: str, mistakes: Mistakes) -> list[Any]:
    given = file.groups[name]
    kind = KINDS.index(given.kind)
    defaults = (file.defaults.vehicle, file.defaults.pedestrian)[kind]
    _check_kind(given, kind, ("groups", name), mistakes)
    _check_kind(defaults, kind, ("defaults", given.kind), mistakes)

    def time(which: str, otherwise: int | None = None) -> int:
        own, common = getattr(given, which), getattr(defaults, which)
        found = own if own is not None else common if common is not None else otherwise
        if found is None:
            what = f"missing: {_about(which)}, here or in [defaults.{given.kind}]"
            mistakes.add(("groups", name, which), what)
        return found or 0

    crossing_mm = given.crossing or 0
    if kind == aspects.PEDESTRIAN and given.crossing is None:
        mistakes.add(("groups", name, "crossing"), f"missing: {_about('crossing')}")
    minimum, red_revert, longest_red = map(time, _GROUP_TIMES)
    row: list[Any] = [name, kind, minimum, [], red_revert, crossing_mm, longest_red]
    row[3] = [time(step, _usual(file.country, step, row)) for step in STEPS[kind]]
    return row


def _usual(country: str, step: str, row: list[Any]) -> int | None:
    """What a step takes that a file does not name: no time for what may be left out, of a clearance the crossing's."""
    if step == "amber":
        return None
    has_clearance = step == "clearance" and countries.COUNTRIES[country][countries.CLEARANCE_LAMP]
    return site.crossing_ms(row) if has_clearance else 0


def _check_kind(given: Times, kind: int, place: Place, mistakes: Mistakes) -> None:
    for which in _OF_KIND[1 - kind]:
        if getattr(given, which, None) is not None:
            mistakes.add((*place, which), f"a {KINDS[kind]} group has no {which}")


def _about(which: str) -> str:
    description = Group.model_fields[which].description or ""
    return f"{description[:1].lower()}{description[1:].rstrip('.')}"


def _conflicts(file: SiteFile, names: list[str], mistakes: Mistakes) -> list[int]:
    if (file.together is None) == (file.conflicts is None):
        mistakes.add(("together",), "expected either together, the groups that may move together, or conflicts")
        return [0] * len(names)
    lists, key = (file.together, "together") if file.conflicts is None else (file.conflicts, "conflicts")
    masks = [0] * len(names)
    for place, listed in enumerate(lists or ()):
        if len(listed) < 2 or len(set(listed)) < len(listed):
            mistakes.add((key, place), f"expected two or more different groups, found {quoted(listed)}")
        found = [mistakes.index(name, names, (key, place, at), "group") for at, name in enumerate(listed)]
        numbers = {i for i in found if i is not None}
        for i in numbers:
            masks[i] |= sum(1 << j for j in numbers - {i})
    everybody = (1 << len(names)) - 1
    return masks if key == "conflicts" else [everybody & ~mask & ~(1 << i) for i, mask in enumerate(masks)]


def _intergreens(file: SiteFile, conflicts: list[int], mistakes: Mistakes) -> list[list[int]]:
    names = list(file.groups)
    others: dict[tuple[int, int], int] = {}
    for at, (start, end, ms) in enumerate(file.intergreen.exceptions):
        place = ("intergreen", "exceptions", at)
        i, j = (mistakes.index(name, names, place, "group") for name in (start, end))
        if i is None or j is None:
            continue
        if not conflicts[i] >> j & 1:
            mistakes.add(place, f'"{start}" and "{end}" do not conflict')
        elif (i, j) in others:
            mistakes.add(place, f'given twice: from "{start}" to "{end}"')
        others[i, j] = ms
    rows: list[list[int]] = []
    for i, j in _pairs(conflicts, lambda mask, j: bool(mask >> j & 1)):
        kind = file.groups[names[i]].kind
        usual: int | None = getattr(file.intergreen, kind)
        if usual is None and (i, j) not in others:
            mistakes.add(("intergreen", kind), f'missing: from "{names[i]}" to "{names[j]}", and no rule for all')
        rows.append([i, j, others.get((i, j), usual or 0)])
    return rows


def _compatible(conflicts: Sequence[int]) -> Iterator[tuple[int, int]]:
    return ((i, j) for i, j in _pairs(conflicts, lambda mask, j: not mask >> j & 1) if i < j)


def _pairs(conflicts: Sequence[int], wanted: Callable[[int, int], bool]) -> Iterator[tuple[int, int]]:
    for i, mask in enumerate(conflicts):
        for j in range(len(conflicts)):
            if i != j and wanted(mask, j):
                yield i, j


def _group_row(group: Sequence[Any]) -> dict[str, Any]:
    _, kind, minimum, steps, red_revert, crossing_mm, longest_red = group
    row: dict[str, Any] = {"kind": KINDS[kind], "minimum": time_text(minimum)}
    for step, ms in zip(STEPS[int(kind)], steps, strict=True):
        if ms or step not in _LEFT_OUT:
            row[step] = time_text(ms)
    if kind == aspects.PEDESTRIAN:
        row["crossing"] = length_text(crossing_mm)
    return row | {"red_revert": time_text(red_revert), "longest_red": time_text(longest_red)}


def _intergreen_text(groups: Sequence[Any], intergreens: Sequence[Sequence[int]]) -> str:
    """The rule of each kind is what most of its pairs have; the others are exceptions."""
    counts = [Counter(ms for i, _, ms in intergreens if groups[i][1] == kind) for kind in range(len(KINDS))]
    usual = [count.most_common(1)[0][0] if count else None for count in counts]
    rules = {word: time_text(ms) for word, ms in zip(KINDS, usual, strict=True) if ms is not None}
    odd = [[groups[i][0], groups[j][0], time_text(ms)] for i, j, ms in intergreens if ms != usual[groups[i][1]]]
    text = toml_text.table("intergreen", rules) or "\n[intergreen]\n"
    return f"{text}exceptions = {toml_text.rows(odd)}\n" if odd else text
