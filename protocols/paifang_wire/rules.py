"""What a command to a point needs, and whether it is within the point's bounds: the same evaluator on both sides.

Class 0 is read-only. Class 1 is commanded directly. Classes 2 and 3 are selected first, with the value, and operated
then; class 3 besides needs the signatures of two persons (`orders`). The safe state is open on every point that can
be written. The gateway refuses what it can see to be wrong; the node refuses again, from its own table only.
"""

from . import messages

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

SELECT_MS = 10_000
"""How long a point of class 2 stays selected."""
TOKEN_MS = 300_000
"""How long the token of a point of class 3 is good, by the node's own uptime."""
SAFE_WITHIN_MS = 30_000
"""The farthest deadline of a command to the safe state."""

NUMBER, NAME, UNIT, TYPE, SCALE, MINIMUM, MAXIMUM, CLASS, INTERLOCK = range(9)
"""Places in a row of a description."""

_OPS = ((), (messages.OP_DIRECT,)) + 2 * ((messages.OP_SELECT, messages.OP_OPERATE, messages.OP_CANCEL),)
"""By class: the operations it knows, beside the safe state."""


def find(table: "Sequence[Any]", number: int) -> "Any":
    """Return the row of point `number`, or None."""
    for row in table:
        if row[NUMBER] == number:
            return row
    return None


def refusal(
    table: "Sequence[Any]",
    number: int,
    op: int,
    value: "int | None",
    expect: "int | None",
    read: "Callable[[int], int | None]",
    is_node: bool = True,
) -> int:
    """Return why a command is refused by what the table says, or 0.

    `table` holds rows as in the `describe` message; `read(number)` gives a point's present value on the wire, None when
    it is not known. What is not known refuses on the node and is left to the node on the gateway (`is_node` False).
    """
    row = find(table, number)
    if row is None:
        return messages.NO_SUCH_POINT
    if row[CLASS] == 0:
        return messages.READ_ONLY
    if op == messages.OP_SAFE:
        return 0 if value is None else messages.WRONG_TYPE
    if op not in _OPS[row[CLASS]]:
        return messages.NOT_SELECTED if op == messages.OP_DIRECT else messages.NO_SUCH_OP
    if op == messages.OP_CANCEL:
        return 0
    return (
        _bounds_refusal(row, value)
        or _interlock_refusal(table, row, value, read, is_node)
        or _expect_refusal(number, expect, read, is_node)
    )


def _bounds_refusal(row: "Sequence[Any]", value: "int | None") -> int:
    if type(value) is not int or (row[TYPE] == messages.BOOL and not 0 <= value <= 1):
        return messages.WRONG_TYPE
    if (row[MINIMUM] is not None and value < row[MINIMUM]) or (row[MAXIMUM] is not None and value > row[MAXIMUM]):
        return messages.LIMIT
    return 0


def _interlock_refusal(
    table: "Sequence[Any]",
    row: "Sequence[Any]",
    value: "int | None",
    read: "Callable[[int], int | None]",
    is_node: bool,
) -> int:
    if row[INTERLOCK] is None:
        return 0
    from .interlocks import holds, parse  # most nodes have none: a module of its own saves their heap

    for locked, conditions in parse(row[INTERLOCK]):
        if locked != value:
            continue
        for name, comparison, bound in conditions:
            present = _named(table, name, read)
            if is_node if present is None else not holds(present, comparison, bound):
                return messages.INTERLOCK
    return 0


def _expect_refusal(number: int, expect: "int | None", read: "Callable[[int], int | None]", is_node: bool) -> int:
    if expect is None:
        return 0
    present = read(number)
    if is_node if present is None else present != expect:
        return messages.UNEXPECTED
    return 0


def _named(table: "Sequence[Any]", name: str, read: "Callable[[int], int | None]") -> "int | None":
    for row in table:
        if row[NAME] == name:
            return read(row[NUMBER])
    return None
