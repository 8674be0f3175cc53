"""A site record in words: what root keys sign, and what changes from one edition to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang_tools.signals.quantities import length_text, time_text
from paifang_tools.signals.site_file import KINDS, LATCH_SUPPLY_OPTION, STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paifang_tools.signals.site_file import Site

_OPEN = ("green", "walk")
_TOGETHER = "MAY MOVE TOGETHER"
_Key = tuple[str, ...]
_ABOUT = {"group": "group {}", "times": "{}", "pair": "{} + {}", "after": "intergreen {} > {}"}
"""Words between names that no name has."""


def in_words(found: Site) -> list[str]:
    """Every line of a record that the shipped checks have taken."""
    _, country, groups, conflicts, intergreens, start, monitor = found.record
    names = _names(found)
    told = [f"edition {found.edition}, {country}, {len(groups)} groups, of {found.node}"]  # the freest text last
    told += [f"group {n}: {group[0]}; {'; '.join(_group(group))}" for n, group in enumerate(groups, 1)]
    told += [f"{name} may move with {_listed(names, _others(conflicts, i))}" for i, name in enumerate(names)]
    told += [f"after {name}: {_intergreens(names, intergreens, i)}" for i, name in enumerate(names)]
    return [*told, *_rest(start, monitor)]


def differences(old: Site, new: Site) -> list[str]:
    """What the newer record changes; who may move together now stands first."""
    before, now = _facts(old), _facts(new)
    gone = set(_names(old)) - set(_names(new))
    keys = [key for key in {**now, **before} if before.get(key) != now.get(key) and not _is_of_gone(key, gone)]
    told = [f"edition {old.edition} -> {new.edition}"]
    for key in sorted(keys, key=lambda key: now.get(key) != _TOGETHER):
        told += [f"{_about(key)}: {before.get(key, 'not there')}  ->  {now.get(key, 'gone')}"]
    return told


def _names(found: Site) -> list[str]:
    return [group[0] for group in found.record[2]]


def _group(group: Sequence[Any]) -> list[str]:
    _, kind, minimum, steps, red_revert, crossing_mm, longest_red = group
    steps_of = [word.replace("_", " ") for word in STEPS[int(kind)]]
    told: list[str] = [KINDS[int(kind)], f"{_OPEN[int(kind)]} {time_text(minimum)}"]
    told += [f"{word} {time_text(ms)}" for word, ms in zip(steps_of, steps, strict=True) if ms]
    told += [f"crossing {length_text(crossing_mm)}"] if crossing_mm else []
    return [*told, f"red-revert {time_text(red_revert)}", f"longest red {time_text(longest_red)}"]


def _others(conflicts: Sequence[int], i: int) -> list[int]:
    """The groups that may move with group i."""
    return [j for j in range(len(conflicts)) if j != i and not conflicts[i] >> j & 1]


def _listed(names: Sequence[str], numbers: Sequence[int]) -> str:
    return ", ".join(names[i] for i in numbers) or "nobody"


def _intergreens(names: Sequence[str], intergreens: Sequence[Sequence[int]], i: int) -> str:
    """Of one group: times, and to whom; the most frequent time goes for all others."""
    found: dict[int, list[str]] = {}
    for start, end, ms in intergreens:
        if start == i:
            found.setdefault(ms, []).append(names[end])
    if not found:
        return "nobody has to wait"
    usual = max(found, key=lambda ms: len(found[ms]))
    others = [f"{time_text(ms)} to {', '.join(found[ms])}" for ms in sorted(found) if ms != usual]
    return "; ".join([*others, f"{time_text(usual)} to {'all others' if others else 'all'} in its way"])


def _rest(start: Sequence[int], monitor: Sequence[int]) -> list[str]:
    latches = bool(monitor and monitor[0] & LATCH_SUPPLY_OPTION)
    return [
        f"the start flashes {time_text(start[0])} and shows all-red {time_text(start[1])}",
        f"a low supply {'latches the flashing' if latches else 'flashes while it lasts'}",
    ]


def _facts(found: Site) -> dict[_Key, str]:
    """Each thing that a record says, by what it is about."""
    _, country, groups, conflicts, intergreens, start, monitor = found.record
    names = _names(found)
    facts: dict[_Key, str] = {("node",): found.node, ("country",): country}
    facts |= {("group", str(n)): name for n, name in enumerate(names, 1)}
    facts |= {("times", name): "; ".join(_group(group)) for name, group in zip(names, groups, strict=True)}
    for i, name in enumerate(names):
        for j in range(i):
            facts["pair", *sorted((name, names[j]))] = "conflict" if conflicts[i] >> j & 1 else _TOGETHER
    facts |= {("after", names[i], names[j]): time_text(ms) for i, j, ms in intergreens}
    return facts | dict(zip((("start",), ("supply",)), _rest(start, monitor), strict=True))


def _about(key: _Key) -> str:
    kind, *names = key
    return _ABOUT.get(kind, kind).format(*names)


def _is_of_gone(key: _Key, gone: set[str]) -> bool:
    """A pair of a group that is not there any more: its own line says so."""
    return key[0] in {"pair", "after"} and not gone.isdisjoint(key[1:])
