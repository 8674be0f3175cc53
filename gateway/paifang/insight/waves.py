"""Green waves: offsets along an arterial with which the widest bands of traffic run through on green, both ways.

The bandwidth of a direction is for how long, in each cycle, somebody who enters the arterial then and drives at its
speed meets no red at all (Little, 1966). The sum of both, weighted, is made as great as it can be: not approximately,
but over all offsets there are. Everything is in ms, and moments in multiples of `STEP_MS`, as a node keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STEP_MS = 100
"""A node's tick."""
NONE_MS = -1
"""Bandwidth of a direction that is given up: its green constrains nothing."""


class Green(NamedTuple):
    """Green of a direction in each cycle: how long it is sure to last, and when it ends after the coordination point.

    That point is where the offset puts it: the end of the last coordinated phase. Negative: before it.
    """

    lasts_ms: int
    ends_ms: int = 0


class Junction(NamedTuple):
    """One along the arterial. `out_ms`, `back_ms`: travel times from and to the one before it, 0 for the first."""

    out: Green
    back: Green
    out_ms: int = 0
    back_ms: int = 0


@dataclass(frozen=True, slots=True)
class Arterial:
    """`junctions` in the order in which the outbound direction meets them; weights such as vehicles an hour."""

    cycle_ms: int
    junctions: tuple[Junction, ...]
    out_weight: float = 1.0
    back_weight: float = 1.0


class Wave(NamedTuple):
    """Offsets in the order of the junctions, 0 for the first; for how long a cycle lets traffic through each way."""

    offsets_ms: tuple[int, ...]
    out_ms: int
    back_ms: int


class _Place(NamedTuple):
    """A junction seen from the first one: greens of both directions as (begin, end), the return band's shifted so that
    both bands are at rest. With an offset `a` more than the outbound travel time, they are at begin + a ... end + a.
    """

    out: tuple[int, int]
    back: tuple[int, int]


def best(arterial: Arterial) -> Wave:
    """The offsets with the greatest weighted sum of bandwidths, and these."""
    cycle_ms, places, travel_ms = arterial.cycle_ms, _places(arterial), _travel_ms(arterial)
    one_way = [
        (min(place.out[1] - place.out[0] for place in places), NONE_MS, 0),
        (NONE_MS, min(place.back[1] - place.back[0] for place in places), 0),
    ]
    both = [
        (out_ms, back_ms, shift_ms)
        for shift_ms in range(0, cycle_ms, STEP_MS)
        for out_ms, back_ms in _corners(places, shift_ms, cycle_ms)
    ]
    weights = (arterial.out_weight, arterial.back_weight)
    out_ms, back_ms, shift_ms = max(both + one_way, key=lambda found: _worth(found, weights))
    ahead_ms = [_slack_middle(place, out_ms, back_ms, shift_ms, cycle_ms) for place in places]
    offsets = [at_ms + out for at_ms, (out, _) in zip(ahead_ms, travel_ms, strict=True)]
    offsets_ms = tuple((each - offsets[0]) % cycle_ms for each in offsets)
    return Wave(offsets_ms, *bandwidths(arterial, offsets_ms))


def bandwidths(arterial: Arterial, offsets_ms: Sequence[int]) -> tuple[int, int]:
    """For how long a cycle lets traffic through, outbound and back, with these offsets."""
    cycle_ms, travel_ms = arterial.cycle_ms, _travel_ms(arterial)
    out: list[tuple[int, int]] = []
    back: list[tuple[int, int]] = []
    for junction, offset_ms, (out_ms, back_ms) in zip(arterial.junctions, offsets_ms, travel_ms, strict=True):
        for arcs, green, at_ms in (
            (out, junction.out, offset_ms - out_ms),
            (back, junction.back, offset_ms + back_ms),
        ):
            end_ms = at_ms + green.ends_ms
            arcs.append((end_ms - green.lasts_ms, green.lasts_ms))
    return _widest(out, cycle_ms), _widest(back, cycle_ms)


