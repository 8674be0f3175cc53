"""The point table of the simulated nodes, and what it means, said a second time for the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

VOLTAGE, DOOR, LAMP, DIMMER, BREAKER, SETPOINT, VALVE, DOSING = 1, 2, 10, 11, 20, 21, 30, 31
INT, BOOL = 0, 1

TABLE = (
    (VOLTAGE, "voltage", "V", INT, -1, 0, 3000, 0, None),
    (DOOR, "door", "", BOOL, 0, 0, 1, 0, None),
    (LAMP, "lamp", "", BOOL, 0, 0, 1, 1, None),
    (DIMMER, "dimmer", "%", INT, 0, 0, 100, 1, "minimum on time"),
    (BREAKER, "breaker", "", BOOL, 0, 0, 1, 2, "1: voltage<=2530"),
    (SETPOINT, "setpoint", "", INT, 0, -50, 500, 2, None),
    (VALVE, "valve", "", BOOL, 0, 0, 1, 3, "1: door=0 & voltage<2600"),
    (DOSING, "dosing", "", INT, 0, 0, 50, 3, None),
)
"""number, name, unit, type, scale, least, greatest, class, interlock."""

NAMES = {row[0]: row[1] for row in TABLE}
CLASSES = {row[0]: row[7] for row in TABLE}
LIMITS = {row[0]: (row[5], row[6]) for row in TABLE}
WRITABLE = tuple(number for number in CLASSES if CLASSES[number])
FAIL_SAFE = 0

INTERLOCKED: dict[tuple[int, int], Callable[[dict[int, int | None]], bool]] = {
    (BREAKER, 1): lambda read: _at(read, VOLTAGE, 9_999) > 2530,
    (VALVE, 1): lambda read: _at(read, DOOR, 1) != 0 or _at(read, VOLTAGE, 9_999) >= 2600,
}
"""(point, value) -> whether what is read forbids it; what is not known does."""


def _at(read: dict[int, int | None], point: int, unknown: int) -> int:
    value = read[point]
    return unknown if value is None else value
