"""Those who want a signal to go wrong: what they send, tick by tick, knowing what the controller is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from street import Input

from roles.traffic_signal import calls
from roles.traffic_signal.phases import NONE

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from street import Street

EVERYBODY = 0xFF
DENSITIES = (0.0, 0.001, 0.01, 0.05, 0.3, 1.0)


def traffic(rng: random.Random, street: Street) -> Iterator[Input]:
    """Vehicles and pedestrians, from nobody at all to everybody always, changing all the time; nothing else."""
    vehicles, pedestrians = rng.choice(DENSITIES), rng.choice(DENSITIES)
    while True:
        if rng.random() < 0.02:
            vehicles, pedestrians = rng.choice(DENSITIES), rng.choice(DENSITIES)
        yield Input(_some(rng, vehicles), _some(rng, pedestrians))


def meddler(rng: random.Random, street: Street) -> Iterator[Input]:
    """Holds whoever is green, leaves out those who wait, sends buses, and presses each button just in time."""
    victim = rng.randrange(8)
    just_in_time = rng.random() < 0.5
    for given in traffic(rng, street):
        if rng.random() < 0.01:
            victim = rng.randrange(8)
        if street.ticks % 7 == 0:
            given.commands = _commands(rng, running(street), victim)
        if just_in_time:
            given.pedestrians |= _starting(street)
        given.transit = (1 << len(street.plan.transit)) - 1
        yield given


def lurker(rng: random.Random, street: Street) -> Iterator[Input]:
    """Lets hardly anybody come, holds everybody; and once the junction hurries, sends those who could still be served
    on the way, one by one, as late as it can.
    """
    controller = street.controller
    while True:
        given = Input(_some(rng, 0.002), _some(rng, 0.002))
        if street.ticks % 7 == 0:
            given.commands = [(calls.HOLD, EVERYBODY, 100)]
        if controller.bound.urgent and rng.random() < 0.04:
            given.vehicles |= 1 << rng.choice(list(controller.plan.sequence[rng.randrange(2)][controller.side]))
        yield given


def everything(rng: random.Random, street: Street) -> Iterator[Input]:
    """A meddler who can preempt, ask for priority, and send commands for no phase at all."""
    rows, buses = len(street.plan.preempts), len(street.plan.transit)
    preempts = transit = 0
    for given in meddler(rng, street):
        if rng.random() < 0.003:
            preempts = rng.getrandbits(rows) if rows and rng.random() < 0.3 else 0
        if rng.random() < 0.01:
            transit = rng.getrandbits(buses) if buses else 0
        given.preempts, given.transit = preempts, transit
        if rng.random() < 0.01:
            given.commands.append((rng.randrange(calls.COMMANDS), rng.getrandbits(8), rng.randrange(300)))
        yield given


def running(street: Street) -> int:
    """Phases that the rings run."""
    return sum(1 << p for p in street.controller.current if p != NONE)


def _starting(street: Street) -> int:
    rings = zip(street.controller.current, street.controller.shown, strict=True)
    return sum(1 << p for p, shown in rings if p != NONE and not shown)


def _some(rng: random.Random, density: float) -> int:
    return sum(1 << p for p in range(8) if rng.random() < density)


def _commands(rng: random.Random, current: int, victim: int) -> list[tuple[int, int, int]]:
    draw = rng.random()
    held = current if draw < 0.7 else rng.getrandbits(8)
    omitted = EVERYBODY & ~current if draw < 0.5 else 1 << victim
    sent: list[tuple[int, int, int]] = [(calls.HOLD, held, 100), (calls.OMIT, omitted, 100)]
    if draw < 0.3:
        sent.append((calls.FORCE_OFF, rng.getrandbits(8), 10))
    if draw < 0.1:
        sent += [(calls.CALL, rng.getrandbits(8), 20), (calls.PED_CALL, rng.getrandbits(8), 2)]
    return sent


WAITERS: dict[str, Any] = {"meddler": meddler, "lurker": lurker}
