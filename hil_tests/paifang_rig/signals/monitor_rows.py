"""What a tester plays to a conflict monitor: faults as they look in the street, and when they must and must not trip.

Times are those of testers in the field (ignore and trip of ATSI PCMT-8000: conflict 200/450 ms, no lamp 700/1000 ms,
supply 125/175 ms); what is asked of this monitor beyond them stands in `own_ms`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .shipped import monitor

LONGEST_MS = 3_000
BEFORE_MS = 9_000
"""What a world shows before 0 begins here; earlier the junction is quiet."""

# The junction under test: two streets and a crossing. Group 2, the crossing, may walk with group 0.
GROUPS = 3
MATRIX = (0b010, 0b101, 0b010)
VEHICLES = 0b011


class Lamps(NamedTuple):
    """What is lit, as a bitmask of groups a colour; what else the monitor sees; what the controller has asked for."""

    red: int = 0b111
    amber: int = 0
    green: int = 0
    supply: bool = True
    steady: bool = True
    beats: bool = True
    relay_closed: bool = True
    asked: tuple[int, int, int] | None = None


QUIET = Lamps()
STREET_A = Lamps(0b110, 0, 0b001)
World = Callable[[int], Lamps]
"""What is to be seen at a time in ms; the fault begins at 0, a quiet junction before it."""


def lasting(fault: Lamps, ms: int = LONGEST_MS, otherwise: Lamps = STREET_A) -> World:
    """`fault` for `ms`, then all is well again."""
    return lambda t_ms: fault if 0 <= t_ms < ms else otherwise


def pulsed(fault: Lamps, on_ms: int, every_ms: int) -> World:
    """`fault` for `on_ms` in each `every_ms`."""
    return lambda t_ms: fault if t_ms >= 0 and t_ms % every_ms < on_ms else STREET_A


def sequence(*parts: tuple[int, Lamps]) -> World:
    """Each part from its time on; the first from before 0."""

    def world(t_ms: int) -> Lamps:
        shown = parts[0][1]
        for begin_ms, lamps in parts:
            if t_ms >= begin_ms:
                shown = lamps
        return shown

    return world


@dataclass(frozen=True)
class Row:
    """A row of the table. `worlds`: what must trip it, with `reason`; `ignored`: what must not.

    `least_ms`, `most_ms`: when it must have tripped, counted from the fault; `own_ms`: (about, give or take) of this
    monitor; `latches`: through a loss of power; `options` of the monitor.
    """

    name: str
    reason: int
    worlds: tuple[World, ...]
    ignored: tuple[World, ...]
    least_ms: int
    most_ms: int
    own_ms: tuple[int, int] | None = None
    latches: bool = True
    options: int = 0


_GREENS = Lamps(0b100, 0, 0b011)
_AMBER_A = Lamps(0b110, 0b001)
_STREET_B = Lamps(0b101, 0, 0b010)
_DARK_FACE = Lamps(0b100, 0, 0b001)
_SUPPLY = STREET_A._replace(supply=False)
_RED_GREEN = Lamps(0b111, 0, 0b001)
_NOT_ASKED = STREET_A._replace(asked=(0b101, 0, 0b010))
_AMBER_A_GREEN_B = Lamps(0b100, 0b001, 0b010)
_CONFLICTS = (
    (_GREENS, STREET_A),
    (Lamps(0b100, 0b010, 0b001), STREET_A),
    (_AMBER_A_GREEN_B, _AMBER_A),
    (Lamps(0b100, 0b011, 0), _AMBER_A),
    (Lamps(0b001, 0, 0b110), QUIET),
    (Lamps(0b001, 0b010, 0b100), QUIET),
)
"""Green, amber and walk with one another; what was shown before."""
_LATCH_SUPPLY = monitor.LATCH_SUPPLY
_CLEAR_MS = 800

ROWS: tuple[Row, ...] = (
    Row(
        "conflict",
        monitor.CONFLICT,
        tuple(lasting(lamps, LONGEST_MS, before) for lamps, before in _CONFLICTS),
        tuple(lasting(lamps, 199, before) for lamps, before in _CONFLICTS),
        200,
        450,
        (300, 20),
    ),
    Row("no lamp on a face", monitor.NO_LAMP, (lasting(_DARK_FACE),), (lasting(_DARK_FACE, 699),), 700, 1_000),
    Row("two indications on a face", monitor.DUAL, (lasting(_RED_GREEN),), (lasting(_RED_GREEN, 299),), 300, 450),
    Row("not as asked", monitor.MISMATCH, (lasting(_NOT_ASKED),), (lasting(_NOT_ASKED, 299),), 300, 450),
    Row(
        "amber left out",
        monitor.NO_AMBER,
        (sequence((-1, STREET_A), (0, QUIET)),),
        (sequence((-1, STREET_A), (0, _AMBER_A), (3_000, QUIET)),),
        0,
        100,
    ),
    Row(
        "amber too short",
        monitor.SHORT_AMBER,
        (sequence((-9_000, STREET_A), (-2_600, _AMBER_A), (0, QUIET)),),
        (sequence((-9_000, STREET_A), (-2_800, _AMBER_A), (0, QUIET)),),
        0,
        100,
    ),
    Row(
        "amber and red too short",
        monitor.SHORT_CLEARANCE,
        (sequence((-9_000, STREET_A), (-2_600, _AMBER_A), (0, _AMBER_A_GREEN_B), (200, _STREET_B)),),
        (sequence((-9_000, STREET_A), (-3_000, _AMBER_A), (0, _STREET_B)),),
        0,
        450,
    ),
    Row(
        "conflict in pulses of 100 ms each 200 ms",
        monitor.CONFLICT,
        (pulsed(_GREENS, 100, 200),),
        (pulsed(_GREENS, 100, 100 + _CLEAR_MS),),
        400,
        900,
    ),
    Row("supply low", monitor.SUPPLY, (lasting(_SUPPLY),), (lasting(_SUPPLY, 124),), 125, 175, latches=False),
    Row(
        "supply low, latching",
        monitor.SUPPLY,
        (lasting(_SUPPLY),),
        (lasting(_SUPPLY, 124),),
        125,
        175,
        options=_LATCH_SUPPLY,
    ),
    Row(
        "controller stalls",
        monitor.STALLED,
        (lasting(STREET_A._replace(beats=False)),),
        (lasting(STREET_A._replace(beats=False), 500),),
        500,
        1_500,
    ),
    Row(
        "relay closed while let go",
        monitor.RELAY,
        (lasting(Lamps(0, 0b011, 0, steady=False)),),
        (lasting(Lamps(0, 0b011, 0, steady=False), 100),),
        100,
        500,
    ),
)
