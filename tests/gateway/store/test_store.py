"""What the store promises: an ack only after the sync, each record once, nothing lost that was acknowledged."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import apsw
import pytest
from far_side import until

from paifang.errors import EXIT_RESOURCE, PaifangError
from paifang.store import Store, boots
from paifang.store.bulk import SIZES, Bulk
from paifang_wire.errors import OVER_LIMIT, WireError
from paifang_wire.messages import BACKLOG

if TYPE_CHECKING:
    from pathlib import Path


def record(number: int, node: str = "aq-1", boot: int = 1) -> tuple:
    return (node, boot, number, 3, 1_000 * number, None, 5, b"\x00" * 20)


@pytest.fixture
async def open_store(tmp_path):
    """`await open_store(**arguments)`: a store and the list of acks it has given."""
    stores: list[Store] = []

    async def open_one(**arguments):
        acks: list[tuple[str, int, int, int]] = []
        path = arguments.pop("path", tmp_path / "paifang.db")
        store = Store(path, settled=lambda batch: acks.extend(batch.acks), **arguments)
        await store.open()
        stores.append(store)
        return store, acks

    yield open_one
    for store in stores:
        if store._writer.is_alive():
            await store.close()


class Gate(apsw.VFS):
    """The system's files, whose log is synced only while `open`, and written only while not `full`."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.open = threading.Event()
        self.open.set()
        self.full = False

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's name
        gate = self

        class File(apsw.VFSFile):
            def xSync(self, flags):  # noqa: N802
                assert gate.open.wait(20)
                super().xSync(flags)

            def xWrite(self, data, offset):  # noqa: N802
                if gate.full:
                    raise apsw.FullError("no space left on device")
                super().xWrite(data, offset)

        return File("", name, flags)


@pytest.fixture
def gate(request):
    return Gate(f"gate-{request.node.name}")


def rows(store: Store) -> list[int]:
    return [row[0] for row in store._connection.execute("SELECT number FROM records ORDER BY seq")]


async def test_nothing_is_acknowledged_before_it_is_synced(open_store, gate):
    store, acks = await open_store(vfs=gate.name)
    gate.open.clear()
    store.add(store.boot("aq-1", 1), record(1))
    for _ in range(50):
        await asyncio.sleep(0.002)
        assert acks == []
        assert store.boot("aq-1", 1).synced_high == 0
    gate.open.set()
    await until(lambda: acks == [("aq-1", 1, 1, 0)])
    assert store.boot("aq-1", 1).synced_high == 1


async def test_what_comes_in_during_a_commit_is_the_next_one(open_store, gate):
    store, acks = await open_store(vfs=gate.name)
    boot = store.boot("aq-1", 1)
    gate.open.clear()
    store.add(boot, record(1))
    await until(lambda: store.buffered == 1 and store._in_flight is not None)
    for number in range(2, 60):
        store.add(boot, record(number))
    gate.open.set()
    await until(lambda: len(acks) == 2)
    assert acks == [("aq-1", 1, 1, 0), ("aq-1", 1, 59, 0)]
    assert store.commits == 2


async def test_a_trickle_is_gathered_and_whoever_waits_is_served_at_once(open_store):
    store, acks = await open_store(commit_ms=60_000)
    boot = store.boot("aq-1", 1)
    store.add(boot, record(1))
    await store.written(lambda connection: connection.execute("SELECT 1").get)
    assert [ack[2] for ack in acks] == [1]
    for number in range(2, 9):
        store.add(boot, record(number))
        await asyncio.sleep(0.002)
    assert store.commits == 1
    await store.written(lambda connection: connection.execute("SELECT 1").get)
    assert [ack[2] for ack in acks] == [1, 8]


async def test_a_full_disk_is_told_and_survived(open_store, gate):
    store, acks = await open_store(vfs=gate.name, records_limit=10)
    boot = store.boot("aq-1", 1)
    gate.full = True
    store.add(boot, record(1))
    await until(lambda: store.problem is not None)
    assert "no space is left" in store.problem.message
    assert store.problem.exit_code == EXIT_RESOURCE
    with pytest.raises(PaifangError, match="no space is left"):
        await store.written(lambda connection: connection.execute("DELETE FROM records"))

    number = 1
    while not store.is_full:
        number += 1
        store.add(boot, record(number))
    assert number == 11
    assert acks == []
    gate.full = False
    await until(lambda: store.problem is None and acks and acks[-1][2] == number)
    assert rows(store) == list(range(1, number + 1))


