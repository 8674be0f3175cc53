"""Whoever has the gateway, its keys and all it has ever seen, cannot make a node act on a point of class 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .mutants import MUTANTS, STOLEN_GATEWAY

if TYPE_CHECKING:
    from .conftest import Plays


def games_of(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The attack on the shipped code with its own arithmetic, and on the mutant that lets it through."""
    mutant = STOLEN_GATEWAY[name]
    return ("attack", name, "--verify", "p256"), (
        ("attack", name, "--mutant", mutant, "--verify", MUTANTS[mutant].verify)
    )


@pytest.mark.parametrize(
    ("name", "games"), [(name, games_of(name)) for name in STOLEN_GATEWAY], ids=list(STOLEN_GATEWAY)
)
def test_a_stolen_gateway(name: str, games: tuple, plays: Plays) -> None:
    shipped, mutated = (plays[game].result() for game in games)
    assert shipped["violation"] is None, "the node gives way to it"
    assert mutated["violation"] == MUTANTS[STOLEN_GATEWAY[name]].breaks, "the attack proves nothing"
