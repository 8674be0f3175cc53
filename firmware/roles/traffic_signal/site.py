"""The site safety record: what a junction may never do, checked with every reason named, and made into tables.

    [version, country,
     [[name, kind, least open ms, [fixed ms, ...], red-revert ms, crossing mm or 0, most red ms], ...],
     [conflict bitmask of each group], [[from, to, intergreen ms] of every ordered conflicting pair],
     [flash ms, all-red ms], monitor options]

Fixed times: of a vehicle group [red-amber, flashing green, amber], of a pedestrian group [clearance], 0 where the
country has no such step. An intergreen counts from the end of green (flashing green, walk, pedestrian clearance) of
the one to the first aspect of the other that is not at rest. No record can go below the floors that stand here and in
the countries' tables.
"""

from array import array
from binascii import crc32

from micropython import const

from paifang_wire import cbor
from paifang_wire.errors import WireError

from . import aspects, countries
from .tables import ROW, Site

VERSION = const(1)
GROUPS_LIMIT = const(16)
TICK_MS = const(100)
LONGEST_MS = const(600_000)
INTERGREEN_LIMIT_MS = const(60_000)
FLASH_FLOOR_MS = const(4_000)
"""An initial flash of 4-11 s is what testers of monitors accept: ATSI PCMT-8000 p. 15."""
WALKING_MM_PER_S = const(1_070)
"""3.5 ft/s: MUTCD 2009 fig. 4E-2."""

_NAME, _KIND, _OPEN, _FIXED, _REVERT, _CROSSING, _MOST_RED = range(7)
_STEPS = (
    (aspects.RED_AMBER, aspects.GREEN_FLASH, aspects.AMBER),
    (aspects.WALK_FLASH,),
)
"""By kind: the steps whose times a record gives, in its order."""
_AMBER = const(2)
"""Place of the amber among the times of a vehicle group."""
_REST = (aspects.RED, aspects.DONT_WALK)
_OPENS = (aspects.GREEN, aspects.WALK)
_WORDS = {
    aspects.RED: "red-revert",
    aspects.DONT_WALK: "red-revert",
    aspects.RED_AMBER: "red-amber",
    aspects.GREEN: "minimum green",
    aspects.GREEN_FLASH: "flashing green",
    aspects.AMBER: "amber",
    aspects.WALK: "walk",
    aspects.WALK_FLASH: "pedestrian clearance",
}


class SiteError(ValueError):
    """A record that cannot be used; `.reasons` says why, one text a reason."""

    def __init__(self, reasons) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def decode(payload: bytes, tick_ms: int = TICK_MS) -> Site:
    """Return the tables of an encoded record. Raises SiteError with every reason of `check`."""
    try:
        record = cbor.decode(payload)
    except WireError as error:
        raise SiteError(["the record is no canonical CBOR: " + str(error)])
    return tables(record, crc32(payload), tick_ms)


def tables(record, crc: int, tick_ms: int = TICK_MS) -> Site:
    """Return the tables of a record; `crc`: of its encoding. Raises SiteError with every reason of `check`."""
    reasons = check(record)
    if reasons:
        raise SiteError(reasons)
    return _tables(record, crc, tick_ms)


def check(record) -> list:
    """Return every reason why a record cannot be used, each with the group it is about; [] if it can."""
    reasons = _shape(record)
    if reasons:
        return reasons
    _, country, groups, conflicts, intergreens, start, _ = record
    table = countries.COUNTRIES[country]
    for group in groups:
        _check_group(group, table, reasons)
    _check_names(groups, reasons)
    _check_matrix(groups, conflicts, reasons)
    if not reasons:
        _check_intergreens(groups, conflicts, intergreens, table, reasons)
    if not reasons:
        _check_start(groups, intergreens, start, reasons)
        _check_most_red(groups, intergreens, reasons)
    return reasons


def rows_of(country: str, kind: int) -> tuple:
    """Rows (aspect, least ms, most ms) of a kind of group."""
    return countries.COUNTRIES[country][kind]


def times_of(group, country: str) -> list:
    """[(aspect, ms), ...] of the steps that a group has, in the order in which it shows them, rest first."""
    kind = group[_KIND]
    given = dict(zip((_REST[kind], _OPENS[kind]) + _STEPS[kind], [group[_REVERT], group[_OPEN]] + group[_FIXED]))
    return [(row[0], given[row[0]]) for row in rows_of(country, kind) if given[row[0]]]


