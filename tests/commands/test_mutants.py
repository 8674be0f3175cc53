"""Every check counts: a node without it breaks a promise, and the games find out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .mutants import MUTANTS

if TYPE_CHECKING:
    from .conftest import Plays

LEAST_MUTANTS = 15
STEPS = "2000"


def hunt(name: str) -> tuple[str, ...]:
    mutant = MUTANTS[name]
    return ("hunt", mutant.scene, "--mutant", name, "--verify", mutant.verify, "--steps", STEPS)


@pytest.mark.parametrize(("name", "games"), [(name, (hunt(name),)) for name in MUTANTS], ids=list(MUTANTS))
def test_a_missing_check_is_found(name: str, games: tuple, plays: Plays) -> None:
    outcome = plays[games[0]].result()
    assert outcome["violation"] == MUTANTS[name].breaks, outcome


def test_nothing_is_found_where_nothing_is_missing(play) -> None:
    """The same hunt on the shipped code, with its own arithmetic."""
    outcome = play("hunt", "", "--verify", "p256", "--steps", STEPS).result()
    assert outcome["violation"] is None, outcome


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= LEAST_MUTANTS
