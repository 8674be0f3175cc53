"""What a signal group may show, and the lamps that show it.

A group is at rest (RED, DONT_WALK), open (GREEN, WALK), or in a step of fixed length between the two. Which of them a
group has, and in which order, is the country's matter (`countries`).
"""

from micropython import const

RED = const(0)
RED_AMBER = const(1)
GREEN = const(2)
GREEN_FLASH = const(3)
AMBER = const(4)
WALK = const(5)
WALK_FLASH = const(6)
DONT_WALK = const(7)
FLASH_AMBER = const(8)
FLASH_RED = const(9)
DARK = const(10)
ASPECTS = const(11)

LETTERS = "RrGgAWwDaf-"
"""One letter an aspect, for lamp logs."""

VEHICLE = const(0)
PEDESTRIAN = const(1)

R = const(1)
A = const(2)
G = const(4)

FLASH_HALF_MS = const(500)
"""Flashing is 60 a minute, on for half of the time: MUTCD 11th ed. 4G.01 asks for 50-60 and 1/2-2/3."""

# Steady lamps of each aspect, lamps of the lit half of each flash; the lamp of WALK_FLASH is the country's.
_STEADY = b"\x01\x03\x04\x00\x02\x04\x00\x01\x00\x00\x00"
_FLASHING = b"\x00\x00\x00\x04\x00\x00\x00\x00\x02\x01\x00"


def lamps(aspect: int, flash_on: int, clearance_lamp: int = G) -> int:
    """Return the lamps of an aspect as bits R, A, G. `flash_on`: this is the lit half of the flashing.

    `clearance_lamp`: what flashes in WALK_FLASH, as in the country's table. A pedestrian face has no amber lamp.
    """
    if aspect == WALK_FLASH:
        return clearance_lamp if flash_on else 0
    return _STEADY[aspect] | (_FLASHING[aspect] if flash_on else 0)


def is_moving(aspect: int) -> bool:
    """Tell whether somebody may be on the move on it: everything a conflicting group must not see, red-amber too."""
    return RED < aspect < DONT_WALK
