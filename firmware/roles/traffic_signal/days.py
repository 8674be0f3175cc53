"""Day plans: which plan runs when.

    [version, minutes east of UTC, [[weekdays (bit 0 is Monday), minute of the day, plan's name], ...]]

A row holds until the next one that applies, over midnight too.
"""

from micropython import const

from paifang_wire import cbor
from paifang_wire.errors import WireError

from .errors import PlanError

VERSION = const(1)
ROWS_LIMIT = const(48)
DAY_MINUTES = const(1440)
_WEEK_MINUTES = const(10080)
_EPOCH_WEEKDAY = const(3)
"""1970-01-01 was a Thursday."""
_MINUTE_MS = const(60_000)


def decode(payload: bytes, names) -> list:
    """Return the record of encoded day plans. Raises PlanError with every reason of `check`."""
    try:
        record = cbor.decode(payload)
    except WireError as error:
        raise PlanError(["the day plans are no canonical CBOR: " + str(error)])
    reasons = check(record, names)
    if reasons:
        raise PlanError(reasons)
    return record


def check(record, names) -> list:
    """Return every reason why day plans cannot be used; `names`: of the plans that are there."""
    if not isinstance(record, list) or len(record) != 3 or not isinstance(record[2], list):
        return ["the day plans are no list of 3 parts"]
    version, east, rows = record
    if type(version) is not int or version != VERSION:
        return ["version %r: this firmware reads version %d" % (version, VERSION)]
    reasons = []
    if type(east) is not int or not -DAY_MINUTES < east < DAY_MINUTES:
        reasons.append("minutes east of UTC: %r" % east)
    if not 1 <= len(rows) <= ROWS_LIMIT:
        reasons.append("expected 1 to %d rows, there are %d" % (ROWS_LIMIT, len(rows)))
    times = []
    for i, row in enumerate(rows):
        _check_row("row %d: " % (i + 1), row, names, times, reasons)
    return reasons


def _check_row(name: str, row, names, times, reasons) -> None:
    is_row = isinstance(row, list) and len(row) == 3 and type(row[0]) is int and type(row[1]) is int
    if not is_row or not isinstance(row[2], str):
        reasons.append(name + "expected [weekdays, minute, plan]")
        return
    if not 0 < row[0] < 128:
        reasons.append(name + "weekdays %d: expected bits 0 to 6" % row[0])
    if not 0 <= row[1] < DAY_MINUTES:
        reasons.append(name + "minute %d: expected 0 to %d" % (row[1], DAY_MINUTES - 1))
    if row[2] not in names:
        reasons.append(name + "there is no plan %r" % row[2])
    for days, minute in times:
        if minute == row[1] and days & row[0]:
            reasons.append(name + "another row begins at the same time")
    times.append((row[0], row[1]))


def plan_at(record, utc_ms: int) -> str:
    """Return the name of the plan that runs at a time since 1970."""
    return span_at(record, utc_ms)[0]


def span_at(record, utc_ms: int) -> tuple:
    """Return (name of the plan that runs at a time since 1970, when the next row begins)."""
    _, east, rows = record
    now = (utc_ms // _MINUTE_MS + east + _EPOCH_WEEKDAY * DAY_MINUTES) % _WEEK_MINUTES
    latest = ahead = _WEEK_MINUTES
    found = ""
    for weekdays, minute, name in rows:
        for day in range(7):
            if weekdays >> day & 1:
                ago = (now - day * DAY_MINUTES - minute) % _WEEK_MINUTES
                ahead = min(ahead, _WEEK_MINUTES - ago)
                if ago < latest:
                    latest, found = ago, name
    return found, (utc_ms // _MINUTE_MS + ahead) * _MINUTE_MS
