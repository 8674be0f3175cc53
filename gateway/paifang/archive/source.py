"""Readings out of a store's file, in pages, while a gateway writes it or none does.

A page is a transaction of its own: a reader that stays in one keeps the gateway from beginning its log anew.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, cast

import apsw

from paifang.errors import not_found, resource_error
from paifang.store import database, packed, schema
from paifang.store.points import Point, PointTable, decode_table
from paifang_wire import messages, names
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from paifang.store.sql import Connection, Row

PAGE_RECORDS = 1_000

_COLUMNS = (
    "r.seq, r.node, r.boot, r.number, r.uptime_ms, coalesce(r.utc_ms, r.uptime_ms + b.offset_ms), r.received_ms, "
    "r.body, b.description"
)
_FROM = "FROM records r LEFT JOIN boots b ON b.node = r.node AND b.boot = r.boot"
_ALL = f"SELECT {_COLUMNS} {_FROM} WHERE r.seq > ? AND r.seq <= ? AND r.kind = ? ORDER BY r.seq LIMIT ?"
_OF_NODE = (
    f"SELECT {_COLUMNS} {_FROM} WHERE r.node = ? AND (r.boot, r.number) > (?, ?) AND (r.boot, r.number) < (?, ?) "
    "AND r.seq > ? AND r.seq <= ? AND r.kind = ? ORDER BY r.boot, r.number LIMIT ?"
)
_LEAST = -(1 << 63)
_END = ((1 << 63) - 1, (1 << 63) - 1)
_BLOCKS_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """None: of any. Times are UTC in ms, `until_ms` is the first that is not wanted."""

    node: str | None = None
    point: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    @property
    def is_dated(self) -> bool:
        return self.since_ms is not None or self.until_ms is not None

    @property
    def span(self) -> tuple[int, int]:
        """From, and up to but without."""
        since_ms, until_ms = packed.ALWAYS
        return (
            since_ms if self.since_ms is None else self.since_ms,
            until_ms if self.until_ms is None else self.until_ms,
        )

    def has(self, utc_ms: int) -> bool:
        return (self.since_ms is None or utc_ms >= self.since_ms) and (self.until_ms is None or utc_ms < self.until_ms)


class Reading(NamedTuple):
    """One point of one report. `value` is exact; `utc_ms` is None when nobody knows the time, `uptime_ms` is known."""

    node: str
    record: str
    utc_ms: int | None
    uptime_ms: int
    received_ms: int
    point: str
    unit: str
    value: bool | Decimal | None
    quality: str


@dataclass(slots=True)
class Tally:
    """What came of an export: `undated` records have no time to be asked for, `unreadable` ones are damaged."""

    readings: int = 0
    undated: int = 0
    unreadable: int = 0


@contextlib.contextmanager
def opened(path: Path, least_version: int = 1) -> Generator[Connection]:
    """A connection to the store at `path` that cannot write it. Raises PaifangError."""
    if not path.is_file():
        hint = "name the gateway's data folder with --data"
        raise not_found(f"there is no store {path}", hint)
    try:
        connection = cast("Connection", apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY))
        connection.set_busy_timeout(database.BUSY_TIMEOUT_MS)
        _check(connection, path, least_version)
    except apsw.Error as error:
        raise database.explain(error, str(path)) from error
    try:
        yield connection
    except apsw.Error as error:
        raise database.explain(error, str(path)) from error
    finally:
        database.close(connection)


def _check(connection: Connection, path: Path, least_version: int) -> None:
    if not connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'records'").get:
        raise resource_error(f"{path} is a database of something else", "name a gateway's data folder with --data")
    version = connection.pragma("user_version")
    if version > schema.VERSION:
        message = f"{path} was written by a newer paifang (store version {version}, this one knows {schema.VERSION})"
        raise resource_error(message, "use that version for this, too")
    if version < least_version:
        message = f"{path} was written by an older paifang (store version {version}), which did not keep this"
        raise resource_error(message, "a gateway brings it up to date when it starts")


def readings(connection: Connection, wanted: Wanted, tally: Tally) -> Iterator[Reading]:
    """Every reading that is `wanted` and was in the file when this began, counted in `tally`.

    Those of one node come by boot and number, those of all in the order in which they were stored.
    Raises PaifangError when there is no such node or point.
    """
    tables = _Tables(connection)
    _check_wanted(connection, wanted, tables)
    return _readings(_rows(connection, wanted), wanted, tables, tally)


def _readings(rows: Iterator[Row], wanted: Wanted, tables: _Tables, tally: Tally) -> Iterator[Reading]:
    for row in rows:
        utc_ms = row[5]
        if wanted.is_dated and (utc_ms is None or not wanted.has(utc_ms)):
            tally.undated += utc_ms is None
            continue
        try:
            found = _expand(row, tables)
        except WireError:
            tally.unreadable += 1
            continue
        for number, reading in found:
            if wanted.point in {None, reading.point, str(number)}:
                tally.readings += 1
                yield reading


def check_wanted(connection: Connection, wanted: Wanted) -> None:
    """Raise PaifangError when there is no such node or point."""
    _check_wanted(connection, wanted, _Tables(connection))


def _check_wanted(connection: Connection, wanted: Wanted, tables: _Tables) -> None:
    """Whoever mistypes a name shall not be given an empty file."""
    if wanted.node is None:
        return
    rows = connection.execute("SELECT DISTINCT description FROM boots WHERE node = ?", (wanted.node,)).fetchall()
    if not rows and not connection.execute("SELECT count(*) FROM nodes WHERE id = ?", (wanted.node,)).get:
        raise not_found(f"nothing is stored of a node {wanted.node}", "`paifang nodes list` shows those there are")
    known = [table for row in rows if (table := tables.of(row[0])) is not None]
    if wanted.point is not None and known and not any(_has(table, wanted.point) for table in known):
        points = sorted({point.name for table in known for point in table.points})
        raise not_found(f"no point {wanted.point!r} on {wanted.node}", "it has " + ", ".join(points))


def _has(table: PointTable, point: str) -> bool:
    return point in table.by_name or point in {str(number) for number in table.by_number}


def _rows(connection: Connection, wanted: Wanted) -> Iterator[Row]:
    """As _COLUMNS, a page after the other; what was read before damage counts."""
    last = connection.execute("SELECT coalesce(max(seq), 0) FROM records").get
    turn = _of_all if wanted.node is None else _of_node
    place: tuple[int, ...] | None = (0,) if wanted.node is None else (_LEAST, _LEAST)
    while place is not None:
        page: list[Row] = []
        try:
            with connection:
                place = turn(connection, wanted, place, last, page)
        except apsw.CorruptError:
            yield from page
            raise
        yield from page


def _of_all(
    connection: Connection, wanted: Wanted, place: tuple[int, ...], last: int, page: list[Row]
) -> tuple[int] | None:
    """Fill `page` with what was stored behind `place` (seq); returns the place it reaches, None at the end."""
    [after] = place
    upto = min(packed.packed_to(connection), last)
    if after < upto:
        old = packed.page(connection, after, upto, PAGE_RECORDS, wanted.span)
        page += [_row(each) for each in old if each.kind == messages.REPORT]
        return (old[-1].seq if len(old) == PAGE_RECORDS else upto,)
    page.extend(connection.execute(_ALL, (after, last, messages.REPORT, PAGE_RECORDS)))
    return (page[-1][0],) if len(page) == PAGE_RECORDS else None


def _of_node(
    connection: Connection, wanted: Wanted, place: tuple[int, ...], last: int, page: list[Row]
) -> tuple[int, int] | None:
    """The same of one node, by (boot, number): up to where the block after the next begins, or a page is full."""
    assert wanted.node is not None
    upto = packed.packed_to(connection)
    keys = packed.keys(connection, wanted.node, (place[0], place[1]), wanted.span) if upto else []
    ahead = sum((boot, first) <= place for boot, first, _ in keys) + _BLOCKS_AHEAD
    end = keys[ahead][:2] if ahead < len(keys) else _END
    for _, _, block in keys[:ahead]:
        page += [_row(each) for each in packed.block(connection, block).records() if _is_due(each, place, end, last)]
    begun = len(page)
    limits = (wanted.node, *place, *end, upto, last, messages.REPORT, PAGE_RECORDS)
    page.extend(connection.execute(_OF_NODE, limits))
    if len(page) - begun == PAGE_RECORDS:
        end = (page[-1][2], page[-1][3] + 1)
    page[:] = sorted((row for row in page if row[2:4] < end), key=lambda row: row[2:4])
    return None if end == _END else (end[0], end[1] - 1)


def _is_due(each: packed.Found, place: tuple[int, ...], end: tuple[int, int], last: int) -> bool:
    return each.kind == messages.REPORT and place < (each.boot, each.number) < end and each.seq <= last


def _row(found: packed.Found) -> Row:
    """As _COLUMNS."""
    return (*found[:4], found.uptime_ms, found.moment_ms, found.received_ms, found.body, found.description)


class _Tables:
    """The point tables of the file, each decoded once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[bytes | None, PointTable | None] = {None: None}

    def of(self, description: bytes | None) -> PointTable | None:
        if description not in self._known:
            query = "SELECT points FROM descriptions WHERE hash = ?"
            row = self._connection.execute(query, (description,)).fetchone()
            self._known[description] = None if row is None else decode_table(row[0])
        return self._known[description]


def _expand(row: Row, tables: _Tables) -> list[tuple[int, Reading]]:
    """(number, reading) of each point of a report. Raises WireError when it is not what a node sends."""
    _, node, boot, count, uptime_ms, utc_ms, received_ms, body, description = row
    message = messages.decode(body)
    if message[0] != messages.REPORT:
        raise WireError("SHAPE", "no report")
    values: dict[int, int | None] = message[5]
    quality: dict[int, int] = message[6]
    table = tables.of(description)
    record = f"{boot}.{count}"
    found: list[tuple[int, Reading]] = []
    for number in sorted(values):
        point = table.by_number.get(number) if table is not None else None
        told = names.QUALITY[quality.get(number, messages.GOOD)]
        name, unit = (point.name, point.unit) if point else (str(number), "")
        value = _exact(point, values[number])
        found.append((number, Reading(node, record, utc_ms, uptime_ms, received_ms, name, unit, value, told)))
    return found


def _exact(point: Point | None, wire: int | None) -> bool | Decimal | None:
    """A wire integer in the point's unit; as it is when its point table is not known."""
    if wire is None:
        return None
    if point is None:
        return Decimal(wire)
    return bool(wire) if point.type == messages.BOOL else Decimal(wire).scaleb(point.scale)
