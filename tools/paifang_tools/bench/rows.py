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
_WHOLE = 1000
"""From here on a figure is shown without decimals."""


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
    """Print the table that people read; how each figure was measured stands below, once for all that share it."""
    table = Table("figure", "value", "unit", "goal", "", "how", box=None, padding=(0, 2, 0, 0))
    table.columns[1].justify = "right"
    notes: dict[str, int] = {}
    for item in rows:
        mark = "" if item.ok is None else "[green]met[/]" if item.ok else "[red]missed[/]"
        note = notes.setdefault(item.how, len(notes) + 1)
        table.add_row(item.name, _figure(item.value), item.unit, item.goal, mark, f"[dim]({note})[/]")
    console.print(table)
    for how, note in notes.items():
        console.print(f"[dim]({note}) {how}[/]")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:.4g}"


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write the list of {name, value, unit, goal, ok, how}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(item) for item in rows], indent=2) + "\n", encoding="utf-8")
