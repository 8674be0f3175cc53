"""A judge of what the street shows, whoever switched it on: the site record as data and a log in, broken rules out.

It knows nothing but lamps and who feeds them, and shares nothing with the firmware. People move on green, on amber, on
red with amber, on a walk, and on a flashing one. Its rules, while the node feeds the lamps and not the flasher:

| rule | | at the most |
|---|---|---|
| S1 | two groups that conflict both show a light on which people move | 450 ms |
| S6 | two groups that conflict both let people move, one of them flashing | 450 ms and a dark half, 500 ms |
| S2 | a face is dark | 1,000 ms |
| S3 | a face shows two indications | 450 ms |
| S4 | a face does not show what the node asks for | 450 ms |
| S5 | nobody moves in the all-red after the flasher | for the record's time |

These are the times by which a conflict monitor must have tripped (ATSI PCMT-8000 p. 17, RAE MMU-1600G p. 15). Beyond
them the relay takes its RELEASE_MS to let go, and the log is as fine as a sample.
"""

from __future__ import annotations

import bisect
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from .oracle import Breach
from .seen import SAMPLE_MS, TICK_MS
from .street import AMBER_SHIFT, GREEN_SHIFT, PULL_IN_CHANGES, RELEASE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .street_log import StreetLog

TRANSFER_MS = RELEASE_MS + SAMPLE_MS
PULL_IN_MS = PULL_IN_CHANGES * TICK_MS
"""The all-red may be old by this when the relay closes, where nothing but ticks is looked at."""
FLASH_HALF_MS = 500
_FLASH_MS, _FLASH_NONE_MS = FLASH_HALF_MS + SAMPLE_MS, 0
_TRIP_MS = {"S1": 450, "S2": 1_000, "S3": 450, "S4": 450, "S6": 450 + FLASH_HALF_MS}
BOUNDS_MS = {rule: ms + TRANSFER_MS for rule, ms in _TRIP_MS.items()}
_VEHICLE = 0
_MOVES = ("AG", "G")
"""By kind: the colours on which somebody moves."""


class Finding(NamedTuple):
    """Something that a rule limits, how long it lasted, and where."""

    rule: str
    t_ms: int
    ms: int
    text: str


class _Span(NamedTuple):
    begin_ms: int
    end_ms: int
    look: Any


def judge(log: StreetLog, record: Sequence[Any]) -> list[Breach]:
    """Every breach under a site record, in the order of the rules."""
    breaches = [Breach(f.rule, f.t_ms, f"{f.text} for {f.ms} ms") for f in findings(log, record) if _is_breach(f)]
    return breaches + list(_all_red(log, record))


def longest(log: StreetLog, record: Sequence[Any]) -> dict[str, int]:
    """By rule, all but S5, the longest that was seen, in ms."""
    found = dict.fromkeys(BOUNDS_MS, 0)
    for finding in findings(log, record):
        found[finding.rule] = max(found[finding.rule], finding.ms)
    return found


def findings(log: StreetLog, record: Sequence[Any]) -> list[Finding]:
    """Whatever these rules limit, short as it may be."""
    groups, conflicts = record[2], record[3]
    found = _together("S1", _FLASH_NONE_MS, log, groups, conflicts)
    found += _together("S6", _FLASH_MS, log, groups, conflicts)
    for i, (name, kind, _, fixed, *_) in enumerate(groups):
        has_red_amber = kind == _VEHICLE and fixed[0] > 0
        found += _lasting("S2", f"{name} is dark", _spans(log, lambda p, i=i: colours(p.lit, i)), _is_dark)
        dual = ({"RG", "AG", "RAG"} | (set() if has_red_amber else {"RA"})).__contains__
        found += _lasting("S3", f"{name} shows two", _spans(log, lambda p, i=i: colours(p.lit, i)), dual)
        odd = _spans(log, lambda p, i=i: colours(p.lit, i) != colours(p.asked, i))
        found += _lasting("S4", f"{name} is not as asked", odd, bool)
    return found


