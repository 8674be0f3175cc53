"""The log as static files, in the layout of C2SP tlog-tiles: tiles of 256 hashes and bundles of 256 entries.

    checkpoint                  the signed size and root
    tile/<level>/<number>       256 hashes of 32 bytes; on level 0 those of entries, above those of whole tiles
    tile/entries/<number>       256 entries, each after its length as a big-endian uint16
    ….p/<width>                 the same while there are only `width` of them

Numbers are written as x001/x234/067.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKPOINT = "checkpoint"
WIDTH = 256
"""Hashes of a whole tile, entries of a whole bundle."""
HEIGHT = 8
"""Levels of the tree that one level of tiles spans."""
HASH_LENGTH = 32
ENTRIES = -1
"""The level of bundles, in a `Place`."""

_PATH = re.compile(r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Place:
    """One file of the tree: a tile of a level, or a bundle (level ENTRIES). `width` is 256 when it is whole."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        level = "entries" if self.level == ENTRIES else str(self.level)
        groups = [f"{self.number % 1000:03}"]
        rest = self.number // 1000
        while rest:
            groups.append(f"x{rest % 1000:03}")
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def place_of(path: str) -> Place | None:
    """The place of a path relative to the log's folder; None for a file that does not belong there."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level = ENTRIES if match[1] == "entries" else int(match[1])
    place = Place(level, int(match[2].replace("x", "").replace("/", "")), int(match[3] or WIDTH))
    return place if place.path == path and place.width <= WIDTH else None


def places(size: int) -> list[Place]:
    """Every tile and bundle that a log of `size` entries has, partial ones included."""
    found: list[Place] = []
    level, hashes = 0, size
    while hashes:
        for kind in (ENTRIES, 0) if level == 0 else (level,):
            found += [Place(kind, number) for number in range(hashes // WIDTH)]
            if hashes % WIDTH:
                found.append(Place(kind, hashes // WIDTH, hashes % WIDTH))
        level, hashes = level + 1, hashes // WIDTH
    return found


def pack(entries: Sequence[bytes]) -> bytes:
    """A bundle of entries."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack(bundle: bytes) -> tuple[list[bytes], bool]:
    """The entries of a bundle, and whether it ends where the last one does."""
    entries: list[bytes] = []
    place, end = 0, len(bundle)
    while place + 2 <= end:
        length = bundle[place] << 8 | bundle[place + 1]
        place += 2
        if place + length > end:
            return entries, False
        entries.append(bundle[place : place + length])
        place += length
    return entries, place == end


def split(tile: bytes) -> list[bytes]:
    """The hashes of a tile; a rest that is no whole hash is left out."""
    return [tile[place : place + HASH_LENGTH] for place in range(0, len(tile) - HASH_LENGTH + 1, HASH_LENGTH)]
