"""Whether a plan's record is one: its shape, and its phases and rings over the site's groups."""

from micropython import const

from .measures import groups_of, least_open
from .phases import OPTIONS
from .plans import VERSION

TICK_MS = const(100)
LONGEST_MS = const(6_000_000)
PHASE_LONGEST_MS = const(240_000)
"""Sums of all phases' times fit 16 bits of ticks."""
ROWS_LIMIT = const(8)
DETECTORS_LIMIT = const(32)

(
    NUMBER,
    VEHICLE_GROUPS,
    PED_GROUPS,
    LEAST,
    PASSAGE,
    MOST,
    WALK,
    BEFORE,
    TO_REDUCE,
    LEAST_GAP,
    AMBER,
    RED,
    OPTION_BITS,
) = range(13)
"""Places in a phase's row of a plan record."""
CYCLE, OFFSET, SPLITS, COORDINATED, TRANSITION, FLOATING = range(6)

_LENGTHS = (13, 9, 4, 7)
"""Of the rows of phases, preemptions, priorities and detectors."""


def checking(record, site, reasons):
    """Add every reason why a record is no plan for a site (`tables.Site`) to `reasons`; yields between steps."""
    reasons += _shape(record)
    if reasons:
        return
    rows, rings = record[2:4]
    _check_phases(rows, site, reasons)
    yield
    _check_rings(rows, rings, reasons)
    if not reasons:
        yield from _checking_groups(rows, rings, site, reasons)


def _shape(record) -> list:
    if not isinstance(record, list) or len(record) != 8:
        return ["the plan is no list of 8 parts"]
    version, name, rows, rings, coordination, preempts, transit, detectors = record
    if type(version) is not int or version != VERSION:
        return ["version %r: this firmware reads version %d" % (version, VERSION)]
    reasons = []
    if not isinstance(name, str) or not name:
        reasons.append("name: expected a text")
    limits = (ROWS_LIMIT, ROWS_LIMIT, ROWS_LIMIT, DETECTORS_LIMIT)
    words = ("phases", "preemptions", "priorities", "detectors")
    for table, length, limit, word in zip((rows, preempts, transit, detectors), _LENGTHS, limits, words):
        if not isinstance(table, list) or len(table) > limit or not all([_is_ints(row, length) for row in table]):
            reasons.append("%s: expected at most %d rows of %d numbers" % (word, limit, length))
    if reasons:
        return reasons
    if not rows or not _is_rings(rings):
        reasons.append("rings: expected one or two rings of one to four sides of phases")
    is_cycle = isinstance(coordination, list) and len(coordination) == 6 and _is_ints(coordination[2], len(rows))
    if coordination is not None and not (is_cycle and _is_ints(coordination[:2] + coordination[3:], 5)):
        reasons.append("coordination: expected [cycle, offset, [a split a phase], phases, transition, floating]")
    return reasons


def _is_ints(value, count: int) -> bool:
    is_list = isinstance(value, list) and len(value) == count
    return is_list and all([type(item) is int and 0 <= item <= LONGEST_MS for item in value])


def _is_rings(rings) -> bool:
    if not isinstance(rings, list) or not 1 <= len(rings) <= 2:
        return False
    for ring in rings:
        if not isinstance(ring, list) or not 1 <= len(ring) <= 4:
            return False
        if not all([isinstance(side, list) and _is_ints(side, len(side)) for side in ring]):
            return False
    return True


def _check_phases(rows, site, reasons) -> None:
    numbers = [row[0] for row in rows]
    for i, row in enumerate(rows):
        number = row[0]
        if not 1 <= number <= 8 or number in numbers[:i]:
            reasons.append("phase %d: expected each number from 1 to 8 once" % number)
        if (row[1] | row[2]) >> site.count:
            reasons.append("phase %d: a group that the site does not have" % number)
        elif not row[1]:
            reasons.append("phase %d: no vehicle group" % number)
        elif [i for i in groups_of(row[1]) if site.kinds[i]] or [i for i in groups_of(row[2]) if not site.kinds[i]]:
            reasons.append("phase %d: vehicle and pedestrian groups are mixed up" % number)
        else:
            _check_times(row, site, reasons)


def _check_times(row, site, reasons) -> None:
    name = "phase %d: " % row[NUMBER]
    for ms in row[LEAST : RED + 1]:
        if ms % TICK_MS or ms > PHASE_LONGEST_MS:
            reasons.append(name + "%d ms is no multiple of %d ms up to %d ms" % (ms, TICK_MS, PHASE_LONGEST_MS))
    for place, groups, word in ((LEAST, row[1], "least green"), (WALK, row[2], "walk")):
        floor = max([0] + [least_open(site, i) * site.tick_ms for i in groups_of(groups)])
        if row[place] < floor:
            reasons.append(name + "%s of %d ms is below the site's %d ms" % (word, row[place], floor))
    if row[MOST] < row[LEAST]:
        reasons.append(name + "most green of %d ms is below the least, %d ms" % (row[MOST], row[LEAST]))
    if row[LEAST_GAP] > row[PASSAGE]:
        reasons.append(name + "least gap is above the passage time")
    if row[OPTION_BITS] & ~OPTIONS:
        reasons.append(name + "options %d: not known" % row[OPTION_BITS])


def _check_rings(rows, rings, reasons) -> None:
    if len({len(ring) for ring in rings}) > 1:
        reasons.append("rings: ring 1 has %d sides, ring 2 has %d" % (len(rings[0]), len(rings[1])))
        return
    placed = [number for ring in rings for side in ring for number in side]
    for number in [row[0] for row in rows]:
        if placed.count(number) != 1:
            reasons.append("phase %d: stands %d times in the rings, expected once" % (number, placed.count(number)))
    for number in placed:
        if number not in [row[0] for row in rows]:
            reasons.append("phase %d: stands in a ring, but is not described" % number)
    for side in range(len(rings[0])):
        if not [number for ring in rings for number in ring[side]]:
            reasons.append("side %d: no ring has a phase there" % (side + 1))


def _checking_groups(rows, rings, site, reasons):
    served = 0
    groups = {row[0]: row[1] | row[2] for row in rows}
    for mask in groups.values():
        served |= mask
    for i in range(site.count):
        if not served >> i & 1:
            reasons.append("%s is served by no phase" % site.name(i))
    pairs = [(number, number) for number in groups]
    if len(rings) == 2:
        for one, other in zip(rings[0], rings[1]):
            pairs += [(p, q) for p in one for q in other]
    for p, q in pairs:
        yield None
        for i in groups_of(groups[p]):
            for j in groups_of(groups[q] & site.conflicts[i]):
                text = "phases %d and %d run together, but %s and %s conflict"
                reasons.append(text % (p, q, site.name(i), site.name(j)))
