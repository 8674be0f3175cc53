"""Suite `ingest`: reports from TCP into synced SQLite with acks, the load coming from this other process."""

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path

import apsw
import uvloop

from paifang_tools.bench import fleet
from paifang_tools.bench.rows import AT_LEAST, Row, emit, middle, row
from paifang_tools.bench.ward import SITE, Ward, ward

_NODES = 100
_REPORTS_EACH = 600
_ROUNDS = 5
_BARE_BATCH = 1000
"""Rows a transaction in the bare run: about what a group commit gathers under this load."""


def main() -> None:
    """Print the suite's rows."""
    with ward() as gateway:
        gateway.enrol(_NODES)
        rates, bare = uvloop.run(_measure(gateway))
    emit(_rows(rates, bare))


def _rows(rates: list[float], bare: list[float]) -> list[Row]:
    how = (
        f"median of {_ROUNDS} rounds: {_NODES} nodes, {_REPORTS_EACH} reports of 4 readings each, WAL, synchronous=FULL"
    )
    ratio = middle([a / b for a, b in zip(rates, bare, strict=True)])
    return [
        row("reports from TCP to synced SQLite with ack", middle(rates), "1/s", how, (AT_LEAST, 25_000)),
        row("bare executemany of the same rows", middle(bare), "1/s", f"same schema and bytes, {_BARE_BATCH} a commit"),
        row("ratio to bare executemany", ratio, "", "median of ratios, rounds in turn", (AT_LEAST, 0.5)),
    ]


async def _measure(gateway: Ward) -> tuple[list[float], list[float]]:
    nodes = await fleet.connect(gateway.host, gateway.port, SITE, _NODES, [])
    rates: list[float] = []
    bare: list[float] = []
    for _ in range(_ROUNDS):
        rates.append(await _round(nodes))
        bare.append(_bare(gateway.data))
    for node in nodes:
        node.close()
    return rates, bare


async def _round(nodes: list[fleet.GeneratedNode]) -> float:
    for node in nodes:
        node.prepare(_REPORTS_EACH)  # sealed before the clock starts: the gateway is measured, not this process
    start = time.perf_counter()
    for node in nodes:
        node.release()
    await asyncio.gather(*(node.idle.wait() for node in nodes))
    return _NODES * _REPORTS_EACH / (time.perf_counter() - start)


def _bare(data: Path) -> float:
    """Insert the rows that the gateway has stored into an empty copy of its schema, with nothing around it."""
    source = sqlite3.connect(f"file:{next(data.glob('*.db'))}?mode=ro", uri=True)
    schema = [
        sql for (sql,) in source.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = 'records' AND sql NOT NULL")
    ]
    limit = _NODES * _REPORTS_EACH
    columns = [name for _, name, *_ in source.execute("PRAGMA table_info(records)") if name != "seq"]
    rows = source.execute(f"SELECT {', '.join(columns)} FROM records ORDER BY seq DESC LIMIT {limit}").fetchall()  # noqa: S608
    source.close()
    with tempfile.TemporaryDirectory(dir=data) as folder:
        return _insert(apsw.Connection(f"{folder}/bare.db"), schema, columns, rows)


def _insert(target: apsw.Connection, schema: list[str], columns: list[str], rows: list[tuple[object, ...]]) -> float:
    target.pragma("journal_mode", "wal")
    target.pragma("synchronous", "full")
    for sql in schema:
        target.execute(sql)
    insert = f"INSERT INTO records({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
    start = time.perf_counter()
    for first in range(0, len(rows), _BARE_BATCH):
        with target:
            target.executemany(insert, rows[first : first + _BARE_BATCH])  # pyright: ignore[reportArgumentType]
    rate = len(rows) / (time.perf_counter() - start)
    target.close()
    return rate


if __name__ == "__main__":
    main()
