"""The gateway's process is killed at every stage of commit, ack, delivery, sink place, packing, retention and rollup.

After each kill: what was acknowledged is stored, retired or, for want of room, counted; what reached the far side is
there at least once, and each record once by its id; every count adds up; and the next life goes on.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from paifang.archive import source
from paifang.store import cursors, packed
from paifang.store.balance import balance

HERE = Path(__file__).parent
STAGES_MOST = 260
"""A life has more of them, so that each kill comes; the last stages of longer lives come in the later lives."""


@pytest.fixture
def killer():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(HERE / "killed.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, env=environment) as process:
        yield process


def live(killer, folder: Path, seed: int, stage: int) -> str:
    killer.stdin.write(f"{folder} {seed} {stage}\n")
    killer.stdin.flush()
    return killer.stdout.readline().strip()


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def check(folder: Path, *, ended: bool) -> int:
    """Returns how many records are packed."""
    with source.opened(folder / "paifang.db") as connection:
        found = balance(connection)
        rows = cursors.page(connection, 0, 1 << 60, 1 << 30)
        kept = {f"ward-1/{row[1]}/1.{row[3]}" for row in rows}
        packed_records = packed.counts(connection, 0, 1 << 60).total()
        marks = dict(connection.execute("SELECT node, high FROM boots").fetchall())
        minutes = connection.execute("SELECT coalesce(sum(count), 0) FROM rollups WHERE span_min = 1").get
        rolled = connection.execute("SELECT coalesce(max(number), 0) FROM facts WHERE name = 'rolled-to'").get
    assert found.problems == []
    assert len(kept) == len(rows) == sum(each.kept for each in found.nodes)
    for node, high in (line.split() for line in lines(folder / "acks")):
        assert marks[node] >= int(high)
    assert minutes <= rolled
    far = Counter(lines(folder / "far"))
    sinks = [each for each in found.sinks if each.sink == "city"]
    for each in sinks:
        # The node's records that are not kept were retired: delivered before, or counted as dropped.
        arrived = {name for name in far if name.startswith(f"ward-1/{each.node}/")}
        assert len(arrived) >= each.delivered
        missing = {f"ward-1/{each.node}/1.{number}" for number in range(1, marks[each.node] + 1)} - arrived
        assert len(missing - kept) <= sum(each.dropped.values())
        if ended:
            assert each.buffered == 0
            assert len(missing) <= sum(each.dropped.values())
            assert each.due == marks[each.node]
    return packed_records


def test_killed_at_every_stage(killer, tmp_path, tier_size):
    kills, lives = tier_size(50, 1_000), tier_size(4, 20)
    chance = random.Random(6)
    done = packed_records = 0
    for house in range(kills // lives + 1):
        folder = tmp_path / str(house)
        folder.mkdir()
        for life in range(lives):
            stage = chance.randint(1, STAGES_MOST)
            assert live(killer, folder, 1_000 * house + life, stage) == "killed", "this kill did not come"
            done += 1
            if (folder / "paifang.db").exists() and (folder / "acks").exists():
                packed_records += check(folder, ended=False)
        assert live(killer, folder, house, 0) == "done"
        check(folder, ended=True)
    assert done >= kills
    assert packed_records > 0
