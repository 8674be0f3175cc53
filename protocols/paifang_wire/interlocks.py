"""The grammar of interlocks: a row's text that says under which values of other points it may be set to a value.

`rules` loads this where a row has such a text.
"""

_COMPARISONS = ("<=", ">=", "!=", "<", ">", "=")
"""Longer ones first: "<=" is not "<" and a number that begins with "="."""


def parse(text: "str | None") -> "list[tuple[int, list[tuple[str, str, int]]]]":
    """Return [(value, [(point name, comparison, integer), …]), …] of an interlock text.

    `"1: voltage<=2530 & alarm=0; 0: door=0"` says: to set 1, voltage must be at most 2530 and alarm 0; to set 0, door
    must be 0. Points are of the same node, integers as on the wire. A text of another form is for people: it gives [].
    """
    found: "list[tuple[int, list[tuple[str, str, int]]]]" = []
    if not text:
        return found
    try:
        for rule in text.split(";"):
            value, conditions = rule.split(":")
            found.append((int(value), [_condition(condition) for condition in conditions.split("&")]))
    except ValueError:
        return []
    return found


def holds(left: int, comparison: str, right: int) -> bool:
    """Tell whether `left` compares to `right` as one of the comparisons = != < <= > >= says."""
    if comparison == "=":
        return left == right
    if comparison == "!=":
        return left != right
    if comparison[0] == "<":
        return left < right or (len(comparison) == 2 and left == right)
    return left > right or (len(comparison) == 2 and left == right)


def _condition(text: str) -> "tuple[str, str, int]":
    """Return (point name, comparison, integer). Raises ValueError for another form."""
    for comparison in _COMPARISONS:
        name, found, bound = text.partition(comparison)
        if found and name.strip():
            return name.strip(), comparison, int(bound)
    raise ValueError(text)
