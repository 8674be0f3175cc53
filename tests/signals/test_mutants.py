"""Every mistake in the interlock and the monitor is found by their quick tests."""

from __future__ import annotations

import subprocess
import sys

import pytest
from mutants import EQUIVALENT, INTERLOCK, MONITOR
from shipped import HERE

BY_HAND = {"interlock": INTERLOCK, "monitor": MONITOR}
LEAST_BY_HAND = 15
SAMPLE = "12"


def hunted(*arguments: str) -> str:
    """What `hunt.py` prints: a line for each mutant that survives, then the sum."""
    command = [sys.executable, str(HERE / "hunt.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=3600).stdout


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("module", BY_HAND)
def test_mistakes_by_hand(module: str) -> None:
    assert len(BY_HAND[module]) >= LEAST_BY_HAND
    assert hunted(module, "--by-hand") == f"{module}: {len(BY_HAND[module])} mutants, {len(BY_HAND[module])} killed\n"


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("module", BY_HAND)
def test_mistakes_by_mutmut(module: str, tier: str) -> None:
    """All of them in a soak, and a sample otherwise: those that survive are known, each with its reason."""
    pytest.importorskip("mutmut")
    told = hunted(module, *(() if tier == "soak" else ("--sample", SAMPLE))).splitlines()
    found = {line.split(", ", 1)[1].split(": ", 1)[1] for line in told if line.startswith("survives: ")}
    known = {f"{old} -> {new}" for old, new, _ in EQUIVALENT[module]}
    assert found <= known, "\n".join(told)
    print(told[-1])
