"""What a serial line's speed makes of characters and silences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Of a serial line, in microseconds.

    `silence_us`: before each question. `pause_us`: how long bytes of one frame may be apart. `late_us`: an answer that
    is later than this is taken to be lost.
    """

    character_us: int
    silence_us: int
    pause_us: int
    late_us: int


def character_us(baud: int, bits: int = 11) -> int:
    """`bits` of a character: start, data, parity, stop."""
    return -(-bits * 1_000_000 // baud)
