"""The log as the gateway uses it: order, durability, reading, a full disk, and what is never done in silence."""

from __future__ import annotations

import asyncio
import errno
import shutil
import stat
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from audit_disk import FullDisk
from near_log import NOW_MS, ORIGIN

from paifang.audit import AuditLog, checkpoints, ledger, notes, origin_of, queries, tail, tiles, tree, writer
from paifang.audit.verify import verify_folder
from paifang.errors import EXIT_RESOURCE, PaifangError

PATIENCE_S = 60


@pytest.fixture
def open_log(tmp_path):
    """`await open_log(**arguments of AuditLog)`; closed at the end."""
    opened = []

    async def make(**arguments):
        log = AuditLog(tmp_path / "audit", ORIGIN, lambda: NOW_MS, **arguments)
        await log.open()
        opened.append(log)
        return log

    yield make
    for log in opened:
        log._writer.close()
        log._writer.join(PATIENCE_S)


async def until(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.01)


def tail_entries(log):
    return tail.read((log.folder / ledger.TAIL_FILE).read_bytes()).entries


async def test_entries_keep_the_order_of_the_calls_and_are_on_the_disk_when_told(open_log):
    log = await open_log(publish_ms=3_600_000)
    waiting = [log.record("command", "meter-1", "zhang", {"n": number}) for number in range(50)]
    log.note("denied", "meter-1", "li", {"n": 50})
    assert await log.record("verdict", "meter-1", "meter-1", {"n": 51}) == 51
    assert [await each for each in waiting] == list(range(50))
    assert len(tail_entries(log)) == log.size == 52
    found = log.read(0, 100)
    assert [entry.detail["n"] for entry in found] == [entry.index for entry in found] == list(range(52))
    assert (found[50].kind, found[50].actor, found[50].utc_ms) == ("denied", "li", NOW_MS)


async def test_a_log_is_read_from_bundles_and_memory_alike(open_log):
    log = await open_log(publish_ms=0)
    for group in range(7):
        await asyncio.gather(*(log.record("command", "a", "b", {"n": group * 100 + n}) for n in range(100)))
    for first, last in ((0, 0), (250, 260), (511, 512), (690, 800), (0, 699), (700, 900), (5, 4)):
        numbers = [entry.detail["n"] for entry in log.read(first, last)]
        assert numbers == list(range(first, min(last + 1, 700)))
    assert [entry.index for entry in log.since(123)] == list(range(123, 700))
    assert list(log.since(700)) == []


async def test_a_log_goes_on_where_it_was_closed(open_log, tmp_path):
    sizes = []
    for count in (3, 0, 300, 256, 1):
        log = AuditLog(tmp_path / "audit", ORIGIN, lambda: NOW_MS)
        await log.open()
        key = log.public_key
        await asyncio.gather(*(log.record("start", "gateway", "gateway", {}) for _ in range(count)))
        sizes.append(log.size)
        await log.close()
        assert verify_folder(log.public_folder, notes.verifier_of(key)).checkpoint.size == log.size
    assert sizes == [3, 3, 303, 559, 560]
    assert (await open_log()).public_key == key


async def test_checkpoint_and_proofs_follow_the_entries(open_log):
    log = await open_log(publish_ms=20)
    await asyncio.gather(*(log.record("command", "a", "b", {"n": n}) for n in range(300)))
    await until(lambda: checkpoints.parse(log.checkpoint().encode())[0].size == 300)
    key = notes.verifier_of(log.public_key)
    head = checkpoints.verify(log.checkpoint().encode(), key)
    leaf = tree.leaf_hash(log.read_raw(77, 77)[0])
    assert tree.is_included(leaf, 77, 300, log.inclusion(77, 300), head.root)
    await log.record("command", "a", "b", {})
    await log.publish()
    new = checkpoints.verify(log.checkpoint().encode(), key)
    assert new.size == 301
    assert tree.is_consistent(300, 301, log.consistency(300, 301), head.root, new.root)
    for wrong in ((301, 301), (-1, 301), (0, 302), (0, 0)):
        with pytest.raises(PaifangError):
            log.inclusion(*wrong)
    for wrong in ((0, 1), (2, 1), (1, 302)):
        with pytest.raises(PaifangError):
            log.consistency(*wrong)


