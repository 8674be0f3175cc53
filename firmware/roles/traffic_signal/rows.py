"""Whether the other rows of a plan's record, and its cycle, go with its phases and rings."""

from .phases import EMERGENCY, RAIL, SHORTWAY
from .structure import TICK_MS


def checking(record, reasons):
    """Add every reason why a record whose phases and rings have been checked is no plan; yields between steps."""
    _, _, rows, rings, coordination, preempts, transit, detectors = record
    known = sum([1 << row[0] - 1 for row in rows])
    _check_rows(known, preempts, transit, detectors, reasons)
    yield
    if coordination:
        _check_cycle(rows, rings, coordination, known, reasons)


def _check_rows(known: int, preempts, transit, detectors, reasons) -> None:
    for i, row in enumerate(preempts):
        name = "preemption %d: " % (i + 1)
        if row[0] not in (EMERGENCY, RAIL):
            reasons.append(name + "kind %d is not known" % row[0])
        if (row[2] | row[4] | row[7]) & ~known:
            reasons.append(name + "a phase that the plan does not have")
        if not row[4]:
            reasons.append(name + "no phase to dwell in")
        if row[0] == RAIL and not row[2]:
            reasons.append(name + "rail without a phase that clears the track")
        if i and row[0] == RAIL and preempts[i - 1][0] == EMERGENCY:
            reasons.append(name + "rail goes before emergency vehicles")
    for i, row in enumerate(transit):
        if not 1 <= row[0] <= 8 or not known >> row[0] - 1 & 1:
            reasons.append("priority %d: a phase that the plan does not have" % (i + 1))
        if not row[1] and not row[2]:
            reasons.append("priority %d: neither an extension nor an early green" % (i + 1))
        if not row[3]:
            reasons.append("priority %d: no lockout" % (i + 1))
    for i, row in enumerate(detectors):
        if row[0] > 8 or (row[0] and not known >> row[0] - 1 & 1):
            reasons.append("detector %d: a phase that the plan does not have" % (i + 1))


def _check_cycle(rows, rings, coordination, known: int, reasons) -> None:
    cycle, offset, splits, coordinated, transition, floating = coordination
    split_of = {row[0]: ms for row, ms in zip(rows, splits)}
    for ms in [cycle, offset] + splits:
        if ms % TICK_MS:
            reasons.append("coordination: %d ms is no multiple of %d ms" % (ms, TICK_MS))
    if not 10_000 <= cycle <= 600_000:
        reasons.append("cycle of %d ms: expected 10 s to 600 s" % cycle)
    if offset >= max(cycle, 1):
        reasons.append("offset of %d ms: expected less than the cycle, %d ms" % (offset, cycle))
    if transition > SHORTWAY or floating > 1:
        reasons.append("coordination: transition %d or floating %d is not known" % (transition, floating))
    _check_coordinated(rings, coordinated, known, reasons)
    sums = [[sum([split_of[number] for number in side]) for side in ring] for ring in rings]
    for side in range(len(rings[0])):
        here = [ring[side] for ring in sums]
        if min(here) != max(here) and min(here):
            text = "ring mismatch: before barrier %d ring 1 has %d ms, ring 2 %d ms"
            reasons.append(text % (side + 1, here[0], here[1]))
    total = sum([max([ring[side] for ring in sums]) for side in range(len(rings[0]))])
    if total != cycle:
        reasons.append("splits of the sides sum up to %d ms, the cycle is %d ms" % (total, cycle))


def _check_coordinated(rings, coordinated: int, known: int, reasons) -> None:
    if not coordinated or coordinated & ~known:
        reasons.append("coordination: expected phases of the plan as coordinated ones")
    homes = []
    for ring in rings:
        here = [side for side, phases in enumerate(ring) for number in phases if coordinated >> number - 1 & 1]
        homes += here
        if len(here) > 1:
            reasons.append("coordination: more than one coordinated phase in a ring")
    if len(set(homes)) > 1:
        reasons.append("coordination: the coordinated phases lie on different sides of a barrier")