def _travel_ms(arterial: Arterial) -> list[tuple[int, int]]:
    """Times between the first junction and each, outbound and back."""
    outs = accumulate(_rounded(junction.out_ms) for junction in arterial.junctions)
    backs = accumulate(_rounded(junction.back_ms) for junction in arterial.junctions)
    return list(zip(outs, backs, strict=True))


def _rounded(ms: float) -> int:
    return round(ms / STEP_MS) * STEP_MS


def _places(arterial: Arterial) -> list[_Place]:
    found: list[_Place] = []
    for junction, (out_ms, back_ms) in zip(arterial.junctions, _travel_ms(arterial), strict=True):
        out, back, there_and_back_ms = junction.out, junction.back, out_ms + back_ms
        back_end_ms = back.ends_ms + there_and_back_ms
        found.append(_Place((out.ends_ms - out.lasts_ms, out.ends_ms), (back_end_ms - back.lasts_ms, back_end_ms)))
    return found


def _corners(places: Sequence[_Place], shift_ms: int, cycle_ms: int) -> Iterable[tuple[int, int]]:
    """Pairs of bandwidths of which none can be widened alone, if the return band begins `shift_ms` after the other.

    An offset that lets the first through up to `out` leaves `back` to the other, their sum being fixed: one such pair
    for each turn of the cycle by which the offset may differ, and the narrower of it and the green counts.
    """
    choices = [_rectangles(place, shift_ms, cycle_ms) for place in places]
    for out_ms in {out_ms for rectangles in choices for out_ms, _ in rectangles}:
        widest = [max((back for out, back in each if out >= out_ms), default=NONE_MS) for each in choices]
        if min(widest) >= 0:
            yield out_ms, min(widest)


def _rectangles(place: _Place, shift_ms: int, cycle_ms: int) -> list[tuple[int, int]]:
    (out_begin, out_end), (back_begin, back_end) = place
    out_longest, back_longest = out_end - out_begin, back_end - back_begin
    # The offset's least and greatest: band within green means -begin >= a >= width - end, for both bands.
    out_room = (shift_ms + out_end - back_begin) % cycle_ms
    found: list[tuple[int, int]] = []
    while out_room <= out_longest + back_longest:
        found.append((min(out_room, out_longest), min(out_longest + back_longest - out_room, back_longest)))
        out_room += cycle_ms
    return found


def _worth(found: tuple[int, int, int], weights: tuple[float, float]) -> tuple[float, int]:
    """Of bands that are worth the same, those with the wider narrow one."""
    widths = [max(width, 0) for width in found[:2]]
    return sum(weight * width for weight, width in zip(weights, widths, strict=True)), min(widths)


def _slack_middle(place: _Place, out_ms: int, back_ms: int, shift_ms: int, cycle_ms: int) -> int:
    """How much more than the travel time the offset is: the middle of all values that leave both bands as they are."""
    (out_begin, out_end), (back_begin, back_end) = place
    out = (out_ms - out_end, -out_begin)
    back = (shift_ms + back_ms - back_end, shift_ms - back_begin)
    if NONE_MS in (out_ms, back_ms):
        low, high = out if back_ms == NONE_MS else back
        return _rounded((low + high) / 2)
    turns = -((back[1] - out[0]) // cycle_ms)  # the least that do not leave `back` below `out`
    low, high = max(back[0] + turns * cycle_ms, out[0]), min(back[1] + turns * cycle_ms, out[1])
    return _rounded((low + high) / 2)


def _widest(arcs: Sequence[tuple[int, int]], cycle_ms: int) -> int:
    """The longest stretch that lies in all arcs (begin, length) of a circle: it begins where one of them does."""
    return max(min(_room(begin_ms, arc, cycle_ms) for arc in arcs) for begin_ms, _ in arcs)


def _room(at_ms: int, arc: tuple[int, int], cycle_ms: int) -> int:
    begin_ms, lasts_ms = arc
    return cycle_ms if lasts_ms >= cycle_ms else max(lasts_ms - (at_ms - begin_ms) % cycle_ms, 0)
