"""The tester of monitors before whole nodes: every row passes, and one that has been spoilt fails it."""

from __future__ import annotations

import asyncio

import pytest

from paifang_rig.signals import monitor_tester, node_tester, ports
from paifang_rig.signals.monitor_report import report
from paifang_rig.signals.monitor_rows import ROWS
from paifang_rig.signals.monitor_tester import SAMPLE_MS
from paifang_rig.signals.node_rows import NODE_ROWS
from roles.traffic_signal import monitor

SELF_TEST = 1
CONFLICT_MS = range(280, 321)
CONFLICT = [played for played in NODE_ROWS if played.row.name == "conflict"]
LATCHING_SUPPLY = [played for played in NODE_ROWS if played.row.options]


def in_process(record, plan):
    return node_tester.Tested(ports.InProcess(record, plan))


def assert_passed(verdicts):
    print(report(verdicts))
    assert not [problem for verdict in verdicts for problem in verdict.problems], report(verdicts)
    assert len(verdicts) == len(ROWS) + SELF_TEST
    conflicts = [trip for verdict in verdicts if verdict.row.reason == monitor.CONFLICT for trip in verdict.trips_ms]
    steady = next(verdict.trips_ms for verdict in verdicts if verdict.row.name == "conflict")
    assert min(conflicts) >= 200
    assert set(steady) <= set(CONFLICT_MS)


def test_a_whole_node_passes_every_row(tier_size):
    assert_passed(node_tester.examine(in_process, range(0, SAMPLE_MS, tier_size(13, 1)), tier_size(1, 1_000)))


@pytest.mark.timeout(300)
def test_a_board_passes_every_row(tier_size):
    make = node_tester.at(node_tester.SIMULATED)
    assert_passed(node_tester.examine(make, range(3, SAMPLE_MS, tier_size(20, 1)), tier_size(1, 1_000)))


SPOILT = [
    ("_TRIP_MS", (180, 800, 360, 360), "conflict"),
    ("_TRIP_MS", (340, 800, 360, 360), "conflict"),
    ("_TRIP_MS", (300, 1_100, 360, 360), "no lamp on a face"),
    ("_TRIP_MS", (300, 800, 360, 500), "not as asked"),
    ("_FORGET_MS", (50, 300, 50, 50), "conflict in pulses of 100 ms each 200 ms"),
    ("_LEAST_MS", 2_500, "amber too short"),
    ("_LEAST_MS", 2_500, "amber and red too short"),
    ("_LEAST_MS", 2_900, "amber too short"),
    ("_SUPPLY_MS", 100, "supply low"),
    ("_SUPPLY_MS", 200, "supply low, latching"),
    ("_STALL_MS", 1_600, "controller stalls"),
    ("_RELAY_MS", 800, "relay closed while let go"),
]


@pytest.mark.parametrize(("name", "value", "row"), SPOILT)
def test_a_node_whose_monitor_has_another_time_fails_that_row(name, value, row, monkeypatch):
    monkeypatch.setattr(monitor, name, value)
    rows = [played for played in NODE_ROWS if played.row.name == row]
    assert any(verdict.problems for verdict in node_tester.examine(in_process, range(1), 0, rows))


class Forgetful(ports.InProcess):
    """Keeps nothing over a loss of power."""

    def power_cut(self) -> None:
        super().power_cut()
        self.nvs.entries.pop("latch", None)


def test_a_node_that_forgets_its_latch_fails():
    verdicts = node_tester.examine(lambda *records: node_tester.Tested(Forgetful(*records)), range(1), 1, CONFLICT)
    assert "forgets its trip over a loss of power" in report(verdicts)


def test_the_report_of_the_bare_monitor(capsys):
    assert monitor_tester.main(["--every", "10"]) == 0
    assert capsys.readouterr().out.count(" passed") == len(ROWS) + SELF_TEST


async def test_a_board_at_the_end_of_a_serial_line_passes(bench, tmp_path, tier_size):
    """The files that `--files` writes, on a board whose UART 1 is a device of this machine."""
    node_tester.write_files(tmp_path, uart=1)
    files = [(tmp_path / name).read_bytes() for name in ("flash.bin", "nvs.bin")]
    board = bench.board("tester", files[0], nvs=files[1], serial=True, heap="256k")
    board.power_on()
    loop = asyncio.get_running_loop()

    def switch(on):
        done = asyncio.run_coroutine_threadsafe(switched(on), loop)
        done.result(20)

    async def switched(on):
        board.power_on() if on else board.power_cut()

    def make(record, plan):
        if record[6]:
            return None
        return node_tester.Tested(ports.OnLine(len(record[2]), board.serial_path, switch=switch))

    rows = tier_size([*CONFLICT, *LATCHING_SUPPLY], NODE_ROWS)
    verdicts = await asyncio.to_thread(node_tester.examine, make, range(1), 1, rows)
    print(report(verdicts))
    assert not [problem for verdict in verdicts for problem in verdict.problems], report(verdicts)
    assert [verdict.row.name for verdict in verdicts if verdict.note] == ["supply low, latching"]
