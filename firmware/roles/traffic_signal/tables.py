"""The site safety record as the interlock reads it: flat arrays, durations in ticks."""

from array import array
from binascii import crc32

from micropython import const

ILLEGAL = const(255)
"""The successor of an aspect that a group does not have."""
ROW = const(16)
"""Places of one group in `successors` and `ticks`: one an aspect, rounded up."""


class Site:
    """Made by `site.decode`; nothing in it changes afterwards. Groups are numbered from 0, group i is bit i.

    `count` groups; `labels`: their names, a line each; `country`; `kinds` (0 vehicle, 1 pedestrian); `tick_ms`.
    `conflicts[i]`: bitmask of the groups that conflict with i.
    `successors[ROW * i + aspect]`: the aspect that follows, ILLEGAL if i has no such aspect.
    `ticks[ROW * i + aspect]`: the least (open), fixed (steps) or settling (rest) time. A rest settles when nothing
    waits for it any more: neither its red-revert nor an intergreen.
    `limits[count * i + j]`: j may start when i has rested so long that at most so many ticks of settling are left; on
    the diagonal the same for i itself (red-revert).
    `flash_aspects`, `rest_aspects`: one a group. `flash_ticks`, `red_ticks`: of the start.
    `max_red_ms`: one a group. `clearance_lamp`: lamp bits of WALK_FLASH. `monitor`: the record's monitor options.
    `crc`: CRC-32 of the record's encoding.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.country = self.labels = ""
        self.tick_ms = self.crc = self.seal = 0
        self.flash_ticks = self.red_ticks = self.clearance_lamp = 0
        self.kinds = bytearray(count)
        self.flash_aspects = bytearray(count)
        self.rest_aspects = bytearray(count)
        self.conflicts = array("H", [0] * count)
        self.successors = bytearray([ILLEGAL] * (ROW * count))
        self.ticks = array("H", [0] * (ROW * count))
        self.limits = array("H", [0] * (count * count))
        self.max_red_ms = [0] * count
        self.monitor = []

    def name(self, i: int) -> str:
        """The name of group i."""
        return self.labels.split("\n")[i]

    def is_intact(self) -> bool:
        """Tell whether the arrays still hold what they held when they were made: for the check in the background."""
        return self._sum() == self.seal

    def close(self) -> None:
        """Take the seal; nothing may change from now on."""
        self.seal = self._sum()

    def _sum(self) -> int:
        crc = crc32(self.flash_aspects, self.flash_ticks << 16 | self.red_ticks)
        for block in (self.rest_aspects, self.conflicts, self.successors, self.ticks, self.limits):
            crc = crc32(block, crc)
        return crc
