"""What a tester of monitors finds out about a row, and the table that goes with a delivered unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .shipped import monitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .monitor_rows import Row


class Verdict(NamedTuple):
    """Of a row: the trip times that were measured, what was wrong (empty: nothing), what was left out."""

    row: Row
    trips_ms: tuple[int, ...]
    problems: tuple[str, ...]
    note: str = ""


def report(verdicts: list[Verdict]) -> str:
    """The table that goes with a delivered unit."""
    lines = [f"{'row':42} {'must trip, ms':>14} {'measured, ms':>14} {'runs':>5}  verdict"]
    for row, trips_ms, problems, note in verdicts:
        due = f"{row.least_ms}-{row.most_ms}"
        measured = f"{min(trips_ms)}-{max(trips_ms)}" if trips_ms else "-"
        judged = "FAILED" if problems else "passed" if trips_ms or not note else ""
        verdict = "; ".join(word for word in (judged, note) if word)
        lines.append(f"{row.name:42} {due:>14} {measured:>14} {len(trips_ms):>5}  {verdict}")
        lines += [f"    {problem}" for problem in problems]
    return "\n".join(lines)


def time_problems(row: Row, reason: int, tripped_ms: int | None, where: str) -> Iterator[str]:
    """What is wrong with a trip for `reason` so long after the fault, None for none."""
    if tripped_ms is None:
        yield "does not trip" + where
        return
    if reason != row.reason:
        yield f"trips for {monitor.REASONS[reason]!r}" + where
    if not row.least_ms <= tripped_ms <= row.most_ms:
        yield f"trips after {tripped_ms} ms" + where
    if row.own_ms and abs(tripped_ms - row.own_ms[0]) > row.own_ms[1]:
        yield f"trips after {tripped_ms} ms, which is not {row.own_ms[0]} ± {row.own_ms[1]} ms" + where