def _shape(record) -> list:
    if not isinstance(record, list) or len(record) != 7:
        return ["the record is no list of 7 parts"]
    version, country, groups, conflicts, intergreens, start, monitor = record
    if type(version) is not int or version != VERSION:
        return ["version %r: this firmware reads version %d" % (version, VERSION)]
    if not isinstance(country, str) or country not in countries.COUNTRIES:
        return ["country %r: expected one of %s" % (country, ", ".join(sorted(countries.COUNTRIES)))]
    if not isinstance(groups, list) or not 1 <= len(groups) <= GROUPS_LIMIT:
        return ["groups: expected a list of 1 to %d" % GROUPS_LIMIT]
    reasons = []
    for i, group in enumerate(groups):
        if not _is_group(group):
            reasons.append("group %d: expected [name, kind, ms, [fixed ms], ms, mm, ms]" % i)
    if not _is_ints(conflicts, len(groups)):
        reasons.append("conflicts: expected one bitmask a group")
    if not isinstance(intergreens, list) or not all([_is_ints(row, 3) for row in intergreens]):
        reasons.append("intergreens: expected [from, to, ms] each")
    if not _is_ints(start, 2):
        reasons.append("start: expected [flash ms, all-red ms]")
    if not isinstance(monitor, list):
        reasons.append("monitor: expected a list")
    return reasons


