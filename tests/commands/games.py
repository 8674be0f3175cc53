"""The games: one attack, a random walk of everybody, the cutting of power, and the hunt for a check that is missing."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from cast import QuickVerification
from ceremonies import CEREMONIES
from cuts import sweep
from forgeries import FORGERIES
from hostile import ATTACKS
from misuse import MISUSES
from oracle import Violation
from walk import Walk
from world import World

from paifang_wire import p256

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS_AN_EPISODE = 250
VERIFICATIONS = {"quick": QuickVerification, "p256": p256.Verification}
SCENES: dict[str, Callable[[World], None]] = {**ATTACKS, **MISUSES, **FORGERIES, **CEREMONIES}


def attack(name: str, verify: str = "quick", seed: int = 1) -> dict[str, Any]:
    """Play one scene."""

    def scene(_: Counter[str]) -> None:
        world = _world(seed, verify)
        world.station.is_honest = name not in ATTACKS
        SCENES[name](world)
        world.audit(world.station)

    return _played(scene, name)


def walk(seed: int, steps: int, verify: str) -> dict[str, Any]:
    """Play `steps` steps of random games, each from a fresh world; every second one with a hostile gateway."""
    chance = random.Random(seed)

    def episodes(counts: Counter[str]) -> None:
        left = steps
        while left > 0:
            game = Walk(_world(chance.getrandbits(32), verify), counts, is_hostile=counts["episodes"] % 2 == 1)
            counts["episodes"] += 1
            game.play(min(left, STEPS_AN_EPISODE))
            left -= STEPS_AN_EPISODE

    return _played(episodes, f"walk of seed {seed}")


def hunt(first: str, seed: int, steps: int, verify: str) -> dict[str, Any]:
    """Play one scene (unless it is ""), then every other, then walk, until something is found."""
    for name in sorted(SCENES, key=lambda name: name != first):
        outcome = attack(name, verify)
        if outcome["violation"]:
            return outcome
    outcome = cuts(seed, verify)
    if outcome["violation"]:
        return outcome
    return walk(seed, steps, verify)


def cuts(seed: int, verify: str) -> dict[str, Any]:
    """Cut the power everywhere."""
    return _played(lambda counts: sweep(lambda: _world(seed, verify), counts), "cuts")


def _world(seed: int, verify: str) -> World:
    return World(seed, VERIFICATIONS[verify])


def _played(game: Callable[[Counter[str]], None], name: str) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    try:
        game(counts)
    except Violation as violation:
        return {"violation": str(violation), "where": name, **counts}
    return {"violation": None, "where": name, **counts}
