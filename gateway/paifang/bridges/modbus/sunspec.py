"""Where the models of a SunSpec device lie: its chain is walked from the marker to the end.

Sans-IO: `walk` is a generator that yields what to read and is sent the registers, or None when they were refused.
SunSpec Device Information Model Specification 1.1, chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.profiles.modbus import ADDRESSES
from paifang.profiles.registers import text

if TYPE_CHECKING:
    from collections.abc import Generator

MARKER = b"SunS"
BASES = (40_000, 50_000, 0)
"""Where the marker may stand, in the order in which it is looked for."""
COMMON_MODEL = 1
END_MODEL = 0xFFFF
MODELS_MOST = 100
"""A chain that is longer is none."""
HEADER = 2

# Of the common model: name -> offset from its id register, registers (model 1).
_COMMON = {"maker": (2, 16), "model": (18, 16), "version": (42, 8), "serial": (50, 16)}
COMMON_LENGTH = 66


@dataclass(frozen=True, slots=True)
class Ask:
    """Holding registers to read."""

    address: int
    count: int


@dataclass(frozen=True, slots=True)
class Model:
    """`address`: of its id register, from which the offsets of its points count. `length`: registers behind the two of
    the header.
    """

    id: int
    address: int
    length: int


def walk() -> Generator[Ask, bytes | None, list[Model]]:
    """The models of a device in their order; none when there is no marker.

    A chain that breaks off gives the models up to there.
    """
    for base in BASES:
        found = yield Ask(base, HEADER)
        if found == MARKER:
            return (yield from _chain(base + HEADER))
    return []


def _chain(address: int) -> Generator[Ask, bytes | None, list[Model]]:
    models: list[Model] = []
    while len(models) < MODELS_MOST and address + HEADER <= ADDRESSES:
        header = yield Ask(address, HEADER)
        if header is None or len(header) < 2 * HEADER:
            break
        model = Model(int.from_bytes(header[:2]), address, int.from_bytes(header[2:4]))
        if model.id == END_MODEL:
            break
        models.append(model)
        address += HEADER + model.length
    return models


def identity(registers: bytes) -> dict[str, str]:
    """Maker, model, version and serial number of the registers of the common model, its header included."""
    return {name: text(registers[2 * first : 2 * (first + count)]) or "" for name, (first, count) in _COMMON.items()}
