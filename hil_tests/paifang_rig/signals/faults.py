"""What may go wrong between a node and its lamps, and how long it takes until the flasher is what people see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import street_oracle
from .drill import LATCHED, Drill
from .street import Street, lamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .oracle import Breach
    from .street_log import StreetLog

_COLOURS = (("red", "amber", "green"), ("red", "green"))
"""Lamps of a face by its kind."""
_REMEMBERED_MS = 666
"""After so long without it a monitor has forgotten a fault: ATSI PCMT-8000 p. 17."""


class Fault(NamedTuple):
    """`act` makes it."""

    name: str
    act: Callable[[Street], None]


class Verdict(NamedTuple):
    """Of one fault. `hidden_ms`: from the fault until the street shows it, None: it never did; `flash_ms`: from then to
    the flasher, None: it never came; `reason`: what the node says; `breaches` of the rules of the street.

    What showed for a moment and was then hidden for longer than a monitor remembers is another time.
    """

    fault: Fault
    hidden_ms: int | None
    flash_ms: int | None
    reason: int
    breaches: list[Breach]


def stuck(record: Sequence[Any]) -> list[Fault]:
    """Each output of each group lit for ever, and dark for ever."""
    faults: list[Fault] = []
    for name, bit in _lamps(record):
        faults.append(Fault(f"{name} stuck on", lambda street, bit=bit: setattr(street, "stuck_on", bit)))
        faults.append(Fault(f"{name} stuck off", lambda street, bit=bit: setattr(street, "stuck_off", bit)))
    return faults


def swapped(record: Sequence[Any]) -> list[Fault]:
    """Each two outputs with their wires swapped."""
    lamps = _lamps(record)
    return [
        Fault(f"{one} swapped with {other}", lambda street, pair=(a, b): setattr(street, "swapped", (pair,)))
        for place, (one, a) in enumerate(lamps)
        for other, b in lamps[:place]
    ]


def foreign(record: Sequence[Any]) -> list[Fault]:
    """Each lamp fed from elsewhere, behind the relay."""
    return [
        Fault(f"{name} fed from elsewhere", lambda street, bit=bit: setattr(street, "foreign", bit))
        for name, bit in _lamps(record)
    ]


def play(drill: Drill, fault: Fault, record: Sequence[Any], ticks: int) -> Verdict:
    """The fault comes to a node that runs, and stays for at most so many ticks."""
    began_ms = drill.t_ms
    first = len(drill.street.pictures) - 1
    fault.act(drill.port.street)
    for _ in range(ticks):
        drill.tick()
        if drill.mode == LATCHED and not drill.port.street.relay_closed:
            break
    log = drill.street.part(first)
    flash_ms = drill.flashes_ms(began_ms)
    shows_ms = _shows_ms(log, began_ms)
    return Verdict(
        fault,
        None if shows_ms is None else shows_ms - began_ms,
        None if shows_ms is None or flash_ms is None else flash_ms - shows_ms,
        drill.port.reason,
        street_oracle.judge(log, record),
    )


def _shows_ms(log: StreetLog, began_ms: int) -> int | None:
    """When that began to be seen which the flasher, if any, has ended."""
    shows_ms, seen_ms = None, -_REMEMBERED_MS
    ends = [picture.t_ms for picture in log.pictures[1:]] + [log.end_ms]
    for picture, end_ms in zip(log.pictures, ends, strict=True):
        if picture.by_flasher or picture.t_ms < began_ms or picture.lit == picture.asked:
            continue
        if picture.t_ms - seen_ms >= _REMEMBERED_MS:
            shows_ms = picture.t_ms
        seen_ms = end_ms
    return shows_ms


def report(verdicts: Sequence[Verdict]) -> str:
    """How many, how quick, and each that was not as it should be."""
    times = [verdict.flash_ms for verdict in verdicts if verdict.flash_ms is not None]
    span = f"{min(times)}-{max(times)} ms" if times else "never"
    unseen = [verdict.fault.name for verdict in verdicts if verdict.hidden_ms is None]
    lines = [f"{len(verdicts)} faults, {len(times)} flash {span} after they show, {len(unseen)} never show"]
    lines += [f"    {v.fault.name}: {breach}" for v in verdicts for breach in v.breaches]
    return "\n".join(lines)


def _lamps(record: Sequence[Any]) -> list[tuple[str, int]]:
    return [
        (f"{group[0]} {colour}", lamp(i, colour)) for i, group in enumerate(record[2]) for colour in _COLOURS[group[1]]
    ]
