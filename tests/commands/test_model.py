"""Random games of operators, line, node, clocks and gateways, good and bad: no promise is ever broken."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from .conftest import Outcome

WALKS = 4
SEED = 1
REASONS = (1, 2, 3, 4, 5, 6, 7, 10, 12, 14, 15, 16, 17)
"""Refusals that a random game must have come across, by their numbers on the wire."""
EVENTS = (
    "executed in class 1",
    "executed in class 2",
    "executed in class 3",
    "verdict 2 0",
    "verdict 3 0",
    "verdict 3 18",
    "power cuts",
    "faults of the line",
    "rooted refusal 0",
    "rooted refusal 1",
    "rooted refusal 14",
    "refused by the session: bad-mac",
    "refused by the session: replay",
)


def test_random_games(play: Callable[..., Future[Outcome]], tier_size: Callable[[int, int], int]) -> None:
    """10,000 steps, a million in a soak; and they went everywhere they should."""
    steps = tier_size(10_000, 1_000_000) // WALKS
    outcomes = [game.result() for game in [play("walk", "--seed", SEED + n, "--steps", steps) for n in range(WALKS)]]
    total: Counter[str] = Counter()
    for outcome in outcomes:
        assert outcome.pop("violation") is None, outcome
        del outcome["where"]
        total.update(outcome)
    assert total["steps"] >= tier_size(10_000, 1_000_000)
    missed = [event for event in EVENTS if not total[event]] + [f"{n}" for n in REASONS if not total[f"verdict 1 {n}"]]
    assert not missed, total


def test_random_games_with_a_nodes_own_arithmetic(
    play: Callable[..., Future[Outcome]], tier_size: Callable[[int, int], int]
) -> None:
    games = [play("walk", "--seed", 100 + n, "--steps", tier_size(1_000, 50_000), "--verify", "p256") for n in range(2)]
    for game in games:
        outcome = game.result()
        assert outcome["violation"] is None, outcome
        assert outcome["executed in class 3"], outcome


def test_the_same_seed_is_the_same_game(play: Callable[..., Future[Outcome]]) -> None:
    first, second = play("walk", "--seed", "7"), play("walk", "--seed", "7")
    other = play("walk", "--seed", "8")
    assert first.result() == second.result() != other.result()


def test_power_fails_at_every_storage_operation(play: Callable[..., Future[Outcome]]) -> None:
    """Never twice, never silently lost; the cuts fired before and after the act, and in the start after a cut."""
    outcome = play("cuts").result()
    assert outcome["violation"] is None, outcome
    fired = [outcome[kind] for kind in ("cut before the act", "cut after the act", "cuts of a start")]
    print(f"{outcome['cuts']} cuts fired, {fired[2]} of them twice")
    assert all(fired)
    assert outcome["key set 1"], "cut before the new key set counted"
    assert outcome["key set 2"], "cut after that"