def colours(lamps: int, i: int) -> str:
    """The colours of a group among lamps, of "RAG"."""
    return "".join(c for c, shift in zip("RAG", (0, AMBER_SHIFT, GREEN_SHIFT), strict=True) if lamps >> i + shift & 1)


def _is_breach(finding: Finding) -> bool:
    return finding.ms > BOUNDS_MS[finding.rule]


def _is_dark(look: str) -> bool:
    return not look


def _spans(log: StreetLog, look: Callable[[Any], Any]) -> list[_Span]:
    """How something looks over the time; None while the flasher feeds the lamps."""
    spans: list[_Span] = []
    ends = [picture.t_ms for picture in log.pictures[1:]] + [log.end_ms]
    for picture, end_ms in zip(log.pictures, ends, strict=True):
        looks = None if picture.by_flasher else look(picture)
        if spans and spans[-1].look == looks:
            spans[-1] = spans[-1]._replace(end_ms=end_ms)
        else:
            spans.append(_Span(picture.t_ms, end_ms, looks))
    return spans


def _lasting(rule: str, text: str, spans: list[_Span], is_bad: Callable[[Any], bool]) -> Iterator[Finding]:
    """Runs of spans that are bad."""
    for bad, run in itertools.groupby(spans, lambda span: span.look is not None and is_bad(span.look)):
        if bad:
            first, *more = run
            yield Finding(rule, first.begin_ms, (more[-1] if more else first).end_ms - first.begin_ms, text)


def _moving(log: StreetLog, i: int, kind: int, flash_ms: int) -> list[_Span]:
    """When people move on a group. What goes on flashing after it goes on: until it is steady for more than a half."""
    moving: list[_Span] = []
    goes_on = False
    for span in _spans(log, lambda picture: colours(picture.lit, i)):
        is_short = span.end_ms - span.begin_ms <= flash_ms
        goes_on = span.look is not None and (bool(set(span.look) & set(_MOVES[kind])) or (goes_on and is_short))
        if goes_on and moving and moving[-1].end_ms == span.begin_ms:
            moving[-1] = moving[-1]._replace(end_ms=span.end_ms)
        elif goes_on:
            moving.append(span)
    return moving


def _together(
    rule: str, flash_ms: int, log: StreetLog, groups: Sequence[Any], conflicts: Sequence[int]
) -> list[Finding]:
    moving = [_moving(log, i, group[1], flash_ms) for i, group in enumerate(groups)]
    return [
        Finding(rule, begin_ms, end_ms - begin_ms, f"{groups[j][0]} and {groups[i][0]} move")
        for i, mask in enumerate(conflicts)
        for j in range(i)
        if mask >> j & 1
        for begin_ms, end_ms in _overlaps(moving[i], moving[j])
    ]


def _overlaps(ones: list[_Span], others: list[_Span]) -> Iterator[tuple[int, int]]:
    """When a span of each list lasts; both lists are in the order of time."""
    i = j = 0
    while i < len(ones) and j < len(others):
        begin_ms = max(ones[i].begin_ms, others[j].begin_ms)
        end_ms = min(ones[i].end_ms, others[j].end_ms)
        if begin_ms < end_ms:
            yield begin_ms, end_ms
        if ones[i].end_ms < others[j].end_ms:
            i += 1
        else:
            j += 1


def _all_red(log: StreetLog, record: Sequence[Any]) -> Iterator[Breach]:
    """After the flasher: whoever moves too early."""
    _, _, groups, _, _, (_, red_ms), _ = record
    pairs = zip(log.pictures, log.pictures[1:], strict=False)
    returns = [picture.t_ms for before, picture in pairs if before.by_flasher and not picture.by_flasher]
    for i, (name, kind, *_) in enumerate(groups):
        for span in _moving(log, i, kind, _FLASH_MS):
            place = bisect.bisect_right(returns, span.begin_ms)
            after_ms = span.begin_ms - returns[place - 1] if place else red_ms
            if after_ms < red_ms - PULL_IN_MS:
                yield Breach("S5", span.begin_ms, f"{name} moves {after_ms} ms after the flasher, due: {red_ms}")