def _is_ints(value, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all([type(item) is int for item in value])


def _is_group(group) -> bool:
    if not isinstance(group, list) or len(group) != 7 or not isinstance(group[_NAME], str):
        return False
    if not _is_ints([group[_KIND], group[_OPEN]] + group[_REVERT:], 5):
        return False
    return group[_KIND] in (0, 1) and _is_ints(group[_FIXED], len(_STEPS[group[_KIND]]))


def _check_names(groups, reasons) -> None:
    names = [group[_NAME] for group in groups]
    for i, name in enumerate(names):
        if not name or name in names[:i]:
            reasons.append("group %d: name %r is empty or taken" % (i, name))


def _check_group(group, table, reasons) -> None:
    kind = group[_KIND]
    rows = {row[0]: row for row in table[kind]}
    given = [(_REST[kind], group[_REVERT]), (_OPENS[kind], group[_OPEN])]
    for aspect, ms in given + list(zip(_STEPS[kind], group[_FIXED])):
        problem = _time_problem(ms, rows.get(aspect))
        if problem:
            reasons.append("%s: %s of %d ms %s" % (group[_NAME], _WORDS[aspect], ms, problem))
    if not 0 < group[_MOST_RED] <= LONGEST_MS or group[_MOST_RED] % TICK_MS:
        reasons.append("%s: longest red of %d ms is no time" % (group[_NAME], group[_MOST_RED]))
    if kind == aspects.VEHICLE and group[_CROSSING]:
        reasons.append("%s: a vehicle group has no crossing" % group[_NAME])
    if kind == aspects.PEDESTRIAN:
        _check_crossing(group, rows, reasons)


def _time_problem(ms: int, row) -> str:
    if ms % TICK_MS:
        return "is no multiple of %d ms" % TICK_MS
    if row is None:
        return "where the country has none" if ms else ""
    least, most = row[1:]
    if least == 0 and ms == 0:
        return ""
    if ms <= 0 or ms < least:
        return "is below the floor of %d ms" % max(least, TICK_MS)
    return "is above the limit of %d ms" % most if ms > most else ""


def _check_crossing(group, rows, reasons) -> None:
    if not 0 < group[_CROSSING] <= 100_000:
        reasons.append("%s: a crossing of %d mm" % (group[_NAME], group[_CROSSING]))
    elif aspects.WALK_FLASH in rows and group[_FIXED][0] < crossing_ms(group):
        text = "%s: pedestrian clearance of %d ms is below %d ms, which %d mm take"
        reasons.append(text % (group[_NAME], group[_FIXED][0], crossing_ms(group), group[_CROSSING]))


def crossing_ms(group) -> int:
    """How long a pedestrian takes over the crossing of `group`, rounded up to ticks."""
    return -(-group[_CROSSING] * 1000 // (WALKING_MM_PER_S * TICK_MS)) * TICK_MS


def _check_matrix(groups, conflicts, reasons) -> None:
    count = len(groups)
    for i, mask in enumerate(conflicts):
        name = groups[i][_NAME]
        if mask < 0 or mask >> count:
            reasons.append("%s: conflicts with a group that is not there" % name)
        elif mask >> i & 1:
            reasons.append("%s: conflicts with itself" % name)
        else:
            for j in range(count):
                if mask >> j & 1 and not conflicts[j] >> i & 1:
                    reasons.append("%s conflicts with %s, but not the other way round" % (name, groups[j][_NAME]))


def _check_intergreens(groups, conflicts, intergreens, table, reasons) -> None:
    count = len(groups)
    found = bytearray(count * count)
    for start, end, ms in intergreens:
        if not (0 <= start < count and 0 <= end < count and conflicts[start] >> end & 1):
            reasons.append("intergreen %d to %d: these do not conflict" % (start, end))
        elif found[count * start + end]:
            reasons.append("intergreen %d to %d: given twice" % (start, end))
        else:
            found[count * start + end] = 1
            problem = _intergreen_problem(groups[start], ms, table)
            if problem:
                words = (groups[start][_NAME], groups[end][_NAME], ms, problem)
                reasons.append("intergreen from %s to %s of %d ms is %s" % words)
    for i in range(count):
        for j in range(count):
            if conflicts[i] >> j & 1 and not found[count * i + j]:
                reasons.append("no intergreen from %s to %s" % (groups[i][_NAME], groups[j][_NAME]))


def _intergreen_problem(one, ms: int, table) -> str:
    if ms % TICK_MS or not 0 <= ms <= INTERGREEN_LIMIT_MS:
        return "no multiple of %d ms up to %d ms" % (TICK_MS, INTERGREEN_LIMIT_MS)
    if one[_KIND] == aspects.VEHICLE:
        least, why = one[_FIXED][_AMBER], "the amber"
    elif table[countries.CLEARANCE_LAMP]:
        least, why = table[countries.BUFFER_MS], "the country's steady don't-walk"
    else:
        least, why = crossing_ms(one), "the way over the crossing"
    return "below the %d ms of %s" % (least, why) if ms < least else ""


def _check_start(groups, intergreens, start, reasons) -> None:
    flash_ms, red_ms = start
    least_red = max([group[_REVERT] for group in groups])
    for _, _, ms in intergreens:
        least_red = max(least_red, ms)
    for word, ms, least in (("flash", flash_ms, FLASH_FLOOR_MS), ("all-red", red_ms, least_red)):
        if ms % TICK_MS or ms > LONGEST_MS:
            reasons.append("%s of the start of %d ms: no multiple of %d ms, or too long" % (word, ms, TICK_MS))
        elif ms < least:
            reasons.append("%s of the start of %d ms is below %d ms" % (word, ms, least))


def _check_most_red(groups, intergreens, reasons) -> None:
    # What any plan needs: each conflicting group served once. Whether a plan can do it is for the plan's check.
    count = len(groups)
    between = array("H", [0] * (count * count))
    for i, j, ms in intergreens:
        between[count * i + j] = ms // TICK_MS
    for i, j, ms in intergreens:
        other = groups[j]
        steps = other[_FIXED][:_AMBER] if other[_KIND] == aspects.VEHICLE else other[_FIXED]
        least = ms + other[_OPEN] + sum(steps) + TICK_MS * between[count * j + i]
        if groups[i][_MOST_RED] < least:
            words = (groups[i][_NAME], groups[i][_MOST_RED], other[_NAME], least)
            reasons.append("%s: longest red of %d ms has no room for %s, which takes %d ms" % words)


def _tables(record, crc: int, tick_ms: int) -> Site:
    _, country, groups, conflicts, intergreens, start, monitor = record
    table = countries.COUNTRIES[country]
    site = Site(len(groups))
    site.country, site.crc, site.tick_ms, site.monitor = country, crc, tick_ms, monitor
    site.clearance_lamp = table[countries.CLEARANCE_LAMP]
    site.flash_ticks, site.red_ticks = -(-start[0] // tick_ms), -(-start[1] // tick_ms)
    site.labels = "\n".join([group[_NAME].replace("\n", " ") for group in groups])
    for i, group in enumerate(groups):
        kind = group[_KIND]
        site.kinds[i], site.max_red_ms[i] = kind, group[_MOST_RED]
        site.flash_aspects[i], site.rest_aspects[i] = table[countries.FLASHES][kind], _REST[kind]
        site.conflicts[i] = conflicts[i]
        _fill_steps(site, i, times_of(group, country), tick_ms)
    _fill_limits(site, groups, intergreens, tick_ms)
    site.close()
    return site


def _fill_steps(site, i: int, times, tick_ms: int) -> None:
    for place, (aspect, ms) in enumerate(times):
        site.successors[ROW * i + aspect] = times[(place + 1) % len(times)][0]
        site.ticks[ROW * i + aspect] = -(-ms // tick_ms)


def _fill_limits(site, groups, intergreens, tick_ms: int) -> None:
    count = site.count
    rests = [[0] * count for _ in range(count)]
    for i in range(count):
        rests[i][i] = -(-groups[i][_REVERT] // tick_ms)
    for i, j, ms in intergreens:
        # A vehicle's amber lies within its intergreen.
        rests[i][j] = max(0, -(-ms // tick_ms) - site.ticks[ROW * i + aspects.AMBER])
    for i in range(count):
        settling = max(rests[i])
        site.ticks[ROW * i + site.rest_aspects[i]] = settling
        for j in range(count):
            site.limits[count * i + j] = settling - rests[i][j]
