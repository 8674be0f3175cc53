"""Which aspects a group has, in which order and for how long, per country: data, for the checks of a site record.

A country's table is the whole way round for a kind of group: rows of (aspect, least ms, most ms). Rest and open have no
upper limit here. A step whose least is 0 may be left out (0 ms), a step that is not in the table cannot be shown.

Sources: [S] read in the source named, [M] common practice as remembered: not verified, hold it against your standard.
"""

from micropython import const

from .aspects import (
    AMBER,
    DARK,
    DONT_WALK,
    FLASH_AMBER,
    FLASH_RED,
    GREEN,
    GREEN_FLASH,
    RED,
    RED_AMBER,
    WALK,
    WALK_FLASH,
    G,
    R,
)

_NO_LIMIT = const(600_000)

# The country's table: (vehicle rows, pedestrian rows, flash aspect of each kind, lamp of the pedestrian clearance,
# least steady don't-walk ms before a conflicting movement). The order of rows is the order in the street.
COUNTRIES = {
    # Vehicle R-G-Y-R, pedestrian R-G-flashing G-R, failure flashing yellow: GB 14886 as quoted by che2 [S]; flashing
    # green before yellow is usual, not required [M]; yellow >= 3 s (GB 14886) [M]; walk >= 5 s is this project's floor.
    "CN": (
        (
            (RED, 2_000, _NO_LIMIT),  # red-revert >= 2 s: default of NTCIP 1202 tools [S]
            (GREEN, 5_000, _NO_LIMIT),  # usual minimum green, NTCIP 1202 tools [S]
            (GREEN_FLASH, 0, 5_000),
            (AMBER, 3_000, 5_000),
        ),
        ((DONT_WALK, 2_000, _NO_LIMIT), (WALK, 5_000, _NO_LIMIT), (WALK_FLASH, 3_000, 60_000)),
        (FLASH_AMBER, DARK),
        G,
        0,
    ),
    # Yellow 3.0-6.0 s: MUTCD as quoted in FDOT TEM 3.6.1 [S]; walk >= 7 s, and >= 3 s of steady don't-walk before a
    # conflicting green: MUTCD 2009 fig. 4E-2 [S]; all-way flashing red [M].
    "US": (
        (
            (RED, 2_000, _NO_LIMIT),
            (GREEN, 5_000, _NO_LIMIT),
            (AMBER, 3_000, 6_000),
        ),
        ((DONT_WALK, 2_000, _NO_LIMIT), (WALK, 7_000, _NO_LIMIT), (WALK_FLASH, 3_000, 60_000)),
        (FLASH_RED, DARK),
        R,
        3_000,
    ),
    # Red with amber 2 s, amber 3 s, both fixed: Siemens ST900 handbook p. 203 [S]; minimum green from 6 s, green man
    # >= 7 s: TOPAS 2537A [S, portable signals]; flashing green man, signals dark on failure [M].
    "UK": (
        (
            (RED, 2_000, _NO_LIMIT),
            (RED_AMBER, 2_000, 2_000),
            (GREEN, 6_000, _NO_LIMIT),
            (AMBER, 3_000, 3_000),
        ),
        ((DONT_WALK, 2_000, _NO_LIMIT), (WALK, 7_000, _NO_LIMIT), (WALK_FLASH, 3_000, 60_000)),
        (DARK, DARK),
        G,
        0,
    ),
    # Red-amber 1 s, yellow 3/4/5 s at 50/60/70 km/h, green >= 5 s: RiLSA [M]; the pedestrian's red follows green at
    # once, so that the clearance lies in the intergreen [M]; flashing yellow on failure [M].
    "DE": (
        (
            (RED, 2_000, _NO_LIMIT),
            (RED_AMBER, 1_000, 1_000),
            (GREEN, 5_000, _NO_LIMIT),
            (AMBER, 3_000, 5_000),
        ),
        ((DONT_WALK, 2_000, _NO_LIMIT), (WALK, 5_000, _NO_LIMIT)),
        (FLASH_AMBER, DARK),
        0,
        0,
    ),
}
FLASHES = const(2)
CLEARANCE_LAMP = const(3)
BUFFER_MS = const(4)
"""Places in a country's table, after the rows of the two kinds."""
