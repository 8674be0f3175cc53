"""Games run in processes of their own: the node's code belongs to another interpreter, and mutants to no other test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

PLAY = Path(__file__).parent / "play.py"

Outcome = dict[str, Any]
Server = subprocess.Popen[str]


def served(servers: SimpleQueue[Server], asked: tuple[str, ...]) -> Outcome:
    """The outcome of one game. Raises AssertionError when the game itself ends badly, as on a mutant gone stale."""
    server = servers.get()
    try:
        assert server.stdin and server.stdout  # noqa: PT018
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        outcome: Outcome = json.loads(server.stdout.readline())
    finally:
        servers.put(server)
    assert "error" not in outcome, f"{' '.join(asked)}: {outcome['error']}"
    return outcome


@pytest.fixture(scope="session")
def play() -> Iterator[Callable[..., Future[Outcome]]]:
    """`play("walk", "--seed", "1")` begins a game; as many are played at a time as there are processors."""
    count = os.cpu_count() or 1
    servers: SimpleQueue[Server] = SimpleQueue()
    with ExitStack() as stack:
        for _ in range(count):
            command = [sys.executable, str(PLAY), "serve"]
            servers.put(
                stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            )
        pool = stack.enter_context(ThreadPoolExecutor(count))
        yield lambda *asked: pool.submit(served, servers, tuple(map(str, asked)))


class Plays(dict[tuple[str, ...], "Future[Outcome]"]):
    """What was asked: the outcome to come. A game that is not played yet begins when somebody asks for it."""

    def __init__(self, play: Callable[..., Future[Outcome]]) -> None:
        super().__init__()
        self._play = play

    def __missing__(self, game: tuple[str, ...]) -> Future[Outcome]:
        future = self[game] = self._play(*game)
        return future


@pytest.fixture(scope="module")
def plays(request: pytest.FixtureRequest, play: Callable[..., Future[Outcome]]) -> Plays:
    """The games of every selected test of a module, all begun at once.

    Not where tests are shared out among processes: each would play the games of all. A test's parameter `games` holds
    them, each a tuple of arguments.
    """
    begun = Plays(play)
    if not hasattr(request.config, "workerinput"):
        calls = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
        for game in sorted({game for call in calls if call is not None for game in call.params["games"]}):
            begun[game]
    return begun
