"""What a plan's phases take at a site: clearances, shortest services, the longest wait, the windows of coordination."""

from array import array

from .blank import empty
from .measures import groups_of, lead, rest, steps
from .phases import PHASES, Plan
from .structure import (
    BEFORE,
    COORDINATED,
    CYCLE,
    FLOATING,
    LEAST,
    LEAST_GAP,
    MOST,
    NUMBER,
    OFFSET,
    OPTION_BITS,
    PASSAGE,
    PED_GROUPS,
    SPLITS,
    TO_REDUCE,
    TRANSITION,
    VEHICLE_GROUPS,
    WALK,
)
from .walking import TICKS_TO_NOTICE

MARGIN_TICKS = 5
"""Of a longest red: what is kept for calls to be noticed and greens to be shown."""


def making(record, site):
    """Yield the `phases.Plan` of a record whose structure has been checked, as far as it is made, at last all of it."""
    _, name, rows, rings, coordination, preempts, transit, detectors = record
    plan = empty(name, [[bytes([number - 1 for number in side]) for side in ring] for ring in rings])
    for row in rows:
        _fill_phase(plan, row, site)
        yield plan
    _fill_places(plan)
    for row in rows:
        _fill_conflicts(plan, row[NUMBER] - 1)
    for p in groups_of(plan.known):
        _fill_service(plan, p, site)
    for p in groups_of(plan.known):
        for q in groups_of(plan.known):
            _fill_change(plan, p, q, site)
            yield plan
    for p in groups_of(plan.known):
        plan.entry[p] += TICKS_TO_NOTICE
    _fill_bound(plan)
    yield plan
    if coordination:
        _fill_coordination(plan, rows, coordination, site.tick_ms)
        yield plan
    ticks = lambda ms: -(-ms // site.tick_ms)  # noqa: E731
    plan.preempts = [
        [row[0], ticks(row[1]), row[2], ticks(row[3]), row[4], ticks(row[5]), ticks(row[6]), row[7]] for row in preempts
    ]
    plan.transit = [[row[0] - 1, ticks(row[1]), ticks(row[2]), ticks(row[3])] for row in transit]
    plan.detectors = array("H")
    for row in detectors:
        places = [row[0], ticks(row[1]), ticks(row[2]), row[3], ticks(row[4]), ticks(row[5]), min(row[6], 0xFFFF)]
        plan.detectors.extend(array("H", places))
    yield plan


def change(plan: Plan, p: int, q: int, site) -> int:
    """Ticks from the end of phase p (its pedestrians at rest) to the green of q, 0 if no group of p is in q's way."""
    longest = 0
    for i in groups_of(plan.vehicle_groups[p] | plan.ped_groups[p]):
        for j in groups_of(plan.vehicle_groups[q] | plan.ped_groups[q]):
            if site.conflicts[i] >> j & 1:
                ticks = (0 if site.kinds[i] else steps(site, i)) + rest(site, i, j) + lead(site, j)
                longest = max(longest, ticks)
    return longest


def _fill_phase(plan: Plan, row, site) -> None:
    p = row[NUMBER] - 1
    plan.known |= 1 << p
    plan.vehicle_groups[p], plan.ped_groups[p], plan.options[p] = row[VEHICLE_GROUPS], row[PED_GROUPS], row[OPTION_BITS]
    for table, place in (
        (plan.least, LEAST),
        (plan.most, MOST),
        (plan.passage, PASSAGE),
        (plan.walk, WALK),
        (plan.before_reduction, BEFORE),
        (plan.to_reduce, TO_REDUCE),
        (plan.least_gap, LEAST_GAP),
    ):
        table[p] = -(-row[place] // site.tick_ms)
    plan.ped_clear[p] = max([0] + [steps(site, i) for i in groups_of(row[PED_GROUPS])])
    plan.ped_revert[p] = max([0] + [rest(site, i, i) for i in groups_of(row[PED_GROUPS])])
    plan.most_wait[p] = _most_red(site, row[VEHICLE_GROUPS])
    plan.most_wait[PHASES + p] = _most_red(site, row[PED_GROUPS])


def _most_red(site, groups: int) -> int:
    return min([0xFFFF] + [site.max_red_ms[i] // site.tick_ms for i in groups_of(groups)])


def _fill_places(plan: Plan) -> None:
    for ring, sides in enumerate(plan.sequence):
        for side, phases in enumerate(sides):
            for place, p in enumerate(phases):
                plan.ring_of[p], plan.side_of[p], plan.place_of[p] = ring, side, place + 1


def _fill_conflicts(plan: Plan, p: int) -> None:
    for q in groups_of(plan.known):
        if q != p and (plan.ring_of[p] == plan.ring_of[q] or plan.side_of[p] != plan.side_of[q]):
            plan.conflicts[p] |= 1 << q


def _fill_service(plan: Plan, p: int, site) -> None:
    revert = max([0] + [steps(site, i) + rest(site, i, i) + lead(site, i) for i in groups_of(plan.vehicle_groups[p])])
    plan.entry[p] = revert
    walking = plan.walk[p] + plan.ped_clear[p] + TICKS_TO_NOTICE if plan.ped_groups[p] else 0
    plan.service[p] = max(plan.least[p], walking)


def _fill_change(plan: Plan, p: int, q: int, site) -> None:
    ticks = change(plan, p, q, site)
    plan.clearing[p] = max(plan.clearing[p], ticks)
    plan.entry[q] = max(plan.entry[q], ticks)


def _fill_bound(plan: Plan) -> None:
    for sides in plan.sequence:
        for side, phases in enumerate(sides):
            total = 0
            for p in phases:
                plan.before[p] = total + plan.entry[p]
                total += plan.entry[p] + plan.service[p]
            for p in phases:
                plan.after[p] = total - plan.before[p] - plan.service[p]
            plan.side_ticks[side] = max(plan.side_ticks[side], total)
    for here in range(plan.sides):
        for there in range(plan.sides):
            side = (here + 1) % plan.sides
            while side != there:
                plan.between[here * plan.sides + there] += plan.side_ticks[side]
                side = (side + 1) % plan.sides
    for p in groups_of(plan.known):
        plan.round[p] = sum(plan.side_ticks) + plan.before[p] + MARGIN_TICKS


def _fill_coordination(plan: Plan, rows, coordination, tick_ms: int) -> None:
    plan.cycle = coordination[CYCLE] // tick_ms
    plan.offset = coordination[OFFSET] // tick_ms
    plan.coordinated = coordination[COORDINATED]
    plan.transition, plan.floating = coordination[TRANSITION], coordination[FLOATING]
    splits = {row[NUMBER] - 1: ms // tick_ms for row, ms in zip(rows, coordination[SPLITS])}
    ends = _ends(plan, splits)
    home = min([plan.side_of[p] for p in groups_of(plan.coordinated)])
    point = max([ends[p] for p in groups_of(plan.coordinated)])
    for p in groups_of(plan.coordinated):
        plan.begins[p] = (ends[p] - point) % plan.cycle
    for p in groups_of(plan.known & ~plan.coordinated):
        begin = point
        for q in groups_of(plan.coordinated):
            is_lagging = plan.ring_of[q] == plan.ring_of[p] and plan.place_of[q] < plan.place_of[p]
            if plan.side_of[p] == home and is_lagging:
                begin = ends[q]
        plan.begins[p] = (begin - point) % plan.cycle
        plan.lasts[p] = (ends[p] - begin - 1) % plan.cycle + 1
        walking = plan.walk[p] + plan.ped_clear[p] if plan.ped_groups[p] else 0
        plan.needs[p] = plan.entry[p] - TICKS_TO_NOTICE + max(plan.least[p], walking)
        plan.room[p] = splits[p] - plan.clearing[p]


def _ends(plan: Plan, splits: dict) -> dict:
    """The end of green of each phase, in ticks from the beginning of the side of the coordinated phases."""
    home = min([plan.side_of[p] for p in groups_of(plan.coordinated)])
    ends = {}
    start = 0
    for turn in range(plan.sides):
        side = (home + turn) % plan.sides
        longest = 0
        for sides in plan.sequence:
            now = 0
            for p in sides[side]:
                now += splits[p]
                ends[p] = start + now - plan.clearing[p]
            longest = max(longest, now)
        start += longest
    return ends
