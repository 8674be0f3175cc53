"""Bench suite `store`: what a reading takes on the disk, waiting and packed, and how long it takes to read it back.

python -m paifang_rig.store_bench
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from paifang.archive import source
from paifang.archive.source import Tally, Wanted
from paifang.config.units import MS_OF_UNIT
from paifang.store import Store, cursors, packing, registry, retention, rollups
from paifang.store.points import decode_table, description_hash
from paifang_tools.bench.fleet import POINTS
from paifang_tools.bench.rows import AT_MOST, Row, emit, middle, row
from paifang_wire import cbor, messages

if TYPE_CHECKING:
    from collections.abc import Callable

NODES, REPORTS = 200, 600
"""Of each of the many; a block a node is packed, and the rest waits."""
DAYS = 365
ROUNDS = 5
MINUTE_MS, DAY_MS = MS_OF_UNIT["m"], MS_OF_UNIT["d"]
NOW_MS = 1_790_000_000_000
WALK = {1: 3, 2: 4, 3: 6, 7: 60}
"""By point, how far a value goes in a minute, at most."""
JITTER_MS = 40
RECEIVED_MS = (3, 40)
"""How much later than it was made a report is received."""
ENCODED = cbor.encode(POINTS)
DESCRIPTION = description_hash(ENCODED)
TABLE = decode_table(ENCODED)
_OF_ROLLUPS = (
    "SELECT start, count, sum, least, greatest FROM rollups WHERE series = (SELECT id FROM series WHERE node = ? "
    "AND point = 'pm25') AND span_min = ? AND start >= ? ORDER BY start"
)


def main() -> None:
    """Print the suite's rows."""
    emit(asyncio.run(_measure()))


async def _measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        return [*await _sizes(Path(place) / "many.db"), *await _times(Path(place) / "one.db")]


class _Node:
    """Reports once a minute, about: values go up and down, one in fifty is of a sensor that is only indicative."""

    def __init__(self, name: str, chance: random.Random, store: Store) -> None:
        self.boot = store.boot(name, 1)
        self.boot.description = DESCRIPTION
        self._chance = chance
        self._store = store
        self._number = 0
        self._uptime_ms = 50_000
        self._values = {1: 120, 2: 180, 3: 250, 7: 3_000}

    def report(self, made_ms: int) -> None:
        chance = self._chance
        self._number += 1
        self._uptime_ms += MINUTE_MS + chance.randint(-JITTER_MS, JITTER_MS)
        self._values = {
            point: max(0, value + chance.randint(-WALK[point], WALK[point])) for point, value in self._values.items()
        }
        quality = {2: messages.INDICATIVE} if chance.random() < 1 / 50 else {}
        utc_ms = made_ms + chance.randint(-JITTER_MS, JITTER_MS)
        head = [messages.REPORT, 1, self._number, self._uptime_ms, utc_ms]
        received_ms = utc_ms + chance.randint(*RECEIVED_MS)
        row = (*head[1:3], messages.REPORT, *head[3:], received_ms, messages.encode([*head, self._values, quality]))
        self._store.add(self.boot, (self.boot.node, *row))


async def _opened(path: Path) -> Store:
    store = Store(path, settled=lambda _batch: None)
    await store.open()
    registry.keep_description(store, DESCRIPTION, ENCODED)
    await store.flush()
    return store


async def _sizes(path: Path) -> list[Row]:
    store = await _opened(path)
    chance = random.Random(1)
    nodes = [_Node(f"aq-{number:03d}", chance, store) for number in range(NODES)]
    before = await store.read(retention.used_bytes)
    for minute in range(REPORTS):
        for node in chance.sample(nodes, NODES):
            node.report(NOW_MS + minute * MINUTE_MS)
        await store.flush()
    full = await store.read(retention.used_bytes)
    waiting = (full - before) / (NODES * REPORTS * len(POINTS))
    await _skip_rollups(store)
    count = await _pack(store, NOW_MS + REPORTS * MINUTE_MS)
    left = await store.read(retention.used_bytes) - before - waiting * len(POINTS) * (NODES * REPORTS - count)
    await store.close()
    how = f"pages of the file in use: {NODES} nodes, {REPORTS} reports of {len(POINTS)} points each, a random walk"
    return [
        row("a reading in the outbox with its index", waiting, "B", how, (AT_MOST, 48)),
        row("a reading packed", left / (count * len(POINTS)), "B", f"{how}; {count:,} reports packed", (AT_MOST, 8)),
    ]


