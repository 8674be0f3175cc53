"""Backups and what comes out of them: whole or not there, whatever happens on the way."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from killing import killed_at
from reports import pack
from stored import enrol, fill, report

from paifang.archive import backup, log_copy, restore, source
from paifang.audit import opening, verify
from paifang.audit.disk import Disk
from paifang.config.folder import lock
from paifang.errors import PaifangError
from paifang.store import Store, database, facts, packing, upkeep

SITE = "ward-1"
NOW_MS = 1_800_000_000_000
RECORDS = 40


@pytest.fixture
def ward(tmp_path):
    """A data folder with a store, and a log of 300 entries: 256 in a whole bundle, 260 under the checkpoint."""
    folder = tmp_path / "ward"
    folder.mkdir()
    fill(folder / "paifang.db", [report(number, {2: number}) for number in range(1, RECORDS + 1)])
    enrol(folder / "paifang.db")
    ledger = opening.open_ledger(folder / "audit", f"paifang/{SITE}", Disk())
    for first, end in ((0, 200), (200, 260)):
        ledger.append([b"entry %d" % number for number in range(first, end)])
        ledger.publish()
    ledger.append([b"entry %d" % number for number in range(260, 300)])
    ledger.close()
    return folder


@pytest.fixture
def file(ward, tmp_path):
    path = tmp_path / "ward.backup"
    write(ward, path)
    return path


def write(ward, file):
    return backup.write(ward / "paifang.db", ward / "audit", file, SITE, NOW_MS)


def values(store):
    with source.opened(store) as connection:
        return [int(each.value) for each in source.readings(connection, source.Wanted(), source.Tally())]


def log_size(folder):
    ledger = opening.open_ledger(folder, f"paifang/{SITE}", Disk(), may_begin=False)
    ledger.close()
    return ledger.size


def files_of(folder):
    return {str(path.relative_to(folder)): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


async def test_packed_records_are_in_it_and_counted(ward, tmp_path, monkeypatch):
    monkeypatch.setattr(upkeep, "REST_S", 0)
    store = Store(ward / "paifang.db", settled=lambda _: None)
    await store.open()
    await store.written(lambda connection: facts.put(connection, facts.ROLLED_TO, RECORDS))
    await pack(store, NOW_MS + packing.WAIT_MS)
    assert await store.read(lambda connection: connection.execute("SELECT count(*) FROM records").get) == 1
    assert write(ward, tmp_path / "packed.backup").records == RECORDS
    await store.close()
    assert values(tmp_path / "packed.backup") == list(range(1, RECORDS + 1))
    assert backup.check(tmp_path / "packed.backup").records == RECORDS


def test_another_reader_finds_all_of_it_sound(ward, file):
    asked = (
        "PRAGMA integrity_check",
        "SELECT count(*) FROM records",
        "SELECT count(*) FROM backup_log WHERE path LIKE '%.key'",
    )
    with closing(sqlite3.connect(file)) as other:  # the interpreter's own SQLite, another one than the gateway's
        assert [other.execute(each).fetchone()[0] for each in asked] == ["ok", RECORDS, 0]
    assert backup.check(file) == backup.About(SITE, NOW_MS, True, RECORDS, 1)
    assert file.stat().st_mode & 0o777 == 0o600
    assert (ward / "audit" / "log.key").read_bytes().strip() not in file.read_bytes()
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == [file.name]


def test_it_is_exported_from_like_a_store(file):
    assert values(file) == list(range(1, RECORDS + 1))


def test_nothing_is_overwritten(ward, file):
    before = file.read_bytes()
    with pytest.raises(PaifangError, match="is there already"):
        write(ward, file)
    assert file.read_bytes() == before


def test_what_is_committed_and_not_yet_in_the_file_itself_is_in_it(ward, tmp_path):
    writer = database.connect(ward / "paifang.db")
    writer.execute("DELETE FROM records WHERE number > 10")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM records")
    write(ward, tmp_path / "late.backup")
    writer.execute("ROLLBACK")
    writer.close()
    assert len(values(tmp_path / "late.backup")) == 10


@pytest.mark.parametrize("entries", [1, 3, 90, 256, 700])
def test_a_log_that_grows_between_any_two_files_is_copied_whole(ward, tmp_path, entries):
    ledger = opening.open_ledger(ward / "audit", f"paifang/{SITE}", Disk())
    files = []
    for path, data in log_copy.files(ward / "audit"):
        files.append(path)
        log_copy.put(tmp_path / "copy", path, data)
        ledger.append([b"later"] * entries)
        ledger.publish()
    ledger.close()
    assert len(files) == len(set(files))
    assert 300 <= log_copy.check(tmp_path / "copy") <= 300 + entries * len(files)
    shutil.copy(ward / "audit" / "log.key", tmp_path / "copy")
    assert log_size(tmp_path / "copy") >= 300


def test_a_log_that_is_not_whole_is_told_and_can_be_left_out(ward, tmp_path):
    (ward / "audit" / "public" / "tile" / "entries" / "000").unlink()
    with pytest.raises(PaifangError, match=r"audit log.*is damaged") as raised:
        write(ward, tmp_path / "new.backup")
    assert "--without-log" in raised.value.hint
    assert not (tmp_path / "new.backup").exists()
    assert not backup.write(ward / "paifang.db", None, tmp_path / "new.backup", SITE, NOW_MS).has_log


def test_a_store_that_is_damaged_is_not_passed_on_as_a_backup(ward, tmp_path):
    damage(ward / "paifang.db", 2 * 4096, 4096)
    with pytest.raises(PaifangError, match=r"damaged|malformed"):
        write(ward, tmp_path / "new.backup")
    assert [path.name for path in tmp_path.iterdir()] == ["ward"]


def test_restored_is_what_was_backed_up(ward, file, tmp_path):
    folder = tmp_path / "new"
    done = restore.restore(file, folder, NOW_MS)
    assert (done.about.records, done.aside, done.log) == (RECORDS, None, True)
    assert values(folder / "paifang.db") == values(ward / "paifang.db")
    connection = database.connect(folder / "paifang.db")
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'backup%'").get == 0
    assert connection.execute("SELECT id FROM nodes").get == "aq-1"
    connection.close()
    key = opening.notes.verifier_of((ward / "audit" / "log.pub").read_text().strip())
    assert verify.verify_folder(folder / "audit" / "public", key).is_good
    with pytest.raises(PaifangError, match=r"its key .* is missing"):
        opening.open_ledger(folder / "audit", f"paifang/{SITE}", Disk())
    shutil.copy(ward / "audit" / "log.key", folder / "audit")
    assert log_size(folder / "audit") == 300
    assert {path.name for path in folder.iterdir()} == {"paifang.db", "audit", "gateway.lock"}
    assert (folder / "paifang.db").stat().st_mode & 0o777 == 0o600


def test_a_store_that_is_there_is_in_the_way_or_moved_aside(ward, file):
    fill(ward / "paifang.db", [report(99, {2: 99})], [])
    before = files_of(ward)
    with pytest.raises(PaifangError, match="there is a store") as raised:
        restore.restore(file, ward, NOW_MS)
    assert "--aside" in raised.value.hint
    assert files_of(ward).items() - {("gateway.lock", b"")} == before.items()
    done = restore.restore(file, ward, NOW_MS, aside=True)
    assert values(ward / "paifang.db") == list(range(1, RECORDS + 1))
    assert values(done.aside / "paifang.db")[-1] == 99
    assert done.log is False


def test_a_log_that_is_there_stays_as_it_is(ward, file):
    ledger = opening.open_ledger(ward / "audit", f"paifang/{SITE}", Disk())
    ledger.append([b"later"])
    ledger.close()
    restore.restore(file, ward, NOW_MS, aside=True)
    assert log_size(ward / "audit") == 301


def test_a_log_of_another_key_is_in_the_way(file, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    opening.open_ledger(folder / "audit", f"paifang/{SITE}", Disk()).close()
    before = files_of(folder)
    with pytest.raises(PaifangError, match="is another one"):
        restore.restore(file, folder, NOW_MS)
    assert files_of(folder).items() - {("gateway.lock", b"")} == before.items()


def test_not_while_a_gateway_runs_there(file, tmp_path):
    held = lock(tmp_path / "busy")
    with pytest.raises(PaifangError, match="another gateway uses"):
        restore.restore(file, tmp_path / "busy", NOW_MS)
    os.close(held)


def damage(path, offset, length=1):
    data = bytearray(path.read_bytes())
    for place in range(offset, offset + length):
        data[place] ^= 0x55
    path.write_bytes(data)


def test_one_wrong_byte_anywhere_in_a_backup_is_found_before_anything_changes(file, tmp_path, tier_size):
    whole = file.read_bytes()
    samples = tier_size(60, 5_000)
    for sample in range(samples):
        damage(file, len(whole) * sample // samples)
        with pytest.raises(PaifangError):
            restore.restore(file, tmp_path / "new", NOW_MS)
        file.write_bytes(whole)
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"gateway.lock"}
    restore.restore(file, tmp_path / "new", NOW_MS)


@pytest.mark.parametrize("length", [0, 50, 4096, -1])
def test_a_backup_that_was_cut_short_is_told(file, tmp_path, length):
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(PaifangError) as raised:
        restore.restore(file, tmp_path / "new", NOW_MS)
    assert str(file) in raised.value.message


def test_a_store_is_no_backup(ward, tmp_path):
    with pytest.raises(PaifangError, match="is no backup"):
        restore.restore(ward / "paifang.db", tmp_path / "new", NOW_MS)


def changes(most, tier_size):
    """Every change in a soak; in a test every 17th, and the last ones, where names are given."""
    return range(0, most, tier_size(17, 1))


def count_changes(job, undo):
    low, high = 0, 4096
    while low < high:
        middle = (low + high) // 2
        fired = killed_at(middle, job)
        undo()
        low, high = (middle + 1, high) if fired else (low, middle)
    return low


def test_a_backup_that_is_killed_leaves_none_and_the_next_one_is_whole(ward, tmp_path, tier_size):
    file = tmp_path / "killed.backup"
    remove = lambda: file.unlink(missing_ok=True)  # noqa: E731
    most = count_changes(lambda: write(ward, file), remove)
    assert most > 60
    finished = 0
    for change in {*changes(most, tier_size), *range(most - 8, most)}:
        assert killed_at(change, lambda: write(ward, file))
        if file.exists():
            finished += 1
            assert backup.check(file).records == RECORDS
            remove()
        write(ward, file)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["killed.backup", "ward"]
        remove()
    assert finished < 8


def state(folder):
    """What a gateway finds that starts there now."""
    held = lock(folder)
    restore.finish(folder)
    os.close(held)
    assert not (folder / "restored").exists()
    return values(folder / "paifang.db") if (folder / "paifang.db").exists() else None


@pytest.mark.parametrize("begin", ["empty", "aside"])
def test_a_restore_that_is_killed_has_happened_or_not(ward, file, tmp_path, tier_size, begin):
    folder, old, new = tmp_path / "new", [7, 8, 9], list(range(1, RECORDS + 1))

    template = tmp_path / "template"
    template.mkdir()
    if begin == "aside":
        shutil.copytree(ward / "audit", template / "audit")
        fill(template / "paifang.db", [report(number, {2: number}) for number in old])
        (template / "paifang.db-wal").write_bytes(b"")  # not to be taken for that of the new store

    def prepare():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)

    def job():
        restore.restore(file, folder, NOW_MS, aside=begin == "aside")

    prepare()
    most = count_changes(job, prepare)
    seen = {"before": 0, "after": 0}
    for change in {*changes(most, tier_size), *range(most - 20, most)}:
        prepare()
        assert killed_at(change, job)
        found = state(folder)
        if found == new:
            seen["after"] += 1
            if begin == "aside":
                assert values(folder / f"aside-{NOW_MS}" / "paifang.db") == old
            assert (folder / "audit" / "tail").exists()
        else:
            seen["before"] += 1
            assert found == (old if begin == "aside" else None)
            job()
            assert state(folder) == new
        assert not (folder / "paifang.db-wal").exists()
    assert min(seen.values()) > 3


def limited(file_bytes, job):
    """Run `job` in a process whose files cannot become longer; returns what it was told, "" when all went well."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        told = "a traceback"
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
            job()
            told = ""
        except PaifangError as error:
            told = f"{error.exit_code} {error}"
        finally:
            os.write(writing, told.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(process, 0)
    with os.fdopen(reading, "rb") as opened:
        return opened.read().decode()


def test_a_disk_that_does_not_take_it_is_told_and_nothing_is_left(ward, file, tmp_path):
    length = file.stat().st_size
    second, folder = tmp_path / "second.backup", tmp_path / "new"
    for job in (lambda: write(ward, second), lambda: restore.restore(file, folder, NOW_MS)):
        for file_bytes in range(0, length, length // 12):
            told = limited(file_bytes, job)
            assert told.startswith("4 "), (file_bytes, told)
        assert sorted(path.name for path in tmp_path.iterdir() if path != folder) == ["ward", "ward.backup"]
    assert [path.name for path in folder.iterdir()] == ["gateway.lock"]
    assert limited(2 * length, lambda: restore.restore(file, folder, NOW_MS)) == ""
    assert values(folder / "paifang.db") == list(range(1, RECORDS + 1))


def test_a_full_disk_is_told_by_its_name(ward, tmp_path):
    """On a disk of 64 kB, where this system lets us have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = f"mount -t tmpfs -o size=64k tmpfs {disk} && cd {disk}"
    enter = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*enter, mounted], check=False, capture_output=True).returncode:
        pytest.skip("no disk of our own can be mounted here")
    backup_it = f"{sys.executable} -m paifang backup {disk}/new.backup --data {ward}; echo $?; ls -A {disk}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    done = subprocess.run(
        [*enter, f"{mounted} && {backup_it}"], check=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout == "4\n"
    assert "no space is left" in done.stderr
