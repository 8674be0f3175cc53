"""`paifang backup` and `paifang restore` around a gateway that runs."""

import json
import shutil
import signal
import sqlite3
from contextlib import closing

from far_side import VOLTAGE, FarNode, until


async def stored(node, numbers):
    for number in numbers:
        node.report(number, {VOLTAGE: 2300 + number})
    await until(lambda: node.acked.get(1, (0, 0))[0] >= numbers[-1])


async def test_a_gateway_goes_on_with_what_was_backed_up_while_it_ran(daemon, paifang, ask, tmp_path):
    await daemon.start()
    node = await daemon.node()
    await stored(node, range(1, 4))
    file = tmp_path / "ward.backup"
    done = await ask("backup", file)
    assert done.code == 0
    assert done.out.startswith(f"wrote {file}: 3 records of 1 nodes and the audit log, as of ")
    assert "node keys are in it" in done.err
    await stored(node, range(4, 6))
    refused = await ask("restore", file, "--aside")
    assert (refused.code, "another gateway uses" in refused.err) == (4, True)
    await daemon.close()

    restored = await ask("restore", file, "--aside", "--json")
    assert restored.json["records"] == 3
    assert restored.json["log"] is False
    await daemon.start()
    again = FarNode(daemon.address, "meter-1", 2)
    daemon._nodes.append(again)
    await again.connect()
    assert [1, 3] in again.welcome[5]
    assert (await ask("audit", "verify")).code == 0
    kinds = [entry["kind"] for entry in (await ask("audit", "--json")).json]
    assert kinds.count("start") == 2
    with closing(sqlite3.connect(f"{restored.json['aside']}/paifang.db")) as aside:
        assert aside.execute("SELECT max(number) FROM records").fetchone() == (5,)


async def test_on_another_machine_the_log_waits_for_its_key(daemon, paifang, ask, tmp_path):
    await daemon.start()
    await stored(await daemon.node(), range(1, 4))
    await ask("backup", tmp_path / "ward.backup")
    await daemon.close()
    old = tmp_path / "old"
    paifang.data.rename(old)

    done = await ask("restore", tmp_path / "ward.backup")
    assert (done.code, "audit/log.key" in done.err) == (0, True)
    await daemon.start()
    assert "log.key" in daemon.log
    assert "nothing is commanded but the safe state" in daemon.log
    await daemon.close()
    shutil.copy(old / "audit" / "log.key", paifang.data / "audit")
    daemon.log = ""
    await daemon.start()
    assert "nothing is commanded" not in daemon.log
    assert (await ask("audit", "verify")).code == 0


async def test_a_gateway_carries_out_what_a_restore_has_begun(daemon, paifang, ask, tmp_path):
    await daemon.start()
    await stored(await daemon.node(), range(1, 4))
    await daemon.close()
    ready = paifang.data / "restored"
    (ready / "aside-1").mkdir(parents=True)
    (paifang.data / "paifang.db").rename(ready / "paifang.db")
    await daemon.start()
    assert "a restore that was broken off is carried out" in daemon.log
    assert [row["node"] for row in (await ask("nodes", "--json")).json] == ["meter-1"]
    assert not ready.exists()


def test_what_cannot_be_done_is_told(paifang, inside, tmp_path):
    none = inside("backup", tmp_path / "new.backup")
    assert (none.code, "there is no store" in none.err) == (1, True)
    none = inside("restore", tmp_path / "new.backup")
    assert (none.code, "there is no backup" in none.err) == (1, True)
    assert list(tmp_path.glob("new*")) == []


def test_json(paifang, inside, tmp_path):
    from paifang.store import database

    paifang.data.mkdir(mode=0o700)
    database.connect(paifang.data / "paifang.db").close()
    done = inside("backup", tmp_path / "new.backup", "--json")
    about = json.loads(done.out)
    assert about.pop("made_ms") > 0
    file = str(tmp_path / "new.backup")
    assert about == {"file": file, "site": "ward-1", "has_log": False, "records": 0, "nodes": 0}


def test_a_damaged_block_is_told_by_check(paifang, inside):
    from paifang.store import database

    paifang.data.mkdir(mode=0o700)
    connection = database.connect(paifang.data / "paifang.db")
    connection.execute("INSERT INTO facts VALUES ('packed-to', 9)")
    connection.execute("INSERT INTO blocks VALUES (1, 9, 'aq-1', 1, 1, 9, 1, 9, 5, 5, NULL, NULL, 9, 0, x'789c00')")
    connection.close()
    done = inside("check", "--store")
    assert done.code == 1
    assert "block 1, aq-1 1.1 to 1.9, 9 records: a damaged block" in " ".join(done.out.split())


async def test_a_damaged_page_is_told_at_the_start_and_one_command_helps(daemon, paifang, ask, tmp_path):
    await daemon.start()
    node = await daemon.node()
    await stored(node, range(1, 200))
    await ask("backup", tmp_path / "ward.backup")
    await stored(node, range(200, 210))
    await daemon.signal(signal.SIGKILL)
    await daemon.ended()
    path = paifang.data / "paifang.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint")
        other.execute("INSERT INTO facts VALUES ('a row', 1)")
        other.commit()
        spoil_last_page(path)
        left = [f.name for f in paifang.data.glob("paifang.db*")]
        for name in left:
            shutil.copy(paifang.data / name, tmp_path / name)
    for name in left:
        shutil.copy(tmp_path / name, paifang.data / name)

    checked = await ask("check", "--store")
    assert (checked.code, "is damaged" in checked.out) == (1, True)
    refused = await paifang("run")
    assert refused.code == 4
    assert "is damaged" in refused.err
    assert "paifang restore BACKUP --aside" in refused.err
    assert (await ask("restore", tmp_path / "ward.backup", "--aside")).code == 0
    assert "is sound" in (await ask("check", "--store")).out
    await daemon.start()


def spoil_last_page(path):
    data = path.read_bytes()
    path.write_bytes(data[:-4096] + b"\xa5" * 4096)
