"""The audit log on the command line: of the running gateway, of a copied folder, and the witness as another process."""

import asyncio
import itertools
import json
import shutil

import pytest

from paifang.audit import AuditLog, origin_of
from paifang.errors import EXIT_REFUSED, EXIT_USAGE

NOW_MS = 1_795_000_000_000
COUNT = 300


@pytest.fixture
async def log(tmp_path):
    """The folder of a log of 300 entries, closed."""
    made = AuditLog(tmp_path / "audit", origin_of("ward-1"), lambda: NOW_MS)
    await made.open()
    waiting = [
        made.record("denied" if n % 100 == 0 else "command", "meter-1", "zhang", {"n": n, "id": bytes([n % 256]) * 40})
        for n in range(COUNT)
    ]
    await asyncio.gather(*waiting)
    await made.close()
    return tmp_path / "audit"


async def grow(folder, count, who="zhang"):
    log = AuditLog(folder, origin_of("ward-1"), lambda: NOW_MS)
    await log.open()
    await asyncio.gather(*(log.record("command", "meter-1", who, {"n": n}) for n in range(count)))
    await log.close()


async def test_the_log_of_the_running_gateway_is_listed_shown_and_proved(daemon, paifang, tmp_path):
    await daemon.start()
    await daemon.node()
    rows = (await paifang("audit", "list", "--json")).json
    assert [row["kind"] for row in rows][:1] == ["start"]
    assert "enrol" in {row["kind"] for row in rows}
    assert (await paifang("audit", "--json")).json[: len(rows)] == rows
    enrolled = next(row for row in rows if row["kind"] == "enrol")
    assert (await paifang("audit", "list", "--kind", "enrol", "--json")).json == [enrolled]
    assert (await paifang("audit", "list", "--first", 0, "-n", 1, "--json")).json == rows[:1]
    shown = (await paifang("audit", "show", enrolled["index"])).out
    assert "meter-1" in shown
    proved = await paifang("audit", "prove", enrolled["index"])
    (tmp_path / "one.tlog-proof").write_text(proved.out)
    public = daemon.command_line.data / "audit" / "log.pub"
    checked = await paifang("audit", "prove", "--check", tmp_path / "one.tlog-proof", "--public", public, "--json")
    assert checked.code == 0, checked.err
    assert checked.json["index"] == enrolled["index"]
    unheard_of = await paifang("audit", "list", "--kind", "enroll")
    assert (unheard_of.code, "there are start, stop" in unheard_of.err) == (EXIT_USAGE, True)
    missing = await paifang("audit", "show", 10_000)
    assert (missing.code, "there is no entry 10000" in missing.err) == (EXIT_REFUSED, True)
    verified = await paifang("audit", "verify", "--json")
    assert (verified.code, verified.json["good"]) == (0, True)


