"""`paifang export` on the store of a gateway that runs, and on one of a hundred thousand records."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import cbor2
import pytest
from far_side import RELAY, VOLTAGE, until

sys.path.insert(0, str(Path(__file__).parents[1] / "archive"))

from stored import fill, report

MEMORY_GROWTH_KB = 8_000
MEASURED = """
import atexit, pathlib, re
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]))
from paifang.cli import main
main()
"""
"""The command line in a process that tells the most memory it has had, in kB."""


@pytest.fixture
def store(paifang):
    paifang.data.mkdir(mode=0o700)
    return paifang.data / "paifang.db"


def as_rows(text):
    return list(csv.DictReader(io.StringIO(text)))


async def test_what_a_running_gateway_has_acknowledged_is_there(daemon, paifang, ask):
    await daemon.start()
    node = await daemon.node()
    for number in range(1, 6):
        node.report(number, {VOLTAGE: 2300 + number, RELAY: 1})
    await until(lambda: node.acked.get(1, (0, 0))[0] == 5)
    rows = as_rows((await ask("export", "meter-1", "voltage")).out)
    assert [row["value"] for row in rows] == ["230.1", "230.2", "230.3", "230.4", "230.5"]
    assert {(row["node"], row["unit"], row["quality"]) for row in rows} == {("meter-1", "V", "good")}


def test_files_of_each_format(store, inside, tmp_path):
    fill(store, [report(1, {1: 2150})])
    name, value = "ward-1/aq-1/", 21.5
    for form, load in (("senml-json", json.loads), ("senml-cbor", cbor2.loads)):
        file = tmp_path / form
        done = inside("export", "-f", form, "-o", file)
        assert (done.code, done.out) == (0, "")
        assert done.err == f"wrote 1 readings to {file}\n"
        (record,) = load(file.read_bytes())
        assert (record.get("bn") or record[-2], float(record.get("v") or record[2])) == (name, value)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["data", "senml-cbor", "senml-json"]


def test_a_file_that_is_there_stays(store, inside, tmp_path):
    fill(store, [report(1, {1: 2150})])
    (tmp_path / "all.csv").write_text("mine")
    done = inside("export", "-o", tmp_path / "all.csv")
    assert done.code == 2
    assert "is there already" in done.err
    assert (tmp_path / "all.csv").read_text() == "mine"


def test_times_are_those_of_the_zone_that_was_given(store, inside):
    fill(store, [report(number, {2: number}) for number in (1, 3_600, 7_200)])
    done = inside("export", "--since", "2025-11-20T19:00:00+08:00", "--until", "2025-11-20T12:00:00Z")
    assert [row["time"] for row in as_rows(done.out)] == ["2025-11-20T11:35:07.123Z"]


def test_what_stays_out_is_told(store, inside):
    fill(store, [report(1, {2: 1}), report(2, {2: 2}, utc_ms=None)])
    assert "left out 1 readings whose time nobody knows" in inside("export", "-f", "senml-json").err
    assert "left out 1 records whose time nobody knows" in inside("export", "--since", "2025-01-01").err
    assert inside("export").err == ""


def test_damaged_records_are_told_and_the_others_written(store, inside):
    fill(store, [report(1, {2: 1}), report(2, {2: 2}, body=b"\x87")])
    done = inside("export")
    assert done.code == 1
    assert "1 records are damaged" in done.err
    assert len(as_rows(done.out)) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--format", "xml"], 2, "there is no format 'xml'"),
        (["--since", "yesterday"], 2, "is no time"),
        (["aq-9"], 1, "nothing is stored of a node aq-9"),
        (["--store", "/nowhere.db"], 1, "there is no store /nowhere.db"),
        (["-o", "/nowhere/all.csv"], 4, "cannot write /nowhere/all.csv"),
    ],
)
def test_what_cannot_be_done_is_told(store, inside, arguments, code, said):
    fill(store, [report(1, {2: 1})])
    done = inside("export", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk here")
def test_a_full_disk_is_told_and_leaves_nothing(store, paifang):
    fill(store, [report(1, {2: 1})])
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            paifang.command("export"), check=False, stdout=full, stderr=subprocess.PIPE, env=paifang.environment
        )
    assert done.returncode == 4
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_hundred_thousand_records_in_the_memory_of_a_thousand(store, paifang, tmp_path):
    used_kb = []
    for count in (1_000, 100_000):
        body = report(1, {2: 1})[-1]
        fill(store, (report(number, {}, boot=count, body=body) for number in range(1, count + 1)), [])
        file = tmp_path / f"{count}.csv"
        command = [sys.executable, "-c", MEASURED, "export", "-o", file]
        done = subprocess.run(command, check=True, capture_output=True, env=paifang.environment)
        used_kb.append(int(done.stdout))
    with file.open(newline="") as opened:
        numbers = [int(row["record"].partition(".")[2]) for row in csv.DictReader(opened)]
    assert numbers == [*range(1, 1_001), *range(1, 100_001)]
    assert file.stat().st_size > 5_000_000
    assert used_kb[1] < used_kb[0] + MEMORY_GROWTH_KB
