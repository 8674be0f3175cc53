"""What a signal says of itself: the numbers of its points, and their values."""

from micropython import const

from .detectors import PHASE, PLACES
from .interlock import FLASH, LATCHED
from .phases import NONE, PHASES
from .unit import REASON_NO_SITE, REASON_SITE

STATE, REASON, MODE, LATCH = const(1), const(2), const(3), const(4)
HOLD, PED_CALL = const(5), const(9)
PLAN, PLAN_LOAD, DAYS_LOAD, OFFSET, RECALL = const(10), const(11), const(12), const(13), const(14)
EDITION, ASPECTS, RINGS, CALLS = const(15), const(16), const(18), const(20)
CYCLE, PRIORITY, DETECTORS, FAULTS, MONITOR = const(21), const(22), const(23), const(24), const(25)
FLOW, OCCUPANCY = const(41), const(49)
ID_LIMIT = const((1 << 48) - 1)
_ASPECT_BITS = const(4)
_GROUPS_A_POINT = const(8)


def state(unit, holdings) -> dict:
    """{STATE, REASON, MONITOR: value}. `unit` is None without a site record that can be used."""
    if unit is None:
        mode, reason = (LATCHED, REASON_SITE) if holdings.problem else (FLASH, REASON_NO_SITE)
        return {STATE: mode, REASON: reason, MONITOR: 0}
    monitor = unit.monitor
    return {STATE: unit.interlock.mode, REASON: unit.reason, MONITOR: monitor.reason | monitor.group + 1 << 8}


def shown(unit) -> dict:
    """Values of ASPECTS, RINGS, CALLS, CYCLE, PRIORITY, FAULTS."""
    values = {ASPECTS: 0, ASPECTS + 1: 0}
    for i, aspect in enumerate(unit.interlock.aspects):
        values[ASPECTS + i // _GROUPS_A_POINT] |= aspect << _ASPECT_BITS * (i % _GROUPS_A_POINT)
    controller = unit.controller
    if controller is None:
        return values
    calls, walking = controller.calls, 0
    for r in range(2):
        values[RINGS + r] = _ring(controller, r) if r < unit.plan.rings else 0
        if r < unit.plan.rings and controller.walking.state[r] and controller.current[r] != NONE:
            walking |= 1 << controller.current[r]
    due = controller.bound.due
    values[CALLS] = calls.vehicles | calls.pedestrians << 8 | due << 16 | walking << 24
    values[CYCLE] = controller.coordination.position if controller.coordination else -1
    preemption = controller.preemption
    values[PRIORITY] = preemption.stage | preemption.row << 4 | controller.transit.granted + 1 << 8
    values[FAULTS] = unit.detectors.failed()
    return values


def traffic(unit, ticks: int) -> dict:
    """Values of FLOW and OCCUPANCY over the `ticks` since the last time."""
    counts, covered, loops = [0] * PHASES, [0] * PHASES, [0] * PHASES
    detectors = unit.detectors
    for i in range(len(detectors.faults)):
        vehicles, occupied = detectors.take(i)
        p = unit.plan.detectors[PLACES * i + PHASE] - 1
        if p >= 0:
            counts[p] += vehicles
            covered[p] += occupied
            loops[p] += 1
    values = {}
    for p in range(PHASES):
        if loops[p]:
            values[FLOW + p] = counts[p]
            values[OCCUPANCY + p] = min(100 * covered[p] // (loops[p] * max(ticks, 1)), 100)
    return values


def _ring(controller, r: int) -> int:
    """Phase (0: none), whether it is green, whether it would end, ticks of green, since the last vehicle, against."""
    p = controller.current[r]
    if p == NONE:
        return 0
    stage = controller.shown[r] + (controller.shown[r] and controller.ending >> p & 1)
    head = p + 1 | stage << 4
    return head | controller.green[r] << 8 | controller.gap[r] << 24 | controller.against[r] << 40
