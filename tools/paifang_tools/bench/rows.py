"""What a benchmark says: one row a figure, printed as a table and kept as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

AT_LEAST = ">="
AT_MOST = "<="


@dataclass(frozen=True)
class Row:
    """One figure. `goal` is ">= 100000", "<= 64" or empty; `ok` is None where there is no goal."""

    name: str
    value: float
    unit: str
    goal: str
    ok: bool | None
    how: str


def row(name: str, value: float, unit: str, how: str, goal: tuple[str, float] | None = None) -> Row:
    """Return the row of `value`, held against `goal` (AT_LEAST or AT_MOST, and the bound)."""
    if goal is None:
        return Row(name, value, unit, "", None, how)
    relation, bound = goal
    ok = value >= bound if relation == AT_LEAST else value <= bound
    return Row(name, value, unit, f"{relation} {bound:g}", ok, how)


def middle(values: Sequence[float]) -> float:
    """Return the median: the machine is shared and a mean would carry its worst moments."""
    return float(median(values))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0..1) of `values` lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def emit(rows: Sequence[Row]) -> None:
    """Print `rows` as JSON lines, for the process that runs the suites."""
    for item in rows:
        print(json.dumps(asdict(item)), flush=True)


def parse(line: str) -> Row:
    """Return the row of one line that `emit` printed. Raises ValueError or TypeError for anything else."""
    return Row(**json.loads(line))


def print_table(rows: Sequence[Row], console: Console) -> None:
    """Print the table that people read."""
    table = Table("figure", "value", "unit", "goal", "", "how it was measured")
    for item in rows:
        mark = "" if item.ok is None else "[green]met[/]" if item.ok else "[red]missed[/]"
        table.add_row(
            item.name,
            f"{item.value:,.4g}" if item.value < 1000 else f"{item.value:,.0f}",
            item.unit,
            item.goal,
            mark,
            item.how,
        )
    console.print(table)


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write the list of {name, value, unit, goal, ok, how}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(item) for item in rows], indent=2) + "\n", encoding="utf-8")
