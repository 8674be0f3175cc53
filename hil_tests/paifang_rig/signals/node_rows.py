"""The rows of the monitor's table as a tester plays them to a whole node: on the lamps' wires, while it drives them.

A fault is what is lit instead of what the node has switched on. The junction is the one of `monitor_rows`; where a row
needs the node in some state it is brought there by its own plan: all red when nobody calls, street A green as long as
its detector is covered, amber when it is not any more. What a whole node cannot be made to do is left out, or done in
another way:

- *no lamp on a face*: a lamp that is asked for and out is another row, "not as asked", which trips sooner. A face that
  is asked to be dark is so in the dark half of a clearance: there the controller stands still.
- *controller stalls*: samples go on, ticks do not come.
- *relay closed while let go*: somebody turns the flash switch; the relay is welded, or takes its time.
- *amber and red too short*: the street's green goes out 240 ms late and the other's comes 200 ms early; each by itself
  is ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .monitor_rows import QUIET, ROWS, STREET_A, Lamps, Row, World, lasting
from .seen import SAMPLE_MS, Seen
from .shipped import phases, site
from .street import AMBER_SHIFT, GREEN_SHIFT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .node_stage import Stage

A_CALLS, B_CALLS = Seen(detectors=0b01), Seen(detectors=0b10)
NOBODY, A_WALKS = Seen(), Seen(detectors=0b01, pedestrians=0b01)
FLASH_SWITCH = Seen(detectors=0b01, flash=True)
_AMBER_A = Lamps(0b110, 0b001)
_WALK = Lamps(0b010, 0, 0b101)
_RED_OUT = Lamps(0b100, 0, 0b001)
_LATE_GREEN_MS, _EARLY_GREEN_MS = 240, 200
_AMBER_MS, _SHORT_MS, _LONG_MS = 3_000, 2_600, 2_800
_DARK_MS, _FLASH_HALF_TICKS = 680, 5
_WATCH_MS = 1_500


class Played(NamedTuple):
    """A row with its scenes. A scene plays a fault whose phase against the sampling is given in ms, and gives after how
    many ms the monitor has tripped, None if it has not.
    """

    row: Row
    tripping: tuple[Callable[[Stage, int], int | None], ...]
    ignored: tuple[Callable[[Stage, int], int | None], ...]


def site_record(options: int = 0) -> list[Any]:
    """Two streets and a crossing, at the floors; no red between the amber of the one and the green of the other."""
    groups: list[list[Any]] = [
        ["street A", 0, 5_000, [0, 0, _AMBER_MS], 2_000, 0, 120_000],
        ["street B", 0, 5_000, [0, 0, _AMBER_MS], 2_000, 0, 120_000],
        ["crossing", 1, 7_000, [3_000], 2_000, 3_200, 120_000],
    ]
    pairs = [[i, j, 3_000] for i, j in ((0, 1), (1, 0), (1, 2), (2, 1))]
    return [site.VERSION, "US", groups, [0b010, 0b101, 0b010], pairs, [4_000, 3_000], [options] if options else []]


def plan_record() -> list[Any]:
    """One ring of two phases that rest in red; the crossing beside street A."""
    rows = [[1, 0b001, 0b100], [2, 0b010, 0]]
    times = [5_000, 1_000, 20_000]
    rows = [[*row, *times, 7_000 if row[2] else 0, 0, 0, 0, _AMBER_MS, 0, phases.RED_REST] for row in rows]
    return [1, "tester", rows, [[[1], [2]]], None, [], [], [[n, 0, 0, 0, 0, 0, 0] for n in (1, 2)]]


def lamps_of(lamps: Lamps) -> int:
    """Bits as in `street`."""
    return lamps.red | lamps.amber << AMBER_SHIFT | lamps.green << GREEN_SHIFT


# States of the node that a scene begins in


def all_red(stage: Stage) -> None:
    stage.bring(NOBODY, QUIET)


def a_green(stage: Stage) -> None:
    stage.bring(A_CALLS, STREET_A)


def a_amber(stage: Stage) -> None:
    a_green(stage)
    stage.bring(NOBODY, _AMBER_A, settled=False)


_STATES = {QUIET: all_red, STREET_A: a_green, _AMBER_A: a_amber}


# Scenes


def world(shown: World) -> Callable[[Stage, int], int | None]:
    """What the world shows from 0 on, as far as it is not what the node shows anyway, in the state before 0."""
    before = shown(-1)

    def scene(stage: Stage, phase_ms: int) -> int | None:
        _STATES[before](stage)
        stage.run(SAMPLE_MS * (phase_ms % 5))  # so that the ticks come at any place in the fault
        return stage.watch(lambda t_ms: shown(t_ms) if shown(t_ms) != before else None, phase_ms, _WATCH_MS)

    return scene


def amber_of(ms: int) -> Callable[[Stage, int], int | None]:
    """Red comes so long after the begin of an amber; the fault begins with it."""

    def scene(stage: Stage, phase_ms: int) -> int | None:
        a_amber(stage)
        stage.run(ms - SAMPLE_MS)
        ends_ms = _AMBER_MS - ms
        return stage.watch(lambda t_ms: QUIET if 0 <= t_ms < ends_ms else None, phase_ms, _WATCH_MS)

    return scene


def usual_end(stage: Stage, phase_ms: int) -> int | None:
    """A green ends as it does, and the other street's begins as it does."""
    del phase_ms
    a_green(stage)
    stage.seen = B_CALLS
    return stage.watch(lambda _: None, 0, _AMBER_MS + 3 * _WATCH_MS)


