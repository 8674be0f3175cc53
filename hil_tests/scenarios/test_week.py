"""A simulated week of a ward with faults of every kind, an hour in the test tier; and that it finds what is wrong."""

from __future__ import annotations

import pytest

from paifang_rig.week import far, firmware
from paifang_rig.week.command import told
from paifang_rig.week.run import week
from paifang_rig.week.schedule import KINDS

NODES = 200
PERIOD_S = 300.0
FEW, SOME_HOURS = 10, 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak), pytest.param(3, marks=pytest.mark.soak)])
def test_every_record_is_accounted_for_at_every_hour(tmp_path, tier_size, seed):
    hours = tier_size(1, 168)
    outcome = week(seed, hours, NODES, tmp_path, PERIOD_S)

    print(told(outcome))
    assert not outcome.problems, outcome.complaint
    assert outcome.looks == hours + 1
    assert outcome.fired.keys() == {kind.name for kind in KINDS}


def test_a_seed_is_a_run(tmp_path):
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        runs.append(week(5, SOME_HOURS, FEW, tmp_path / name))

    assert runs[0].digest == runs[1].digest
    assert runs[0].problems == []


def test_a_far_side_that_has_lost_something_it_confirmed_is_found_out(tmp_path, monkeypatch):
    take = far.FarSide.take
    monkeypatch.setattr(far.FarSide, "take", lambda self, records: take(self, records[:-1] or records))

    assert any("missing" in problem for problem in week(5, SOME_HOURS, FEW, tmp_path).problems)


def test_a_node_that_forgets_what_was_not_acknowledged_is_found_out(tmp_path, monkeypatch):
    resume = firmware.outbox.Outbox.resume
    monkeypatch.setattr(firmware.outbox.Outbox, "resume", lambda self, _, now: resume(self, self.next_number - 1, now))

    problems = week(5, SOME_HOURS, FEW, tmp_path).problems
    assert any("nowhere" in problem or "to our knowledge: None" in problem for problem in problems)