async def test_a_job_whose_waiter_was_told_of_failure_does_not_happen_later(open_store, gate):
    store, acks = await open_store(vfs=gate.name)
    gate.full = True
    store.add(store.boot("aq-1", 1), record(1))
    insert = "INSERT INTO nodes VALUES ('x', x'00', 1, 1)"
    with pytest.raises(PaifangError):
        await store.written(lambda connection: connection.execute(insert))
    gate.full = False
    await until(lambda: acks)
    assert store._connection.execute("SELECT count(*) FROM nodes").get == 0


async def test_a_failing_job_undoes_itself_only(open_store):
    store, acks = await open_store()
    store.add(store.boot("aq-1", 1), record(1))
    with pytest.raises(PaifangError):
        await store.written(lambda connection: connection.execute("INSERT INTO nodes(id) VALUES (NULL)"))
    await until(lambda: acks)
    assert rows(store) == [1]


async def test_marks_live_on_when_the_file_is_opened_again(open_store):
    store, _ = await open_store()
    boot = store.boot("aq-1", 1)
    for number in (1, 2, 4, 64):
        assert store.add(boot, record(number)) is True
    assert store.add(boot, record(2)) is False
    store.settle(boot, 5, 7, 1, 9)
    await store.close()

    again, acks = await open_store()
    boot = again.boot("aq-1", 1)
    assert (boot.marks.high, boot.synced_high, boot.stored, boot.lost) == (2, 2, 4, 3)
    assert again.add(boot, record(4)) is False
    assert again.add(boot, record(64)) is False
    assert again.add(boot, record(3)) is True
    await until(lambda: acks)
    assert acks[-1][:3] == ("aq-1", 1, 7)
    assert rows(again) == [1, 2, 4, 64, 3]


async def test_the_greatest_bitmap_fits_its_column(open_store):
    store, acks = await open_store()
    boot = store.boot("aq-1", 1)
    for number in range(2, 65):
        store.add(boot, record(number))
    await until(lambda: acks)
    assert acks[-1] == ("aq-1", 1, 0, (1 << 64) - 2)
    await store.close()
    again, _ = await open_store()
    assert again.boot("aq-1", 1).marks.bitmap == (1 << 64) - 2


async def test_each_lane_of_a_boot_has_marks_of_its_own(open_store):
    store, acks = await open_store()
    boot = store.boot("aq-1", 1)
    for number in (1, 2, BACKLOG + 1, BACKLOG + 3, BACKLOG + 64):
        assert store.add(boot, record(number))
    assert not store.add(boot, record(BACKLOG + 3))
    await until(lambda: acks)
    assert acks == [("aq-1", 1, 2, 0), ("aq-1", 1, BACKLOG + 1, 1 << 1 | 1 << 62)]
    assert boot.synced() == [[1, 2], [1, BACKLOG + 1]]
    assert store.settle(boot, BACKLOG + 2, BACKLOG + 63, 3, 5) == 61
    await until(lambda: acks[-1] == ("aq-1", 1, BACKLOG + 64, 0))
    store.add(boot, record(3))
    await until(lambda: acks[-1] == ("aq-1", 1, 3, 0))
    await store.close()

    again, _ = await open_store()
    boot = again.boot("aq-1", 1)
    assert boot.synced() == [[1, 3], [1, BACKLOG + 64]]
    assert (boot.stored, boot.lost) == (6, 61)
    assert not again.add(boot, record(BACKLOG + 64))
    assert again.add(boot, record(BACKLOG + 65))
    assert again.add(boot, record(4))


async def test_the_greatest_bitmap_of_a_backlog_fits_its_column(open_store):
    store, acks = await open_store()
    boot = store.boot("aq-1", 1)
    for number in range(2, 65):
        store.add(boot, record(BACKLOG + number))
    await until(lambda: acks)
    assert acks == [("aq-1", 1, 0, 0), ("aq-1", 1, BACKLOG, (1 << 64) - 2)]
    assert boot.synced() == [[1, 0]]
    await store.close()
    again, _ = await open_store()
    assert again.boot("aq-1", 1).backlog.bitmap == (1 << 64) - 2