async def _times(path: Path) -> list[Row]:
    store = await _opened(path)
    node = _Node("aq-1", random.Random(2), store)
    minutes = DAYS * DAY_MS // MINUTE_MS
    for minute in range(minutes):
        node.report(NOW_MS + minute * MINUTE_MS)
        if minute % 5_000 == 0:
            await store.flush()
    await store.flush()
    await _roll(store)
    end_ms = NOW_MS + DAYS * DAY_MS
    await _pack(store, end_ms - 7 * DAY_MS)
    days = [("a day of a point, waiting", end_ms - DAY_MS), ("a day of a point, packed", NOW_MS + 100 * DAY_MS)]
    how = "a report a minute, read as an export does, values exact; the file in the system's cache"
    often = f"median of {ROUNDS}: {how}"
    found = [row(name, _timed(partial(_exported, path, start, start + DAY_MS)), "ms", often) for name, start in days]
    year = partial(_exported, path, NOW_MS, end_ms)
    found.append(row("a year of a point, all but a week packed", _timed(year, 1) / 1_000, "s", f"once: {how}"))
    told = f"median of {ROUNDS}: count, sum, least and greatest of each span"
    for name, span_min, days_back in (("day", 1, 1), ("year", 15, DAYS), ("year", 60, DAYS)):
        start = (end_ms - days_back * DAY_MS) // (span_min * MINUTE_MS)
        query = partial(_rolled, store, span_min, start)
        found.append(row(f"a {name} of a point from rollups of {span_min} min", _timed(query), "ms", told))
    await store.close()
    return found


def _timed(work: Callable[[], int], rounds: int = ROUNDS) -> float:
    """Milliseconds."""
    took: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        assert work()
        took.append(time.perf_counter() - start)
    return 1_000 * middle(took)


def _exported(path: Path, since_ms: int, until_ms: int) -> int:
    with source.opened(path) as connection:
        return sum(1 for _ in source.readings(connection, Wanted("aq-1", "pm25", since_ms, until_ms), Tally()))


def _rolled(store: Store, span_min: int, start: int) -> int:
    with source.opened(store.path) as connection:
        return len(connection.execute(_OF_ROLLUPS, ("aq-1", span_min, start)).fetchall())


async def _roll(store: Store) -> None:
    fold = partial(rollups.fold, table=lambda _: TABLE)
    while (folded := await store.read(fold)) is not None:
        await store.written(partial(rollups.write, folded=folded))


async def _skip_rollups(store: Store) -> None:
    """They are none of what a record takes."""
    last = await store.read(cursors.newest)
    await store.written(partial(rollups.write, folded=rollups.Folded(last, is_last=True, sums={})))


async def _pack(store: Store, now_ms: int) -> int:
    """All full windows of what is older, without the gateway's rests; returns how many records."""
    count = 0
    while (window := await store.read(partial(packing.plan, now_ms=now_ms, pack_ms=1))) is not None:
        for node, boot in window.boots:
            count += await _pack_boot(store, window, node, boot)
        assert await store.written(partial(packing.finish, window=window))
        while await store.written(packing.sweep) == packing.SWEEP_RECORDS:
            pass
    return count


async def _pack_boot(store: Store, window: packing.Window, node: str, boot: int) -> int:
    count = number = 0
    while filled := await store.read(partial(packing.fill, window=window, node=node, boot=boot, after=number)):
        assert await store.written(partial(packing.write, window=window, filled=filled))
        count, number = count + filled.count, filled.last
    return count


if __name__ == "__main__":
    main()
