"""Bench suite `signals`: the contest on the generated cross, and green waves on the arterial.

    python -m paifang_rig.signals.bench [--seeds N] [--search]

`--search`: look for the settings of SUMO's controllers instead, and print each with its mean delay.
"""

from __future__ import annotations

import argparse
from statistics import mean
from typing import TYPE_CHECKING

from paifang_tools.bench.rows import AT_MOST, Row, emit, row

from . import contest, metrics, records, waves

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS = 10
_SIDE_SEEDS = 4
_ADVISED_GOALS = {0.5: 0.85, 1.0: 0.95, 1.3: 1.02}
_FIGURES = (
    ("mean delay", "s", "mean_s"),
    ("p95 delay", "s", "p95_s"),
    ("stops", "a vehicle", "stops"),
    ("longest queue", "vehicles", "queue"),
    ("pedestrian delay", "s", "pedestrian_s"),
    ("never departed", "vehicles", "undeparted"),
)


def main() -> None:
    """Print the suite's rows, or what a search finds."""
    parser = argparse.ArgumentParser(prog="paifang_rig.signals.bench", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"traffic of how many seeds (default: {SEEDS})")
    parser.add_argument("--search", action="store_true", help="search for the settings of SUMO's controllers")
    chosen = parser.parse_args()
    if chosen.search:
        _search()
    else:
        emit(rows(range(1, chosen.seeds + 1)))


def rows(seeds: Sequence[int]) -> list[Row]:
    """Measure and return the suite's rows."""
    outcomes = list(contest.play(contest.entries(seeds)))
    return [
        *contest_rows(outcomes, len(seeds)),
        *_protected_rows(seeds[:_SIDE_SEEDS]),
        *_wave_rows(seeds[:_SIDE_SEEDS]),
    ]


def contest_rows(outcomes: list[contest.Outcome], seeds: int) -> list[Row]:
    """Figures of all controllers at each demand; the firmware against NEMA, paired by seed."""
    made: list[Row] = []
    how = f"{seeds} seeds of 70 min, all trips, departed or not; teleporting off; 3 s amber and 2 s red for everybody"
    paired = f"{how}; ratio of means, 95 % interval from a bootstrap over the pairs"
    for share in contest.DEMANDS:
        of = {
            name: [one for one in outcomes if one.entry.controller == name and one.entry.demand == share]
            for name in contest.CONTROLLERS
        }
        for name, runs in of.items():
            made += [
                row(f"{share} {name}: {what}", mean(getattr(run.figures, key) for run in runs), unit, how)
                for what, unit, key in _FIGURES
            ]
        for name in (contest.FIRMWARE, contest.ADVISED):
            made += _against(share, name, of[name], of[contest.NEMA], paired)
    return made


def _against(
    share: float, name: str, ours: list[contest.Outcome], theirs: list[contest.Outcome], how: str
) -> list[Row]:
    means = ([run.figures.mean_s for run in ours], [run.figures.mean_s for run in theirs])
    p95s = ([run.figures.p95_s for run in ours], [run.figures.p95_s for run in theirs])
    ratio, low, high = metrics.ratio_interval(*means)
    worst_s = max(run.longest_wait_ms for run in ours) / 1_000
    bound_s = records.MOST_RED_MS / 1_000
    left_out = max(run.figures.undeparted for run in ours) - max(run.figures.undeparted for run in theirs)
    return [
        row(f"{share} {name} : NEMA, mean delay", ratio, "x", f"{how}: {low:.3f} to {high:.3f}", (AT_MOST, 1.03)),
        *_upper_end(share, name, high, how),
        row(f"{share} {name} : NEMA, p95 delay", metrics.ratio_interval(*p95s)[0], "x", how, (AT_MOST, 1.25)),
        row(f"{share} {name}: longest red of somebody who waits", worst_s, "s", how, (AT_MOST, bound_s)),
        row(f"{share} {name}: more never departed than with NEMA", left_out, "vehicles", how, (AT_MOST, 0)),
    ]


def _upper_end(share: float, name: str, high: float, how: str) -> list[Row]:
    """With advice the whole interval is to be below its goal."""
    if name != contest.ADVISED:
        return []
    goal = (AT_MOST, _ADVISED_GOALS[share])
    return [row(f"{share} {name} : NEMA, mean delay, upper end of the interval", high, "x", how, goal)]


def _protected_rows(seeds: Sequence[int]) -> list[Row]:
    """The mean delay where left turns may not go on a gap, so that nothing is won by leaving their phases out."""
    outcomes = list(contest.play(contest.protected_entries(seeds)))
    made: list[Row] = []
    for share in contest.DEMANDS:
        of = [one for one in outcomes if one.entry.demand == share]
        ours = [one.figures.mean_s for one in of if one.entry.controller == contest.FIRMWARE]
        theirs = [one.figures.mean_s for one in of if one.entry.controller == contest.NEMA]
        ratio, low, high = metrics.ratio_interval(ours, theirs)
        how = f"{len(seeds)} seeds, left turns on their own phases only: {low:.3f} to {high:.3f}"
        made.append(row(f"{share} firmware : NEMA, left turns protected only", ratio, "x", how))
    return made


def _wave_rows(seeds: Sequence[int]) -> list[Row]:
    """Stops along the arterial, in a wave and each junction by itself."""
    entries = [waves.Entry(is_coordinated, seed) for seed in seeds for is_coordinated in (True, False)]
    found = list(waves.play(entries))
    waved, alone = found[::2], found[1::2]
    stops, low, high = metrics.ratio_interval([run.stops for run in waved], [run.stops for run in alone])
    delay = metrics.ratio_interval([run.mean_s for run in waved], [run.mean_s for run in alone])[0]
    how = f"{len(seeds)} seeds of 70 min on {waves.COUNT} junctions, cycle {waves.CYCLE_MS // 1_000} s; paired"
    return [
        row("arterial: stops in a wave : alone", stops, "x", f"{how}: {low:.3f} to {high:.3f}", (AT_MOST, 0.8)),
        row("arterial: mean delay in a wave : alone", delay, "x", how),
    ]


def _search() -> None:
    for name in contest.GRIDS:
        for outcome in contest.play(contest.grid(name)):
            entry = outcome.entry
            print(f"{name} {entry.demand} {entry.settings}: {outcome.figures.mean_s:.2f} s", flush=True)


if __name__ == "__main__":
    main()
