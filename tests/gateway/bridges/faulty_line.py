"""What goes wrong with answers on a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

FAULTS = ("drop", "late", "double", "double_late", "cut", "garble", "other_unit", "noise")
COUNTED = {
    "drop": "silent",
    "late": "late",
    "double": "late",
    "double_late": "late",
    "cut": "cut",
    "garble": "garbled",
    "other_unit": "other_unit",
    "noise": "noise",
}
"""Fault -> what it is counted as."""


def spoil(
    data: bytes,
    dice: random.Random,
    other: Callable[[bytes], bytes],
    faults: Sequence[str] = FAULTS,
    share: float = 0.25,
    timeout_us: int = 300_000,
) -> list[tuple[int, bytes]]:
    """A share of the answers goes wrong, in one of these ways. `other`: the same answer, from another device."""
    if dice.random() > share:
        return [(0, data)]
    fault = dice.choice(faults)
    if fault == "drop":
        return []
    if fault == "late":
        return [(dice.randrange(timeout_us, max(timeout_us + 1_000_000, 4_000_000)), data)]
    if fault == "double":
        return [(0, data + data)]
    if fault == "double_late":
        return [(0, data), (dice.randrange(50_000, 4_000_000), data)]
    if fault == "cut":
        return [(0, data[: dice.randrange(1, max(len(data), 2))])]
    if fault == "garble":
        place = dice.randrange(len(data))
        return [(0, data[:place] + bytes((data[place] ^ dice.randrange(1, 256),)) + data[place + 1 :])]
    if fault == "other_unit":
        return [(0, other(data))]
    return [(0, dice.randbytes(dice.randrange(1, 12)) + data)]
