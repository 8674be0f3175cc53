"""The tester of monitors: the shipped one passes every row; one that has been spoilt fails the row it is spoilt in."""

from __future__ import annotations

import pytest

from paifang_rig.signals import monitor_tester
from roles.traffic_signal import monitor

SAMPLE_MS = monitor_tester.SAMPLE_MS


def test_the_shipped_monitor_passes_every_row(tier_size):
    verdicts = monitor_tester.test(monitor_tester.InProcess, range(0, SAMPLE_MS, tier_size(4, 1)))
    assert not [problem for verdict in verdicts for problem in verdict.problems], monitor_tester.report(verdicts)
    assert {verdict.row.reason for verdict in verdicts} >= set(range(1, monitor.LATE))


def test_a_conflict_trips_after_300_ms_give_or_take_a_sample(tier_size):
    verdicts = monitor_tester.test(monitor_tester.InProcess, range(0, SAMPLE_MS, tier_size(3, 1)))
    trips_ms = [trip for verdict in verdicts if verdict.row.name == "conflict" for trip in verdict.trips_ms]
    assert min(trips_ms) >= 200
    assert all(280 <= trip <= 320 for trip in trips_ms)


class Forgetful(monitor_tester.InProcess):
    """Writes down nothing."""

    def power_cycle(self) -> None:
        self._make(0)


class Holding(monitor_tester.InProcess):
    """Toggles its enable whatever has tripped."""

    _level = 0

    @property
    def enable(self) -> int:
        self._level = 1 - self._level
        return self._level


class Healing(monitor_tester.InProcess):
    """Resets itself as soon as nothing is wrong to be seen."""

    def sample(self, lamps, t_ms) -> None:
        if lamps.green == monitor_tester.STREET_A.green and lamps.supply:
            self.reset()
        super().sample(lamps, t_ms)


@pytest.mark.parametrize(
    ("kind", "words"),
    [(Forgetful, "forgets its trip over a loss of power"), (Holding, "holds the relay"), (Healing, "forgets its trip")],
)
def test_a_monitor_that_does_not_latch_fails(kind, words):
    verdicts = monitor_tester.test(kind, range(1))
    assert words in monitor_tester.report(verdicts)


SPOILT = {
    "_TRIP_MS": [
        ((180, 800, 360, 360), "conflict"),
        ((340, 800, 360, 360), "conflict"),
        ((300, 600, 360, 360), "no lamp on a face"),
        ((300, 1_100, 360, 360), "no lamp on a face"),
        ((300, 800, 200, 360), "two indications on a face"),
        ((300, 800, 360, 500), "not as asked"),
    ],
    "_FORGET_MS": [((50, 300, 666, 666), "conflict in pulses of 100 ms each 200 ms")],
    "_LEAST_MS": [(2_500, "amber too short"), (2_900, "amber too short"), (2_500, "amber and red too short")],
    "_SUPPLY_MS": [(100, "supply low"), (200, "supply low")],
    "_STALL_MS": [(1_600, "controller stalls")],
    "_RELAY_MS": [(800, "relay closed while let go")],
}


@pytest.mark.parametrize(
    ("name", "value", "row"), [(name, value, row) for name, cases in SPOILT.items() for value, row in cases]
)
def test_a_monitor_with_another_time_fails_that_row(name, value, row, monkeypatch):
    monkeypatch.setattr(monitor, name, value)
    failed = {
        verdict.row.name for verdict in monitor_tester.test(monitor_tester.InProcess, range(1)) if verdict.problems
    }
    assert row in failed
