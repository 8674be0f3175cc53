"""`python -m paifang_rig.week --seed 1 --hours 168 --nodes 200`: one run; exit code 1 when something is wrong."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from paifang_rig.week.run import PERIOD_S, Outcome, week
from paifang_rig.week.schedule import schedule
from paifang_rig.week.ward import SINKS


def main() -> int:
    asked = _arguments()
    if asked.schedule:
        print(*schedule(asked.seed, asked.hours, asked.nodes, len(SINKS)), sep="\n")
        return 0
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="paifang-week-") as folder:
        outcome = week(asked.seed, asked.hours, asked.nodes, Path(folder), asked.period, _looked)
    print(told(outcome))
    print(f"took {time.monotonic() - began_s:.0f} s")
    return 1 if outcome.problems else 0


def told(outcome: Outcome) -> str:
    """An outcome for people."""
    figures = {
        **outcome.figures,
        "faults": dict(sorted(outcome.fired.items())),
        "faults that met nothing": dict(sorted(outcome.missed.items())),
        "looks": outcome.looks,
        "digest": outcome.digest,
    }
    return "\n".join([*(f"{name}: {found}" for name, found in figures.items()), outcome.complaint])


def _looked(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m paifang_rig.week", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--period", type=float, default=PERIOD_S, help="seconds between readings of the busiest nodes")
    parser.add_argument("--schedule", action="store_true", help="print what would go wrong and when, and do nothing")
    return parser.parse_args()
