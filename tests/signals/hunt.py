"""Mutants of the interlock and the monitor, and the quick tests that must kill each of them.

    hunt.py MODULE [--sample N]     every mutant that mutmut makes of the module, or N of them
    hunt.py MODULE --by-hand        those of mutants.py

A child process of its own takes each mutant in the module's place and runs the module's cases and, for the interlock,
small explorations; what raises, or does not end, is killed. mutmut's own runner wants its copy of a project and one
pytest a mutant; its generator is enough.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import random
import signal
import sys
import tempfile
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mutants
import shipped

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = "roles.traffic_signal"
FOLDER = shipped.ROOT / "firmware/roles/traffic_signal"
CASES = {"interlock": "signal_interlock", "monitor": "signal_monitor"}
LONGEST_S = 30
SURVIVED, KILLED = 0, 1


@dataclass(frozen=True)
class Mutant:
    """A module's whole source with one change, and the change in words."""

    name: str
    source: str


def source_of(module: str) -> str:
    return (FOLDER / f"{module}.py").read_text()


def edited(module: str, name: str, old: str, new: str) -> Mutant:
    """The module with `new` where `old` stands, which it does once."""
    source = source_of(module)
    assert source.count(old) == 1, f"{name}: stands {source.count(old)} times in {module}: {old!r}"
    changed = source.replace(old, new)
    compile(changed, name, "exec")
    return Mutant(name, changed)


def by_hand(module: str) -> list[Mutant]:
    """The mistakes that `mutants` lists."""
    table = {"interlock": mutants.INTERLOCK, "monitor": mutants.MONITOR}[module]
    return [edited(module, name, old, new) for name, (old, new) in table.items()]


def by_mutmut(module: str, sample: int = 0) -> list[Mutant]:
    """Every mutant that mutmut makes of the module, or `sample` of them."""
    from mutmut.mutation.file_mutation import create_mutations

    source = source_of(module)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("src").mkdir()  # its generator insists on the configuration of a project, which it finds beside src
        tree, mutations, _, _ = create_mutations(f"{module}.py", source)
    numbered = list(enumerate(mutations))
    if sample:
        numbered = random.Random(1).sample(numbered, sample)
    found = []
    for number, mutation in numbered:
        changed = tree.deep_replace(mutation.original_node, mutation.mutated_node).code
        place, old, new = _difference(source, changed)
        found.append(Mutant(f"{module} {number}, line {place}: {old} -> {new}", changed))
    return found


def _difference(one: str, other: str) -> tuple[int, str, str]:
    pairs = enumerate(zip(one.splitlines(), other.splitlines(), strict=False), 1)
    return next(((n, a.strip(), b.strip()) for n, (a, b) in pairs if a != b), (0, "", ""))


def survivors(module: str, made: list[Mutant], told: Callable[[str], None] = print) -> list[Mutant]:
    """Those that nothing kills."""
    assert _outcome(module, Mutant("shipped", source_of(module))) == SURVIVED, "the shipped module fails its tests"
    found = []
    running: dict[int, Mutant] = {}
    waiting = list(reversed(made))
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            mutant = waiting.pop()
            running[_begin(module, mutant)] = mutant
        process, status = os.wait()
        mutant = running.pop(process)
        if status == SURVIVED:
            found.append(mutant)
            told(f"survives: {mutant.name}")
    return found


def _outcome(module: str, mutant: Mutant) -> int:
    return KILLED if os.waitpid(_begin(module, mutant), 0)[1] else SURVIVED


def _begin(module: str, mutant: Mutant) -> int:
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    signal.alarm(LONGEST_S)
    try:
        _install(module, mutant.source)
        _run(module)
    except BaseException:
        if mutant.name == "shipped":
            sys.excepthook(*sys.exc_info())
        os._exit(KILLED)
    os._exit(SURVIVED)


def _install(module: str, source: str) -> None:
    name = f"{PACKAGE}.{module}"
    made = types.ModuleType(name)
    made.__package__ = PACKAGE
    parent = importlib.import_module(PACKAGE)
    exec(compile(source, f"{module}.py", "exec"), made.__dict__)
    sys.modules[name] = made
    setattr(parent, module, made)


def _run(module: str) -> None:
    sys.path.insert(0, str(shipped.ROOT / "tests/firmware"))
    cases: Any = importlib.import_module(f"firmware_cases.{CASES[module]}")
    cases.PHASES = (0, 13)
    for name, case in vars(cases).items():
        if name.startswith("test_"):
            case()
    if module == "interlock":
        importlib.import_module("quick").explore_all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", choices=CASES)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--by-hand", action="store_true")
    options = parser.parse_args()
    made = by_hand(options.module) if options.by_hand else by_mutmut(options.module, options.sample)
    left = survivors(options.module, made)
    print(f"{options.module}: {len(made)} mutants, {len(made) - len(left)} killed")


if __name__ == "__main__":
    main()
