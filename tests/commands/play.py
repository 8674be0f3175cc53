"""Play games against the shipped code, or against a copy of it with one check taken out; each in a process of its own.

    python tests/commands/play.py walk --seed 7 --steps 500 [--verify p256] [--mutant NAME]
    python tests/commands/play.py attack late-release [--mutant NAME]
    python tests/commands/play.py cuts [--mutant NAME]
    python tests/commands/play.py hunt [SCENE] --mutant NAME

Prints one line of JSON: {"violation": text or null, "where": game, ...counts}, or {"error": traceback}. With `serve`, a
line of standard input is a list of such arguments, and one of standard output its outcome.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import os
import shutil
import sys
import tempfile
import traceback
import types
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCES = {"protocols": "paifang_wire", "firmware": "node", "gateway": "paifang"}
COSTLY = ("asyncio", "cast", "cbor2")
"""What takes long to load and is never mutated."""


def main() -> None:
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(HERE))
    if sys.argv[1:] != ["serve"]:
        print(json.dumps(outcome(sys.argv[1:])))
        return
    for name in COSTLY:
        importlib.import_module(name)
    for line in sys.stdin:
        if os.fork() == 0:
            print(json.dumps(outcome(json.loads(line))), flush=True)
            os._exit(0)
        os.wait()


def outcome(arguments: list[str]) -> dict[str, Any]:
    """The outcome of a game in this process, which is good for no other one afterwards."""
    parser = argparse.ArgumentParser()
    parser.add_argument("game", choices=("walk", "attack", "hunt", "cuts"))
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--mutant", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--verify", choices=("quick", "p256"), default="quick")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):  # nodes talk a lot
        try:
            prepare(copy_mutated(Path(folder), asked.mutant) if asked.mutant else dict.fromkeys(SOURCES, ROOT))
            return play(asked)
        except Exception:
            return {"error": traceback.format_exc()}


def copy_mutated(target: Path, name: str) -> dict[str, Path]:
    """Copy what a mutant changes to `target` and change it; the root of each source.

    Raises LookupError when a text that it replaces is not there once.
    """
    from mutants import MUTANTS

    roots = dict.fromkeys(SOURCES, ROOT)
    for path, old, new in MUTANTS[name].edits:
        source = Path(path).parts[0]
        if roots[source] == ROOT:
            package = Path(source, SOURCES[source])
            shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
            roots[source] = target
        text = (target / path).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise LookupError(f"mutant {name}: {path} holds {text.count(old)} times: {old!r}")
        (target / path).write_text(text.replace(old, new), encoding="utf-8")
    return roots


def prepare(roots: dict[str, Path]) -> None:
    """Make the code importable: MicroPython's own module has a stand-in."""
    shim = types.ModuleType("micropython")
    shim.const = lambda value: value  # type: ignore[attr-defined]
    sys.modules["micropython"] = shim
    sys.path[:0] = [str(root / source) for source, root in roots.items()]


def play(asked: argparse.Namespace) -> dict[str, Any]:
    """The outcome of what was asked for."""
    games = importlib.import_module("games")
    if asked.game == "attack":
        return games.attack(asked.name, asked.verify)
    if asked.game == "hunt":
        return games.hunt(asked.name, asked.seed, asked.steps, asked.verify)
    if asked.game == "cuts":
        return games.cuts(asked.seed, asked.verify)
    return games.walk(asked.seed, asked.steps, asked.verify)


if __name__ == "__main__":
    main()
