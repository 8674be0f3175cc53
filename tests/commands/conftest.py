"""Games run in processes of their own: the node's code belongs to another interpreter, and mutants to no other test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

PLAY = Path(__file__).parent / "play.py"
GAME_TIMEOUT_S = 5 * 3600

Outcome = dict[str, Any]


def played(*asked: str) -> Outcome:
    """The outcome of one game. Raises AssertionError when the game itself ends badly, as on a mutant gone stale."""
    done = subprocess.run(
        [sys.executable, PLAY, *asked], capture_output=True, text=True, timeout=GAME_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"{' '.join(asked)}: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def play() -> Iterator[Callable[..., Future[Outcome]]]:
    """`play("walk", "--seed", "1")` begins a game; as many are played at a time as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield lambda *asked: pool.submit(played, *map(str, asked))


@pytest.fixture(scope="module")
def plays(
    request: pytest.FixtureRequest, play: Callable[..., Future[Outcome]]
) -> dict[tuple[str, ...], Future[Outcome]]:
    """The games of every selected test of a module, all begun at once: {what was asked: outcome to come}.

    A test's parameter `games` holds them, each a tuple of arguments.
    """
    calls = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    asked = {game for call in calls if call is not None for game in call.params["games"]}
    return {game: play(*game) for game in sorted(asked)}
