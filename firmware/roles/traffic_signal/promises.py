"""Whether a plan keeps what it promises at a site: clearances, the longest waits, splits, greens for preemptions."""

from . import measures
from .measures import groups_of, lead, least_open, rest, steps
from .structure import AMBER, LEAST, RED
from .walking import TICKS_TO_NOTICE


def checking(plan, record, site, reasons):
    """Add every reason why a `phases.Plan` cannot be used at a site (`tables.Site`); yields it between steps."""
    _, _, rows, _, coordination, preempts, _, _ = record
    _check_clearances(plan, rows, site, reasons)
    _check_bound(plan, site, reasons)
    if coordination:
        _check_splits(plan, rows, coordination, site, reasons)
    for i, row in enumerate(preempts):
        yield plan
        _check_preempt(plan, i, row, site, reasons)
    yield plan


def preempt_ticks(site, targets: int) -> int:
    """Ticks until all groups of `targets` show green when nothing else is asked for, from the worst state there is.

    Each group in the way has just begun its red-amber, or its walk; or a target has just begun to end.
    """
    longest = 0
    for j in groups_of(targets):
        own = steps(site, j) + rest(site, j, j)
        for i in groups_of(site.conflicts[j]):
            own = max(
                own,
                lead(site, i) + least_open(site, i) + steps(site, i) + rest(site, i, j),
            )
        longest = max(longest, own + lead(site, j))
    return longest + TICKS_TO_NOTICE


def _check_clearances(plan, rows, site, reasons) -> None:
    for row in rows:
        name = "phase %d: " % row[0]
        p = row[0] - 1
        amber = max([measures.amber(site, i) for i in groups_of(row[1])]) * site.tick_ms
        longest = plan.clearing[p] * site.tick_ms
        if row[AMBER] != amber:
            reasons.append(name + "made for an amber of %d ms, the site has %d ms" % (row[AMBER], amber))
        elif row[AMBER] + row[RED] < longest:
            text = "amber and red clearance of %d ms, the site needs up to %d ms before the next green"
            reasons.append(name + text % (row[AMBER] + row[RED], longest))


def _check_bound(plan, site, reasons) -> None:
    for p in groups_of(plan.known):
        for groups, place, word in (
            (plan.vehicle_groups[p], p, "vehicles"),
            (plan.ped_groups[p], 8 + p, "pedestrians"),
        ):
            if groups and plan.round[p] > plan.most_wait[place]:
                text = "phase %d: %s may wait %d ms when all hurry, the site's longest red is %d ms"
                ms = plan.round[p] * site.tick_ms
                reasons.append(text % (p + 1, word, ms, plan.most_wait[place] * site.tick_ms))


def _check_splits(plan, rows, coordination, site, reasons) -> None:
    for row, ms in zip(rows, coordination[2]):
        p = row[0] - 1
        walking = (plan.walk[p] + plan.ped_clear[p]) * site.tick_ms if plan.ped_groups[p] else 0
        least = max(row[LEAST], walking) + plan.clearing[p] * site.tick_ms
        if ms < least:
            text = "split overrun: phase %d has %d ms, its least green or walk and the clearances take %d ms"
            reasons.append(text % (p + 1, ms, least))
        elif not plan.coordinated >> p & 1 and plan.needs[p] > plan.lasts[p]:
            reasons.append("phase %d: the clearances before it leave no room in its split" % (p + 1))


def _check_preempt(plan, i: int, row, site, reasons) -> None:
    name = "preemption %d: " % (i + 1)
    for mask, word in ((row[2], "track"), (row[4], "dwell"), (row[7], "exit")):
        for p in groups_of(mask):
            for q in groups_of(mask & plan.conflicts[p]):
                if p < q:
                    reasons.append(name + "%s phases %d and %d do not run together" % (word, p + 1, q + 1))
    groups = 0
    for p in groups_of(row[2] or row[4]):
        groups |= plan.vehicle_groups[p]
    ms = preempt_ticks(site, groups) * site.tick_ms
    if row[8] < ms:
        reasons.append(name + "green within %d ms cannot be promised, it takes up to %d ms" % (row[8], ms))
