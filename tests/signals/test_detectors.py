"""Detectors: delay, extension, memory, counts; and every way to fail ends in a call."""

from __future__ import annotations

import itertools
import types
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.traffic_signal.detectors import ERRATIC, EXTEND_ONLY, LOCK, SILENT, SOUND, STUCK_ON, Detectors

GREEN, NOT_GREEN = 0b10, 0
CALLED = 0b10


def detectors(*rows: list[int]) -> Detectors:
    """Rows in ticks, of phase 2 unless they say otherwise."""
    return Detectors(types.SimpleNamespace(detectors=array("H", itertools.chain(*rows))))


def row(**changes: int) -> list[int]:
    names = ("phase", "delay", "extension", "options", "most_presence", "no_activity", "most_counts")
    return [changes.get(name, 2 if name == "phase" else 0) for name in names]


def played(of: Detectors, raw: str, green: int = NOT_GREEN) -> str:
    """What is called while a detector is covered ("1") or not ("0"), tick by tick."""
    return "".join("1" if of.tick(int(covered), green) & CALLED else "0" for covered in raw)


@pytest.mark.parametrize(
    ("changes", "raw", "green", "called"),
    [
        ({}, "0110", NOT_GREEN, "0110"),
        ({"delay": 2}, "0110111100", NOT_GREEN, "0000001100"),
        ({"delay": 2}, "0110", GREEN, "0110"),
        ({"extension": 2}, "01100000", NOT_GREEN, "01111000"),
        ({"extension": 2}, "01010000", GREEN, "01111100"),
        ({"options": LOCK}, "01000", NOT_GREEN, "01111"),
        ({"options": LOCK}, "01000", GREEN, "01000"),
        ({"options": LOCK, "delay": 2}, "01100", NOT_GREEN, "00000"),
        ({"options": EXTEND_ONLY}, "0110", NOT_GREEN, "0000"),
        ({"options": EXTEND_ONLY}, "0110", GREEN, "0110"),
        ({"phase": 0}, "0110", NOT_GREEN, "0000"),
    ],
)
def test_calls(changes: dict[str, int], raw: str, green: int, called: str) -> None:
    assert played(detectors(row(**changes)), raw, green) == called


def test_a_locked_call_ends_with_green() -> None:
    of = detectors(row(options=LOCK))
    assert played(of, "0100") == "0111"
    assert played(of, "00", GREEN) == "00"
    assert played(of, "00") == "00"


def test_a_phase_has_many_detectors_and_a_detector_one_phase() -> None:
    of = detectors(row(phase=1), row(phase=1), row(phase=8))
    assert [of.tick(raw, 0) for raw in (0b000, 0b001, 0b010, 0b110)] == [0, 1, 1, 0b10000001]


@pytest.mark.parametrize(
    ("changes", "raw", "fault"),
    [
        ({"most_presence": 50}, "1" * 52, STUCK_ON),
        ({"no_activity": 50}, "0" * 52, SILENT),
        ({"most_counts": 10}, "01" * 11, ERRATIC),
    ],
)
def test_a_detector_that_fails_calls_until_it_has_behaved_for_a_minute(
    changes: dict[str, int], raw: str, fault: int
) -> None:
    of = detectors(row(**changes))
    played(of, raw)
    assert (of.faults[0], of.failed()) == (fault, 1)
    well = ("0" * 40 + "1" * 40) * 20
    calls = played(of, well)
    assert calls.startswith("1" * 600)
    assert of.faults[0] == SOUND
    assert "0" in calls[1_300:]


@pytest.mark.parametrize("changes", [{"most_presence": 50}, {"no_activity": 50}, {"most_counts": 10}])
def test_what_is_within_the_limits_is_no_fault(changes: dict[str, int]) -> None:
    of = detectors(row(**changes))
    played(of, ("1" * 50 + "0" * 50) * 40)
    assert of.faults[0] == SOUND


def test_counts_and_occupancy_since_the_last_time() -> None:
    of = detectors(row(), row())
    played(of, "0110111")
    assert of.take(0) == (2, 5)
    assert of.take(1) == (0, 0)
    assert of.take(0) == (0, 0)


@given(raw=st.lists(st.integers(0, 0xFFFFFFFF), max_size=100), green=st.integers(0, 255))
def test_whoever_is_there_without_a_delay_calls(raw: list[int], green: int) -> None:
    of = detectors(*[row(phase=i % 8 + 1, extension=i) for i in range(32)])
    for covered in raw:
        there = sum(1 << phase for phase in range(8) if any(covered >> i & 1 for i in range(phase, 32, 8)))
        assert of.tick(covered, green) & there == there