async def test_what_has_no_place_in_an_entry_is_refused_where_it_is_given(open_log):
    log = await open_log()
    with pytest.raises(ValueError):
        log.record("command", "a", "b", {"value": 1.5})
    with pytest.raises(ValueError):
        log.note("command", "a", "b", {"value": object()})
    assert await log.record("command", "a", "b", {}) == 0


async def test_any_thread_may_note(open_log):
    log = await open_log()

    def shout(who):
        for number in range(100):
            log.note("denied", "gateway", who, {"n": number})

    threads = [threading.Thread(target=shout, args=(f"uid-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    await log.record("stop", "gateway", "gateway", {})
    for who in ("uid-0", "uid-3"):
        assert [e.detail["n"] for e in log.since(0) if e.actor == who] == list(range(100))


async def test_a_record_that_nobody_waits_for_any_more_is_logged_all_the_same(open_log):
    log = await open_log()
    waiting = log.record("command", "a", "b", {})
    waiting.cancel()
    assert await log.record("command", "a", "b", {}) == 1
    assert log.size == 2


async def test_after_close_nothing_is_taken_in(tmp_path):
    log = AuditLog(tmp_path / "audit", ORIGIN, lambda: NOW_MS)
    await log.open()
    log.note("stop", "gateway", "gateway", {})
    await log.close()
    assert verify_folder(log.public_folder, notes.verifier_of(log.public_key)).checkpoint.size == 1
    with pytest.raises(PaifangError, match="closed"):
        log.note("stop", "gateway", "gateway", {})


async def test_two_gateways_do_not_write_one_log(open_log, tmp_path):
    await open_log()
    with pytest.raises(PaifangError, match="another gateway writes") as raised:
        await AuditLog(tmp_path / "audit", ORIGIN, lambda: NOW_MS).open()
    assert raised.value.exit_code == EXIT_RESOURCE


async def test_the_key_is_its_owners_alone_and_outside_of_the_folder_that_is_copied(open_log):
    log = await open_log()
    await log.publish()
    key = log.folder / ledger.KEY_FILE
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.folder.stat().st_mode) == 0o700
    secret = key.read_bytes().strip()
    assert all(secret not in path.read_bytes() for path in log.public_folder.rglob("*") if path.is_file())
    assert (log.folder / ledger.PUBLIC_KEY_FILE).read_text().strip() == log.public_key
    assert log.origin == origin_of("ward-1")


# A full disk


async def test_on_a_full_disk_nobody_is_told_yes_and_notes_wait(open_log, monkeypatch):
    monkeypatch.setattr(writer, "RETRY_LONGEST_S", 0.05)
    disk = FullDisk()
    log = await open_log(disk=disk, late_limit=3)
    assert await log.record("command", "a", "b", {"n": 0}) == 0
    disk.is_full = True
    waiting = log.record("command", "a", "b", {"n": 1})
    log.note("refused", "a", "b", {"n": 2})
    with pytest.raises(PaifangError, match="cannot be written") as raised:
        await waiting
    assert raised.value.exit_code == EXIT_RESOURCE
    assert log.broken is not None
    with pytest.raises(PaifangError):
        log.record("command", "a", "b", {"n": 3})
    with pytest.raises(PaifangError):
        log.publish()
    for number in range(4, 8):
        log.note("verdict", "a", "b", {"n": number, "receipt": b"\x01"})
    tried = disk.refused
    await until(lambda: log.late == 3 and log.lost == 2 and disk.refused > tried)
    assert [entry.detail["n"] for entry in log.read(0, 9)] == [0], "what is there can be read"
    disk.is_full = False
    await until(lambda: log.broken is None)
    assert await log.record("command", "a", "b", {"n": 8}) == 5
    _, outage, *late, last = log.read(0, 9)
    assert (outage.kind, outage.detail["late"], outage.detail["lost"]) == ("audit-late", 3, 2)
    assert "No space left" in outage.detail["problem"]
    assert [(entry.kind, entry.detail["kind"], entry.detail["detail"]["n"]) for entry in late] == [
        ("audit-late", "refused", 2),
        ("audit-late", "verdict", 4),
        ("audit-late", "verdict", 5),
    ]
    assert (last.kind, log.late, log.lost) == ("command", 0, 0)
    await log.publish()
    assert verify_folder(log.public_folder, notes.verifier_of(log.public_key)).is_good


async def test_a_log_that_cannot_be_published_is_broken_too(open_log, monkeypatch):
    monkeypatch.setattr(writer, "RETRY_LONGEST_S", 0.05)
    disk = FullDisk()
    log = await open_log(disk=disk, publish_ms=3_600_000)
    await log.record("command", "a", "b", {})
    monkeypatch.setattr(disk, "put", raise_io_error)
    with pytest.raises(PaifangError):
        await log.publish()
    assert log.broken is not None
    monkeypatch.undo()
    monkeypatch.setattr(writer, "RETRY_LONGEST_S", 0.05)
    await until(lambda: log.broken is None)
    assert [entry.kind for entry in log.read(0, 9)] == ["command", "audit-late"]


def raise_io_error(*_, **__):
    raise OSError(errno.EIO, "Input/output error")


async def test_closing_a_log_that_cannot_be_written_says_so(tmp_path, monkeypatch):
    disk = FullDisk()
    log = AuditLog(tmp_path / "audit", ORIGIN, lambda: NOW_MS, disk=disk)
    await log.open()
    disk.is_full = True
    log.note("stop", "gateway", "gateway", {})
    with pytest.raises(PaifangError, match="cannot be written"):
        await log.close()


# Missing and damaged logs


@pytest.fixture
async def left(tmp_path):
    """The folder of a log of 600 entries that was closed."""
    log = AuditLog(tmp_path / "audit", ORIGIN, lambda: NOW_MS)
    await log.open()
    await asyncio.gather(*(log.record("command", "a", "b", {"n": n}) for n in range(600)))
    await log.close()
    return tmp_path / "audit"


def remove(path):
    return lambda folder: (folder / path).unlink()


def change(path, byte):
    def turn(folder):
        data = bytearray((folder / path).read_bytes())
        data[byte] ^= 1
        (folder / path).write_bytes(data)

    return turn


def cut(path, count):
    return lambda folder: (folder / path).write_bytes((folder / path).read_bytes()[:-count])


DAMAGE = {
    "key": (remove("log.key"), "log.key is missing"),
    "key and tail": (lambda folder: (remove("log.key")(folder), remove("tail")(folder)), "log.key is missing"),
    "changed key": (change("log.key", 50), "holds no key"),
    "tail": (remove("tail"), "tail is missing"),
    "changed tail": (change("tail", 60), "tail"),
    "changed head": (change("tail", 3), "head"),
    "cut tail": (cut("tail", 9), "checkpoint covers 600 entries, the tail ends after 512"),
    "checkpoint": (remove("public/checkpoint"), "checkpoint is missing"),
    "changed checkpoint": (change("public/checkpoint", 21), "not signed"),
    "tile": (remove("public/tile/0/001"), "001 cannot be read"),
    "changed tile": (change("public/tile/0/001", 100), "do not lead to the root"),
    "cut tile": (cut("public/tile/0/000", 1), "no whole tile"),
    "public": (lambda folder: shutil.rmtree(folder / "public"), "checkpoint is missing"),
}


@pytest.mark.parametrize("what", DAMAGE)
async def test_a_log_that_is_missing_or_damaged_is_not_begun_anew(left, what):
    damage, expected = DAMAGE[what]
    damage(left)
    before = {path: path.read_bytes() for path in left.rglob("*") if path.is_file()}
    with pytest.raises(PaifangError, match=expected) as raised:
        await AuditLog(left, ORIGIN, lambda: NOW_MS).open()
    assert raised.value.exit_code == EXIT_RESOURCE
    assert "restore" in raised.value.hint
    assert {path: path.read_bytes() for path in left.rglob("*") if path.is_file()} == before, "nothing was touched"


async def test_a_log_that_is_gone_is_not_begun_anew_by_a_gateway_that_has_logged_before(left):
    shutil.rmtree(left)
    with pytest.raises(PaifangError, match="it is gone: this gateway has logged before"):
        await AuditLog(left, ORIGIN, lambda: NOW_MS).open(may_begin=False)
    assert list(left.iterdir()) == []


async def test_a_log_of_another_site_is_not_gone_on_with(left):
    with pytest.raises(PaifangError, match="is paifang/ward-1/audit, and this gateway's would be paifang/ward-2/audit"):
        await AuditLog(left, origin_of("ward-2"), lambda: NOW_MS).open()


# Questions of people


async def test_entries_are_listed_from_either_end_and_by_kind(open_log):
    log = await open_log(publish_ms=0)
    for number in range(600):
        log.note("denied" if number % 100 == 0 else "command", "a", "b", {"n": number})
    await log.publish()

    async def listed(*what):
        return [row["index"] for row in await queries.list_entries(log, *what)]

    assert await listed() == list(range(580, 600))
    assert await listed(None, 3) == [597, 598, 599]
    assert await listed(250, 10) == list(range(250, 260))
    assert await listed(None, 3, "denied") == [300, 400, 500]
    assert await listed(150, 3, "denied") == [200, 300, 400]
    assert await listed(None, 100, "denied") == [0, 100, 200, 300, 400, 500]
    assert await listed(595, 100) == [595, 596, 597, 598, 599]
    assert await listed(600, 5) == []
    assert await listed(None, 5, "nonsense") == []


async def test_an_empty_log_has_nothing_to_show(open_log):
    log = await open_log()
    assert await queries.list_entries(log) == []
    with pytest.raises(PaifangError, match="no entry 0"):
        await queries.show(log, 0)
    with pytest.raises(PaifangError):
        await queries.prove(log, 0)


async def test_an_entry_is_shown_and_proved_however_new_it_is(open_log):
    from paifang.audit import proofs
    from paifang.audit.notes import NoteError

    log = await open_log(publish_ms=3_600_000)
    for number in range(5):
        await log.record("command", "meter-1", "zhang", {"n": number, "id": b"\x01\x02"})
    shown = await queries.show(log, 4)
    assert (shown["detail"], shown["kind"]) == ({"id": "0102", "n": 4}, "command")
    found = await queries.prove(log, 4)
    assert found["size"] == 5
    proof = proofs.parse(found["proof"])
    entry, checkpoint = proof.verify(notes.verifier_of(log.public_key))
    assert (entry.detail["n"], checkpoint.size) == (4, 5)
    assert proof.text == found["proof"]
    data = found["proof"].encode()
    for place in range(len(data)):
        turned = bytearray(data)
        turned[place] ^= 1
        with pytest.raises((NoteError, UnicodeDecodeError)):
            proofs.parse(turned.decode()).verify(notes.verifier_of(log.public_key))
    head = queries.checkpoint(log)
    assert (head["size"], head["origin"], head["public_key"]) == (5, ORIGIN, log.public_key)


def test_proofs_grow_with_the_height_of_the_tree():
    assert len(tree.inclusion(77, 1_000_000, lambda level, index: bytes(32))) * tiles.HASH_LENGTH <= 640
