"""Suite `ingest`: reports from TCP into synced SQLite with acks, the load coming from this other process."""

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import apsw
import uvloop

from paifang_tools.bench import fleet
from paifang_tools.bench.rows import AT_LEAST, Row, emit, middle, row
from paifang_tools.bench.ward import SITE, Ward, ward
from paifang_wire import messages

Record = tuple[Any, ...]

_NODES = 100
_REPORTS_EACH = 600
_ROUNDS = 5
_BARE_BATCH = 1000
"""Rows a transaction in the bare run: about what a group commit gathers under this load."""


_A_ROW_A_READING = """
CREATE TABLE records(
    seq INTEGER PRIMARY KEY, node TEXT NOT NULL, boot INTEGER NOT NULL, number INTEGER NOT NULL, point INTEGER NOT NULL,
    value INTEGER, quality INTEGER NOT NULL, uptime_ms INTEGER NOT NULL, utc_ms INTEGER, received_ms INTEGER NOT NULL,
    UNIQUE (node, boot, number, point)
) STRICT
"""
"""What a store that does not keep a record together would write: another floor to stand beside."""


def main() -> None:
    """Print the suite's rows."""
    with ward() as gateway:
        gateway.enrol(_NODES)
        rates, bare, split = uvloop.run(_measure(gateway))
    emit(_rows(rates, bare, split))


def _rows(rates: list[float], bare: list[float], split: list[float]) -> list[Row]:
    load = f"{_NODES} nodes, {_REPORTS_EACH} reports of 4 readings each"
    how = f"median of {_ROUNDS} rounds: {load}, WAL, synchronous=FULL"
    same = f"same schema and bytes, a row a report, {_BARE_BATCH} a commit; nothing received or verified"
    other = f"a row a reading, the same readings, {_BARE_BATCH} reports a commit; nothing received or verified"
    return [
        row("reports from TCP to synced SQLite with ack", middle(rates), "1/s", how, (AT_LEAST, 25_000)),
        row("bare executemany, a row a report", middle(bare), "1/s", same),
        row("ratio to bare executemany, a row a report", _ratio(rates, bare), "", same, (AT_LEAST, 0.5)),
        row("ratio to bare executemany, a row a reading", _ratio(rates, split), "", other),
    ]


def _ratio(rates: list[float], floor: list[float]) -> float:
    return middle([a / b for a, b in zip(rates, floor, strict=True)])


async def _measure(gateway: Ward) -> tuple[list[float], list[float], list[float]]:
    """Rates, in reports a second: ours, bare with a row a report, bare with a row a reading; rounds in turn."""
    nodes = await fleet.connect(gateway.host, gateway.port, SITE, _NODES, [])
    rates: list[float] = []
    bare: list[float] = []
    split: list[float] = []
    for _ in range(_ROUNDS):
        rates.append(await _round(nodes))
        schema, rows = _stored(gateway.data)
        bare.append(_insert(gateway.data, schema, rows, _BARE_BATCH))
        split.append(_insert(gateway.data, [_A_ROW_A_READING], _readings(rows), 4 * _BARE_BATCH) / 4)
    for node in nodes:
        node.close()
    return rates, bare, split


async def _round(nodes: list[fleet.GeneratedNode]) -> float:
    for node in nodes:
        node.prepare(_REPORTS_EACH)  # sealed before the clock starts: the gateway is measured, not this process
    start = time.perf_counter()
    for node in nodes:
        node.release()
    await asyncio.gather(*(node.idle.wait() for node in nodes))
    return _NODES * _REPORTS_EACH / (time.perf_counter() - start)


def _stored(data: Path) -> tuple[list[str], list[Record]]:
    """Return the schema of the gateway's records, and the rows of the last round: (node, boot, number, …, body)."""
    source = sqlite3.connect(f"file:{next(data.glob('*.db'))}?mode=ro", uri=True)
    schema = source.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = 'records' AND sql NOT NULL").fetchall()
    last = _NODES * _REPORTS_EACH
    rows = source.execute(
        "SELECT node, boot, number, kind, uptime_ms, utc_ms, received_ms, body FROM records"
        " WHERE seq > (SELECT max(seq) FROM records) - ? ORDER BY seq",
        (last,),
    ).fetchall()
    source.close()
    return [sql for (sql,) in schema], rows


def _readings(rows: list[Record]) -> list[Record]:
    """Return a row a reading: (node, boot, number, point, value, quality, uptime_ms, utc_ms, received_ms)."""
    readings: list[Record] = []
    for node, boot, number, _, uptime_ms, utc_ms, received_ms, body in rows:
        values = messages.decode(body)[5]
        readings += [
            (node, boot, number, point, value, messages.GOOD, uptime_ms, utc_ms, received_ms)
            for point, value in values.items()
        ]
    return readings


def _insert(folder: Path, schema: list[str], rows: list[Record], batch: int) -> float:
    """Return the rows a second that bare executemany writes into an empty `schema`, synced at each batch."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        target = apsw.Connection(f"{place}/bare.db")
        target.pragma("journal_mode", "wal")
        target.pragma("synchronous", "full")
        for sql in schema:
            target.execute(sql)
        insert = f"INSERT INTO records VALUES (NULL{', ?' * len(rows[0])})"  # noqa: S608 - question marks only
        start = time.perf_counter()
        for first in range(0, len(rows), batch):
            with target:
                target.executemany(insert, rows[first : first + batch])
        rate = len(rows) / (time.perf_counter() - start)
        target.close()
    return rate


if __name__ == "__main__":
    main()
