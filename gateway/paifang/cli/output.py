"""How results are shown: tables for people, JSON for scripts, one line for an error."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import typer

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, and the text of a row's cell, which `style` may colour on a terminal."""

    title: str
    text: Callable[[Row], str]
    right: bool = False
    style: Callable[[Row], str] = lambda _row: ""


def column(
    title: str,
    key: str,
    text: Callable[[Any], str] = str,
    *,
    right: bool = False,
    style: Callable[[Row], str] = lambda _row: "",
) -> Column:
    """A column that shows one key of a row; what is missing or null is a dash."""

    def cell(row: Row) -> str:
        value = row.get(key)
        return "-" if value is None else text(value)

    return Column(title, cell, right, style)


def print_rows(rows: Sequence[Row], columns: Sequence[Column], as_json: bool, nothing: str) -> None:
    """A table on a terminal, aligned plain text into a pipe, a JSON array for scripts."""
    if as_json:
        print_json(list(rows))
    elif not rows:
        print_note(nothing)
    elif sys.stdout.isatty():
        _print_table(rows, columns)
    else:
        _print_plain(rows, columns)


def print_json(value: object) -> None:
    """One JSON document; a list has one line an item, so that text tools can work on it too."""
    if isinstance(value, list) and value:
        items = ",\n".join(json_text(item) for item in cast("list[object]", value))
        typer.echo(f"[\n{items}\n]")
    else:
        typer.echo(json_text(cast("object", value)))


def json_text(value: object) -> str:
    """`value` in one line, of which a terminal obeys nothing."""
    return _escaped(json.dumps(value, ensure_ascii=False), json.dumps)


def printable(text: str) -> str:
    """`text` with escapes for what a terminal would obey instead of showing it: much of it comes from nodes."""
    return _escaped(text, ascii)


def _escaped(text: str, quoted: Callable[[str], str]) -> str:
    return text if text.isprintable() else "".join(each if each.isprintable() else quoted(each)[1:-1] for each in text)


def print_error(message: str, hint: str = "") -> None:
    """An error as "paifang: what is wrong; what to do", one such line for each line of the message."""
    *first, last = message.splitlines() or [""]
    lines = [*first, last, hint] if first and hint else [*first, f"{last}; {hint}" if hint else last]
    for line in lines:
        typer.echo(f"paifang: {printable(line)}", err=True)


def print_note(text: str) -> None:
    """A word to the person, beside the result: on standard error, so that pipes stay clean."""
    typer.echo(printable(text), err=True)


def _print_table(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    from rich.console import Console
    from rich.text import Text

    table = plain_table()
    for each in columns:
        table.add_column(each.title, justify="right" if each.right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(each.text(row)), style=each.style(row)) for each in columns))
    Console().print(table)


def plain_table() -> "Table":
    """An empty table as this command line draws them."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))


def _print_plain(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    cells = [[each.title for each in columns], *([printable(each.text(row)) for each in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for line in cells:
        padded = (
            text.rjust(width) if each.right else text.ljust(width)
            for text, width, each in zip(line, widths, columns, strict=True)
        )
        typer.echo("  ".join(padded).rstrip())


def tree(value: Row, indent: str = "") -> list[str]:
    """A nested object as indented "key  value" lines, the values aligned."""
    width = max((len(key) for key, each in value.items() if not isinstance(each, dict)), default=0)
    lines: list[str] = []
    for key, each in value.items():
        title = f"{indent}{key.replace('_', ' ')}"
        if isinstance(each, dict) and each:
            lines += [title, *tree(cast("Row", each), indent + "  ")]
        else:
            lines.append(f"{title.ljust(len(indent) + width)}  {_plain_text(cast('object', each))}")
    return lines


def _plain_text(value: object) -> str:
    if value is None or value == {}:
        return "-"
    return printable(value) if isinstance(value, str) else json_text(value)