async def test_a_gap_lies_within_one_lane(open_store):
    store, _ = await open_store()
    boot = store.boot("aq-1", 1)
    for first, last in ((1, BACKLOG), (1, BACKLOG + 1), (5, 1 << 62)):
        with pytest.raises(WireError) as raised:
            store.settle(boot, first, last, 1, 5)
        assert raised.value.reason == OVER_LIMIT
    assert store.settle(boot, 1, BACKLOG - 1, 1, 5) == BACKLOG - 1
    assert store.settle(boot, BACKLOG + 1, 1 << 62, 1, 5) == (1 << 62) - BACKLOG


async def test_should_the_marks_ever_be_wrong_the_table_still_holds_each_record_once(open_store):
    store, acks = await open_store()
    store.add(store.boot("aq-1", 1), record(1))
    await until(lambda: acks)
    store.boot("aq-1", 1).marks.__init__()
    store.add(store.boot("aq-1", 1), record(1))
    await store.flush()
    assert rows(store) == [1]
    assert store.conflicts == 1


async def test_boots_beyond_the_newest_are_read_back_when_asked_for(open_store):
    store, _ = await open_store()
    for boot in range(1, 31):
        store.add(store.boot("aq-1", boot), record(1, boot=boot))
    await store.flush()
    for boot in range(31, 101):
        store.boot("aq-1", boot)
    assert len(store.boots("aq-1")) < 16
    for boot in range(1, 31):
        assert store.add(store.boot("aq-1", boot), record(1, boot=boot)) is False


async def test_a_node_that_names_ever_new_boots_does_not_hold_up_the_others(open_store, monkeypatch):
    looked_through = 0
    trim = boots._trim

    def counted(known, keep):
        nonlocal looked_through
        looked_through += len(known)
        trim(known, keep)

    monkeypatch.setattr(boots, "_trim", counted)
    store, acks = await open_store(commit_ms=1000)
    for boot in range(1, 10_001):
        store.settle(store.boot("aq-1", boot), 1, 5, 1, 0)
    assert 0 < looked_through < 20_000
    await store.flush()
    assert len(acks) == 10_000


async def test_the_boot_of_the_session_stays_while_older_ones_are_busy(open_store):
    """A link holds on to it: a second object of the same boot would not know what the first has settled."""
    store, acks = await open_store(commit_ms=1000)
    newest = store.boot("aq-1", 100)
    for boot in range(1, 31):
        store.add(store.boot("aq-1", boot), record(1, boot=boot))
    assert store.boot("aq-1", 100) is newest
    await store.flush()
    assert len(acks) == 30


@pytest.mark.parametrize("count", [0, 1, SIZES[0], SIZES[0] + 1, SIZES[-1], 3 * SIZES[-1] + 17])
async def test_any_number_of_rows_goes_in_at_once(open_store, count):
    store, acks = await open_store()
    connection = store._connect()
    connection.execute("CREATE TABLE t(a INTEGER, b TEXT)")
    given = [(number, None) for number in range(count)]
    assert Bulk("t", "a,b").insert(connection, given) == count
    assert connection.execute("SELECT a, b FROM t").fetchall() == given
    connection.close()


async def test_the_keys_are_nobody_elses(open_store, tmp_path):
    store, acks = await open_store()
    store.add(store.boot("aq-1", 1), record(1))
    await until(lambda: acks)
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert set(modes) == {"paifang.db", "paifang.db-wal", "paifang.db-shm"}
    assert set(modes.values()) == {0o600}


def damaged(path: Path) -> None:
    path.write_bytes(b"this is no database, but long enough to have a header" * 40)


def newer(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()


def foreign(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE recipes(name)")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damaged, "is not a database"),
        (newer, "was written by a newer paifang"),
        (foreign, "is a database of something else"),
        (lambda path: path.mkdir(), "cannot be opened"),
    ],
)
async def test_a_file_that_cannot_be_used_is_told_in_one_line(tmp_path, spoil, said):
    path = tmp_path / "paifang.db"
    spoil(path)
    with pytest.raises(PaifangError, match=said) as raised:
        await Store(path, settled=lambda _: None).open()
    assert raised.value.exit_code == EXIT_RESOURCE
    assert str(path) in raised.value.message
    assert raised.value.hint
