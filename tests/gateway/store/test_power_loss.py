"""Power is cut after every single write of the store: no acknowledged record is lost, none is there twice.

A killed process says nothing about this: the kernel still writes what it was given. Here the store runs on a recording
disk, and each prefix of what it did is replayed with the unsynced writes lost, or only some of them, or torn. That the
test can fail is shown by running it on a store that does not sync.
"""

from __future__ import annotations

import itertools
import random
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from recording import Disk, RecordingVFS, remove_files, write_files
from reports import pack

from paifang.errors import PaifangError
from paifang.store import Batch, Store, cursors, database, facts, health, packed, packing, retention, upkeep
from paifang.store.balance import balance
from paifang_wire.errors import WireError
from paifang_wire.marks import RecordMarks

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "paifang.db"
NODES = ("aq-1", "aq-2", "meter-1")
CHECKPOINT_PAGES = 12
"""So that the log is copied back, and begun anew, several times in a short run."""
_names = itertools.count()

Numbers = dict[tuple[str, int], set[int]]
Far = dict[tuple[str, str], set[tuple[int, int]]]
"""What has reached a sink's far side, by sink and node."""


async def run_workload(folder: Path, synchronous: str, seed: int, commits: int, *, sinks: bool = False) -> RecordingVFS:
    """Have a store on a recording disk take in records, duplicates, gaps and jobs; its acks stand in `entries` too.

    With `sinks`, two of them move on, records are packed and retention deletes; what reached their far sides is in
    `entries` as well.
    """
    vfs = RecordingVFS(f"recording-{next(_names)}")
    chance = random.Random(seed)

    def settled(batch: Batch) -> None:
        vfs.entries.append(("ack", list(batch.acks)))

    folder.mkdir()
    store = Store(folder / FILE, settled=settled, vfs=vfs.name, synchronous=synchronous)
    await store.open()
    for count in range(commits):
        for _ in range(chance.randint(1, 6)):
            take_in(store, chance, count)
        await store.flush()
        if sinks:
            await move_a_sink(store, chance, vfs.entries)
    await store.close()
    return vfs


async def move_a_sink(store: Store, chance: random.Random, entries: list[tuple[Any, ...]]) -> None:
    sink, what = chance.choice(("city", "bureau")), chance.randrange(8)
    await store.written(partial(cursors.begin, sink=sink, now_ms=1, from_start=True))
    place = await store.read(partial(cursors.place, sink=sink))
    if what == 0:
        await store.written(lambda connection: cursors.defer(connection, sink, cursors.newest(connection)))
    elif what in {6, 7}:
        await store.written(lambda connection: facts.put(connection, facts.ROLLED_TO, cursors.newest(connection)))
        await store.written(partial(cursors.keep_only, names=chance.choice(([], [sink]))))
        await pack(store, now_ms=1 << 50)
    elif what == 1:
        room = chance.choice((0, 1 << 40))
        await store.written(lambda connection: facts.put(connection, facts.ROLLED_TO, cursors.newest(connection)))
        await store.written(partial(retention.retire, now_ms=1 << 50, limits=retention.Limits(0, room)))
    else:
        backlog = next(iter(place.backlogs), None)
        stream, after = (cursors.LIVE, place.live) if backlog is None else (backlog.id, backlog.next - 1)
        last = 1 << 60 if backlog is None else backlog.last
        rows = await store.read(partial(cursors.page, after=after, last=last, limit=chance.randint(1, 9)))
        marked = [row[:2] for row in rows]
        entries.append(("far", [(sink, *row[1:4]) for row in rows]))
        upto = rows[-1][0] if rows else after
        job = partial(cursors.confirm, sink=sink, stream=stream, upto=upto)
        store.write(partial(job, delivered=marked[1:], dropped={"refused": marked[:1]}))


