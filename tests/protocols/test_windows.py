"""The replay window and the record marks are what a plain set would be, on both interpreters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from portable import models

from paifang_wire.marks import RecordMarks

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import MicroPython


def test_against_a_set_on_cpython(tier_size: Callable[[int, int], int]) -> None:
    assert models.check_seeds(0, tier_size(1_000, 500_000)) == "ok"


def test_against_a_set_on_micropython(micropython: MicroPython, tier_size: Callable[[int, int], int]) -> None:
    assert micropython.run("models", b"0 %d\n" % tier_size(300, 100_000)) == ["ok"]


@pytest.mark.parametrize("last", [63, 64, 65, 2**32, 2**63, 2**64 - 1])
def test_a_declared_range_of_any_length_costs_nothing(last: int) -> None:
    marks = RecordMarks(0, 0b1010)
    assert marks.settle(1, last) == last - 2
    assert (marks.high, marks.bitmap) == (last, 0)
    assert marks.add(last + 1)


def test_a_wrong_window_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model can fail: a window one too short, and a gap that is counted but not settled, are both found."""
    monkeypatch.setattr("paifang_wire.windows.REPLAY_WINDOW", 31)
    assert "check_replay_window" in models.check_seeds(0, 200)
    monkeypatch.undo()
    monkeypatch.setattr(RecordMarks, "_advance", lambda self: None)
    assert "check_record_marks" in models.check_seeds(0, 200)
