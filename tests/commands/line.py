"""The line between gateway and node: frames get lost, doubled, delayed, overtaken and damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

UP, DOWN = "up", "down"
HEARD = 64


class Line:
    """`put` what is sent; `take` what arrives, if anything does. A `healthy` line delivers in order, all, unharmed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._frames: dict[str, list[bytes]] = {UP: [], DOWN: []}
        self.healthy = False
        self.faults = 0
        self.heard: list[bytes] = []
        """The last frames to the node, for whoever listens on the line."""

    def put(self, way: str, frame: bytes) -> None:
        self._frames[way].append(frame)
        if way == DOWN:
            self.heard.append(frame)
            del self.heard[:-HEARD]

    def cut(self) -> None:
        """The connection breaks: what was under way is gone."""
        for frames in self._frames.values():
            frames.clear()

    def waiting(self, way: str) -> int:
        return len(self._frames[way])

    def take(self, way: str) -> bytes | None:
        """The next frame to arrive, or None: nothing under way, or something befell it."""
        frames = self._frames[way]
        if not frames:
            return None
        fate = 1.0 if self.healthy else self._chance.random()
        if fate >= 0.2:
            return frames.pop(0)
        self.faults += 1
        if fate < 0.05:
            frames.pop(0)
            return None
        if fate < 0.10:
            return frames[0]  # it stays: doubled
        if fate < 0.15:
            return frames.pop(self._chance.randrange(len(frames)))
        return flipped(frames.pop(0), self._chance)


def flipped(frame: bytes, chance: random.Random) -> bytes:
    """The frame with one bit turned."""
    bit = chance.randrange(8 * len(frame))
    damaged = bytearray(frame)
    damaged[bit >> 3] ^= 1 << (bit & 7)
    return bytes(damaged)