async def test_a_copied_folder_is_listed_shown_proved_and_verified_without_a_gateway(log, inside, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(log / "public", copy)
    shutil.copy(log / "log.pub", tmp_path)
    public = (tmp_path / "log.pub").read_text().strip()
    rows = inside("audit", "list", "--folder", copy, "--kind", "denied", "--json").json
    assert [row["index"] for row in rows] == [0, 100, 200]
    table = inside("audit", "list", "--folder", copy, "-n", 2).out.splitlines()
    assert table[0].split() == ["ENTRY", "TIME", "KIND", "SUBJECT", "ACTOR", "DETAIL"]
    assert table[2].split()[0] == "299"
    assert "…" in table[2], "long values are cut"
    assert "2b" * 40 in inside("audit", "show", "299", "--folder", copy).out
    proof = inside("audit", "prove", "17", "--folder", copy).out
    (tmp_path / "17").write_text(proof)
    done = inside("audit", "prove", "--check", tmp_path / "17", "--public", tmp_path / "log.pub")
    assert (done.code, "entry 17 of 300" in done.err, "zhang" in done.out) == (0, True, True)
    done = inside("audit", "verify", "--folder", copy, "--public", public)
    assert (done.code, done.out) == (0, "300 entries of paifang/ward-1/audit are as they were signed\n")


async def test_what_was_changed_is_named(log, inside, tmp_path):
    bundle = log / "public" / "tile" / "entries" / "000"
    data = bytearray(bundle.read_bytes())
    data[-1] ^= 1
    bundle.write_bytes(data)
    done = inside("audit", "verify", "--folder", log / "public")
    assert done.code == EXIT_REFUSED
    assert done.out.startswith("BAD  entry 255 (tile/entries/000): is not what was logged\n")
    assert "the key is" in done.err, "a key from beside the log is pointed out"
    report = inside("audit", "verify", "--folder", log / "public", "--json").json
    assert report["findings"][0] == {"file": "tile/entries/000", "entry": 255, "what": "is not what was logged"}
    (tmp_path / "forged").write_text(inside("audit", "prove", "255", "--folder", log / "public").out)
    done = inside("audit", "prove", "--check", tmp_path / "forged", "--public", log / "log.pub")
    assert (done.code, "proves nothing" in done.err) == (EXIT_REFUSED, True)


async def test_the_witness_is_another_process_that_remembers(log, inside, tmp_path):
    mirror, state = tmp_path / "mirror", tmp_path / "memory"
    look = ("audit", "witness", "--log", mirror, "--public", log / "log.pub", "--state", state)
    shutil.copytree(log / "public", mirror)
    assert "good: 300 entries" in inside(*look).out
    old = tmp_path / "old"
    shutil.copytree(log, old)
    await grow(log, 50)
    shutil.rmtree(mirror)
    shutil.copytree(log / "public", mirror)
    assert inside(*look, "--json").json["size"] == 350
    shutil.rmtree(mirror)
    shutil.copytree(old / "public", mirror)
    assert inside("audit", "verify", "--folder", mirror, "--public", log / "log.pub").code == 0
    done = inside(*look)
    assert done.code == EXIT_REFUSED
    assert "ALARM  rolled back" in done.out
    await grow(old, 60, "li")
    shutil.rmtree(mirror)
    shutil.copytree(old / "public", mirror)
    done = inside(*look)
    assert (done.code, "split: another history" in done.out) == (EXIT_REFUSED, True)
    assert [row["size"] for row in json.loads(state.read_text())["found"]] == [300, 360]


async def test_a_witness_keeps_watching_a_log_that_is_being_written(log, paifang, tmp_path):
    """Two processes on one folder: the one writes, the other never sees anything but a log that grows."""
    writing = AuditLog(log, origin_of("ward-1"), lambda: NOW_MS, publish_ms=5)
    await writing.open()
    state = tmp_path / "memory"
    command = ("audit", "witness", "--log", log / "public", "--public", log / "log.pub", "--state", state)
    watching = await paifang.start(*command, "--every", "10ms", "--json")
    sizes = []
    async with asyncio.timeout(60):
        for count in itertools.count():
            await asyncio.gather(*(writing.record("command", "a", "b", {"n": count}) for _ in range(40)))
            if count % 5 == 0:
                row = json.loads(await watching.stdout.readline())
                assert row["verdict"] == "good", row
                sizes.append(row["size"])
            if len(sizes) == 12:
                break
    watching.terminate()
    await watching.communicate()
    await writing.close()
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 5, "it grew under the witness's eyes"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prove",), "give an entry's number"),
        (("prove", "1", "--check", "x"), "give an entry's number"),
        (("prove", "--check", "nothing"), "--public is missing"),
        (("prove", "--check", "nothing", "--public", "nothing"), "nothing cannot be read"),
        (("verify", "--folder", ".", "--public", "a+b+c"), "holds no public key"),
        (
            ("witness", "--log", ".", "--public", "a+b+c", "--state", "x", "--every", "soon"),
            "--every soon is not a time",
        ),
    ],
)
def test_wrong_usage_is_told(inside, arguments, said):
    done = inside("audit", *arguments)
    assert (done.code, said in done.err) == (EXIT_USAGE, True)


async def test_bad_receipt_keys_are_told(log, inside, tmp_path):
    (tmp_path / "keys").write_text("{}\n")
    done = inside("audit", "verify", "--folder", log / "public", "--receipts", tmp_path / "keys")
    assert (done.code, "line 1 is not" in done.err) == (EXIT_USAGE, True)
    (tmp_path / "keys").write_text(f'{{"node": "aq-1", "receipt_key": "{bytes(32).hex()}"}}\n')
    done = inside("audit", "verify", "--folder", log / "public", "--receipts", tmp_path / "keys")
    assert (done.code, "0 receipts checked" in done.out) == (0, True)


def test_a_log_is_begun_anew_only_on_request_and_where_there_is_none(inside, paifang):
    done = inside("audit", "begin")
    assert done.code == 0
    assert done.out.strip() == (paifang.data / "audit" / "log.pub").read_text().strip()
    again = inside("audit", "begin")
    assert (again.code, "there is something in" in again.err) == (EXIT_USAGE, True)


async def test_without_a_gateway_the_log_is_still_verified(inside, paifang):
    assert inside("audit", "begin").code == 0
    assert inside("audit", "verify").code == 0
    assert inside("audit", "list").code == 3
    (paifang.data / "audit" / "public" / "checkpoint").unlink()
    assert inside("audit", "verify").code == EXIT_REFUSED
