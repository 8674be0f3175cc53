"""Play games against the shipped code, or against a copy of it with one check taken out; one process, one verdict.

    python tests/commands/play.py walk --seed 7 --steps 500 [--verify p256] [--mutant NAME]
    python tests/commands/play.py attack late-release [--mutant NAME]
    python tests/commands/play.py cuts
    python tests/commands/play.py hunt [SCENE] --mutant NAME

Prints one line of JSON: {"violation": text or null, "where": game, ...counts}.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import shutil
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCES = ("protocols/paifang_wire", "firmware/node", "gateway/paifang")


def prepare(root: Path) -> None:
    """Make the code at `root` importable: MicroPython's own modules have stand-ins."""
    sys.dont_write_bytecode = True
    shim = types.ModuleType("micropython")
    shim.const = lambda value: value  # type: ignore[attr-defined]
    sys.modules["micropython"] = shim
    sys.path[:0] = [str(root / "protocols"), str(root / "firmware"), str(root / "gateway"), str(HERE)]


def copy_mutated(target: Path, name: str) -> None:
    """Copy the sources to `target` with one mutant's edits. Raises LookupError when its text is not found once."""
    from mutants import MUTANTS

    for source in SOURCES:
        shutil.copytree(ROOT / source, target / source, ignore=shutil.ignore_patterns("__pycache__"))
    for path, old, new in MUTANTS[name].edits:
        file = target / path
        text = file.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise LookupError(f"mutant {name}: {path} holds {text.count(old)} times: {old!r}")
        file.write_text(text.replace(old, new), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("game", choices=("walk", "attack", "hunt", "cuts"))
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--mutant", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--verify", choices=("quick", "p256"), default="quick")
    asked = parser.parse_args()
    sys.path.insert(0, str(HERE))
    with tempfile.TemporaryDirectory() as folder:
        root = ROOT
        if asked.mutant:
            root = Path(folder)
            copy_mutated(root, asked.mutant)
        prepare(root)
        with contextlib.redirect_stdout(io.StringIO()):  # what nodes say on their consoles
            outcome = play(asked)
    print(json.dumps(outcome))


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