def short_clearance(stage: Stage, phase_ms: int) -> int | None:
    """The green goes out late and the other one comes early."""
    a_amber(stage)
    stage.seen = B_CALLS
    late = stage.watch(lambda t_ms: STREET_A if t_ms < _LATE_GREEN_MS else None, phase_ms, _LATE_GREEN_MS)
    if late is not None:
        return late
    stage.run(_AMBER_MS - _EARLY_GREEN_MS - _LATE_GREEN_MS - SAMPLE_MS)
    both = Lamps(0b100, 0b001, 0b010)
    return stage.watch(lambda t_ms: both if 0 <= t_ms < _EARLY_GREEN_MS else None, phase_ms, _WATCH_MS)


def dark_half(stage: Stage, phase_ms: int) -> int | None:
    """The controller stands still while the crossing's clearance is dark."""
    _to_dark_half(stage)
    return stage.watch(lambda t_ms: STREET_A._replace(beats=False) if t_ms >= 0 else None, phase_ms, _WATCH_MS)


def long_dark_half(stage: Stage, phase_ms: int) -> int | None:
    """As before, for less than must trip."""
    _to_dark_half(stage)
    pause_ms = _DARK_MS - 100 * _FLASH_HALF_TICKS
    still = STREET_A._replace(beats=False)
    return stage.watch(lambda t_ms: still if 0 <= t_ms < pause_ms else None, phase_ms, _WATCH_MS)


def _to_dark_half(stage: Stage) -> None:
    stage.bring(A_WALKS, _WALK, settled=False)
    stage.bring(A_CALLS, Lamps(0b010, 0, 0b001), settled=False)


def let_go(*, welded: bool) -> Callable[[Stage, int], int | None]:
    """Somebody turns the flash switch; counted from when the node feeds the relay no more."""

    def scene(stage: Stage, phase_ms: int) -> int | None:
        a_green(stage)
        stage.drill.port.street.welded = welded
        stage.seen = FLASH_SWITCH
        stage.until_flash()
        found = stage.watch(lambda _: None, phase_ms, _WATCH_MS)
        stage.seen = A_CALLS
        return found

    return scene


def _worlds(row: Row, *more: World) -> Played:
    return Played(row, tuple(map(world, (*row.worlds, *more))), tuple(map(world, row.ignored)))


_ROW = {row.name: row for row in ROWS}
_OWN = {
    "no lamp on a face": ((dark_half,), (long_dark_half,)),
    "not as asked": (
        (world(lasting(_WALK)), world(lasting(_RED_OUT))),
        (world(lasting(_WALK, 299)), world(lasting(_RED_OUT, 299))),
    ),
    "amber left out": ((world(_ROW["amber left out"].worlds[0]),), (usual_end,)),
    "amber too short": ((amber_of(_SHORT_MS),), (amber_of(_LONG_MS),)),
    "amber and red too short": ((short_clearance,), (usual_end,)),
    "relay closed while let go": ((let_go(welded=True),), (let_go(welded=False),)),
}
"""Scenes of the rows that are not what their worlds are: what trips, what is ignored."""

NODE_ROWS: tuple[Played, ...] = tuple(
    Played(row, *_OWN[row.name]) if row.name in _OWN else _worlds(row) for row in ROWS
)
