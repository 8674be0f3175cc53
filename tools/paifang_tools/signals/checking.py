"""What the shipped firmware says of a record: every reason why a node would refuse it, with its place in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from paifang_tools.errors import ToolError
from paifang_tools.signals.mistakes import Mistake, Place
from paifang_tools.signals.shipped import days, plans, site
from paifang_tools.signals.site_file import NAME, NAME_EXPECTED
from paifang_wire import cbor, messages, orders

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from paifang_tools.signals.site_file import Site

SITE_LIMIT = orders.KEYSET_LIMIT
"""Bytes of the longest site record: as a key set, with both signatures it must fit one frame."""

_PHASE_SHAPE = "u" * 13
_PHASE = re.compile(r"\bphase (\d+)(?=:| has)")
_PLACES: tuple[tuple[re.Pattern[str], Callable[[str], Place]], ...] = (
    (re.compile(r"(?:split overrun: )?phase (\d+)\b"), lambda number: ("phases", number)),
    (re.compile(r"preemption (\d+):"), lambda number: ("preemptions", int(number) - 1)),
    (re.compile(r"priority (\d+):"), lambda number: ("priorities", int(number) - 1)),
    (re.compile(r"detector (\d+):"), lambda number: ("detectors", int(number) - 1)),
    (re.compile(r"row (\d+):"), lambda number: ("rows", int(number) - 1)),
    (re.compile(r"(rings|name|phases|preemptions|priorities|detectors):"), lambda key: (key,)),
    (re.compile(r"(?:ring mismatch|side \d+):()"), lambda _: ("rings",)),
    (re.compile(r"(?:coordination|cycle|offset|splits)\b()"), lambda _: ("coordination",)),
    (re.compile(r"(?:minutes east)()"), lambda _: ("utc_offset",)),
    (re.compile(r"(?:no )?intergreen\b()"), lambda _: ("intergreen",)),
    (re.compile(r"(flash|all-red) of the start"), lambda word: ("start", word.replace("-", "_"))),
)
"""How a reason begins, and what of the file it is about."""


def site_reasons(found: Site) -> list[Mistake]:
    """Why a node would refuse a site record; [] if it would take it, once two roots have signed it."""
    reasons: list[str] = site.check(found.record)
    if not reasons and (size := len(orders.encode_site(found.fields))) > SITE_LIMIT:
        reasons.append(f"the record has {size} bytes, a node takes {SITE_LIMIT}: give the groups shorter names")
    names = [group[0] for group in _listed(found.record, 2) if _listed(group, 0, str)]
    reasons += [f"group name {name!r}: expected {NAME_EXPECTED}" for name in names if not NAME.fullmatch(name)]
    return [Mistake(_place(reason, names), reason) for reason in reasons]


def plan_reasons(record: Sequence[Any], site_record: Sequence[Any]) -> list[Mistake]:
    """Why a node with this site record would refuse a plan. Raises ToolError when no node takes the site record."""
    reasons: list[str] = plans.check(record, tables(site_record))
    if not reasons and (size := len(cbor.encode(record))) > plans.BYTES_LIMIT:
        reasons.append(f"the plan has {size} bytes, a node takes {plans.BYTES_LIMIT}")
    groups = phase_groups(record, site_record) if reasons else {}
    return [Mistake(_place(reason), _PHASE.sub(lambda found: _phase(found, groups), reason)) for reason in reasons]


def day_reasons(record: Sequence[Any], names: Collection[str]) -> list[Mistake]:
    """Why a node with plans of these names would refuse day plans."""
    return [Mistake(_place(reason), reason) for reason in days.check(record, names)]


def tables(site_record: Sequence[Any]) -> Any:
    """The site as the firmware reads it. Raises ToolError when no node takes the record."""
    try:
        return site.decode(cbor.encode(site_record))
    except site.SiteError as error:
        raise ToolError(f"no node takes the site record: {error}") from error


def phase_groups(record: Sequence[Any], site_record: Sequence[Any]) -> dict[int, list[str]]:
    """The names of the groups of each phase of a plan."""
    names = [group[0] for group in site_record[2]]
    rows = [row for row in _listed(record, 2) if messages.fits_row(_PHASE_SHAPE, row)]
    return {row[0]: [name for i, name in enumerate(names) if (row[1] | row[2]) >> i & 1] for row in rows}


def _listed(found: Any, at: int, kind: type = list) -> Any:
    """What stands in a list at a place, empty unless it is of a kind."""
    parts = cast("list[Any]", found) if isinstance(found, list) else []
    return parts[at] if len(parts) > at and isinstance(parts[at], kind) else kind()


def _phase(found: re.Match[str], groups: dict[int, list[str]]) -> str:
    names = groups.get(int(found[1]))
    return f"{found[0]} ({', '.join(names)})" if names else found[0]


def _place(reason: str, group_names: Sequence[str] = ()) -> Place:
    """What of the file a reason is about; () if that cannot be said."""
    longest_first = sorted(group_names, key=len, reverse=True)
    group = next((name for name in longest_first if reason.startswith((f"{name}: ", f"{name} conflicts "))), None)
    if group is not None:
        return ("groups", group)
    matches = ((pattern.match(reason), place) for pattern, place in _PLACES)
    return next((place(match[1]) for match, place in matches if match), ())