def take_in(store: Store, chance: random.Random, count: int) -> None:
    boot = store.boot(chance.choice(NODES), 1 + count // 25)
    number = boot.marks.high + chance.choice((1, 1, 1, 1, 2, 3, 0))
    if number < 1:
        return
    kind = chance.random()
    if kind < 0.1:
        store.settle(boot, number, number + chance.randint(0, 3), 1, 5)
    elif kind < 0.15:
        store.write(lambda connection: connection.execute("INSERT OR IGNORE INTO descriptions VALUES (x'00', x'00')"))
    else:
        body = chance.randbytes(chance.choice((20, 60, 900)))
        try:
            store.add(boot, (boot.node, boot.boot, number, 3, 1_000 * count, None, 5, body))
        except WireError:
            return


async def findings(folder: Path, looks: Callable[[Any], list[str]]) -> list[str]:
    """What `looks` finds wrong with the files that a power cut left in `folder`."""
    store = Store(folder / FILE, settled=lambda _: None)
    try:
        await store.open()
        try:
            return await store.read(looks)
        finally:
            await store.close()
    except PaifangError as error:
        return [f"nothing can be read, all is lost : {error}"]


def look(connection: Any, acked: Numbers) -> list[str]:
    wrong = [f"damaged: {line}" for line in health.findings(connection)]
    stored: Numbers = {}
    for node, boot, number in connection.execute("SELECT node, boot, number FROM records"):
        if number in stored.setdefault((node, boot), set()):
            wrong.append(f"{node} {boot}.{number} is stored twice")
        stored[node, boot].add(number)
    for node, boot, first, last in connection.execute("SELECT node, boot, first, last FROM gaps"):
        stored.setdefault((node, boot), set()).update(range(first, last + 1))
    for place, numbers in acked.items():
        wrong += [f"{place} lost {number}" for number in sorted(numbers - stored.get(place, set()))]
    for node, boot, high, bitmap in connection.execute("SELECT node, boot, high, bitmap FROM boots"):
        claimed = settled_numbers(high, bitmap)
        if claimed != stored.get((node, boot), set()):
            wrong.append(f"{node} {boot}: the marks and what is stored are not of one commit")
    return wrong


def look_at_sinks(connection: Any, far: Far) -> list[str]:
    found = balance(connection)
    wrong = [f"damaged: {line}" for line in [*health.findings(connection), *packed.findings(connection)]]
    wrong += found.problems
    rows = cursors.page(connection, 0, 1 << 60, 1 << 30)
    if not len(rows) == len({row[1:4] for row in rows}) == sum(each.kept for each in found.nodes):
        wrong.append("some are there twice, or are not found")
    for each in found.sinks:
        if each.delivered > len(far.get((each.sink, each.node), ())):
            wrong.append(f"{each.sink} lost some of {each.node} that are counted as delivered")
    return wrong


def settled_numbers(high: int, bitmap: int) -> set[int]:
    marks = RecordMarks(high, bitmap % (1 << 64))
    return {number for number in range(1, high + 65) if marks.holds(number)}


async def cut_power(
    tmp_path: Path, entries: list[tuple[Any, ...]], cuts: list[int], seed: int
) -> tuple[int, list[str]]:
    """Cut the power after each of `cuts` entries; returns how many cuts had something to lose, and what is wrong."""
    chance = random.Random(seed)
    disk, acked, done, armed = Disk(), dict[tuple[str, int], set[int]](), 0, 0
    far: Far = {}
    has_sinks = any(entry[0] == "far" for entry in entries)
    looks = partial(look_at_sinks, far=far) if has_sinks else partial(look, acked=acked)
    wrong: list[str] = []
    for cut in sorted(cuts):
        for entry in entries[done:cut]:
            if entry[0] == "ack":
                for node, boot, high, bitmap in entry[1]:
                    acked[node, boot] = settled_numbers(high, bitmap)
            elif entry[0] == "far":
                for sink, node, boot, number in entry[1]:
                    far.setdefault((sink, node), set()).add((boot, number))
            else:
                disk.do(entry)
        done = cut
        armed += disk.has_pending
        for name, files in (("all", disk.lose_all()), ("some", disk.lose_some(chance))):
            folder = tmp_path / f"cut-{cut}-{name}"
            write_files(folder, files)
            wrong += [f"cut {cut}, {name} lost: {what}" for what in await findings(folder, looks)]
            remove_files(folder)
    return armed, wrong


async def test_nothing_acknowledged_is_lost_wherever_power_is_cut(tmp_path, tier_size, monkeypatch):
    monkeypatch.setattr(database, "WAL_PAGES", CHECKPOINT_PAGES)
    commits = tier_size(40, 300)
    vfs = await run_workload(tmp_path / "run", "FULL", 1, commits)
    kinds = {entry[:2] for entry in vfs.entries if entry[0] != "ack"}
    assert {("sync", FILE), ("sync", FILE + "-wal"), ("write", FILE)} <= kinds, "log and checkpoints both ran"

    every = range(1, len(vfs.entries) + 1)
    cuts = random.Random(2).sample(every, min(tier_size(150, len(every)), len(every)))
    for seed in range(tier_size(1, 5)):
        armed, wrong = await cut_power(tmp_path, vfs.entries, cuts, seed)
        assert wrong == []
        assert armed > len(cuts) // 4, "most cuts must fall while something is unsynced"


async def test_sinks_packing_and_retention_hold_wherever_power_is_cut(tmp_path, tier_size, monkeypatch):
    monkeypatch.setattr(database, "WAL_PAGES", CHECKPOINT_PAGES)
    monkeypatch.setattr(retention, "CHUNK_RECORDS", 9)
    monkeypatch.setattr(packing, "BLOCK_RECORDS", 5)
    monkeypatch.setattr(packing, "SWEEP_RECORDS", 6)
    monkeypatch.setattr(upkeep, "REST_S", 0)
    vfs = await run_workload(tmp_path / "run", "FULL", 3, tier_size(40, 300), sinks=True)
    connection = database.connect(tmp_path / "run" / FILE)
    assert packed.counts(connection, 0, 1 << 60).total() > 0
    connection.close()
    every = range(1, len(vfs.entries) + 1)
    cuts = random.Random(2).sample(every, min(tier_size(100, len(every)), len(every)))
    armed, wrong = await cut_power(tmp_path, vfs.entries, cuts, 0)
    assert wrong == []
    assert armed > len(cuts) // 4, "most cuts must fall while something is unsynced"


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
async def test_the_same_cuts_find_the_loss_when_commits_are_not_synced(tmp_path, synchronous, monkeypatch):
    monkeypatch.setattr(database, "WAL_PAGES", CHECKPOINT_PAGES)
    vfs = await run_workload(tmp_path / "run", synchronous, 1, 12)
    cuts = random.Random(2).sample(range(1, len(vfs.entries) + 1), 40)
    _, wrong = await cut_power(tmp_path, vfs.entries, cuts, 0)
    assert any(" lost " in what for what in wrong)
