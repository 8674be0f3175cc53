"""What a node may send that no node of ours does: the same payloads and frames for the same seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from far_side import POINTS

from paifang_wire import cbor, messages

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = (
    None, True, False, 0, 1, 2, 3, 18, 19, 255, 256, 65, 1 << 31, (1 << 62) + 1, (1 << 63) - 1, -1, -(1 << 63),
    b"", b"\x00" * 8, b"\xff" * 16, b"\x01" * 32, b"\x02" * 64, b"\xa5" * 600, "", "x", "meter-1", "\x00\x1b[2J",
    "\u202e" * 64, "\u00e4" * 65, [], [None], [[1, "p", "", 0, 0, None, None, 0, None]], [[[[1]]]], {}, {1: 1},
    {1: None}, {16: 7}, {0: 1}, {255: 1 << 62}, {256: 1}, {-1: 1}, {1: "x"},
)  # fmt: skip

TEMPLATES: dict[int, list[Any]] = {
    messages.HELLO: ["ward-1", "meter-1", 1, bytes(16), 1, "9.9", bytes(8), 1, 1, 0, 0],
    messages.WELCOME: [bytes(16), bytes(16), None, 0, [[1, 1]], True, 32, 4096],
    messages.DESCRIBE: [bytes(8), POINTS],
    messages.REPORT: [1, 1, 1_000, None, {1: 2300}, {}],
    messages.EVENT: [1, 2, 1_000, None, 1, None, "detail"],
    messages.GAP: [1, 3, 3, 1],
    messages.ACK: [1, 1, 0],
    messages.COMMAND: [bytes(8), 16, 0, 1, None, 1_000, None, None],
    messages.RECEIPT: [bytes(8), bytes(32), 0, 0, 0, 1, None, 1, 1_000, bytes(32), bytes(32)],
    messages.CLOCK: [1_000],
    messages.TIME: [1, 1, 1],
    messages.ROOTED: [0, b"p", b"s", b"s"],
    messages.HELD: [0, 1, 0],
    messages.RECALL: [bytes(8)],
}
"""One good message of each kind, without BYE: that ends the conversation."""


def each() -> Iterator[bytes]:
    """Payloads: each kind with each field as each value, with one field more, one less; and kinds that are none."""
    for kind, fields in TEMPLATES.items():
        yield cbor.encode([kind, *fields])
        yield cbor.encode([kind, *fields, 0])
        yield cbor.encode([kind, *fields[:-1]])
        for place in range(len(fields)):
            for value in VALUES:
                yield cbor.encode([kind, *fields[:place], value, *fields[place + 1 :]])
    for kind in (15, 16, 255, -1, None, True, "8", b"\x08", [8]):
        yield cbor.encode([kind, 1])
    for value in VALUES:
        yield cbor.encode(value)


def any_of(seed: int) -> Iterator[bytes]:
    """Payloads without end: several fields wrong at once, bytes turned, cut, added, and noise."""
    dice = random.Random(seed)
    kinds = list(TEMPLATES)
    while True:
        kind = dice.choice(kinds)
        fields = list(TEMPLATES[kind])
        for place in dice.sample(range(len(fields)), dice.randint(0, min(4, len(fields)))):
            fields[place] = dice.choice([*VALUES, dice.randrange(1 << 63), dice.randrange(300)])
        yield _spoiled(cbor.encode([kind, *fields]), dice)


def _spoiled(data: bytes, dice: random.Random) -> bytes:
    chance = dice.random()
    if chance < 0.6:
        return data
    spoiled = bytearray(data)
    if chance < 0.8:
        for _ in range(dice.randint(1, 3)):
            spoiled[dice.randrange(len(spoiled))] = dice.randrange(256)
        return bytes(spoiled)
    if chance < 0.9:
        return bytes(spoiled[: dice.randrange(len(spoiled))])
    return (
        bytes(spoiled) + dice.randbytes(dice.randint(1, 40)) if chance < 0.95 else dice.randbytes(dice.randint(0, 99))
    )


def spoiled_frames(good: list[bytes], seed: int) -> Iterator[bytes]:
    """Frames without end: good ones again, with turned bits, cut; and noise."""
    dice = random.Random(seed)
    while True:
        frame = bytearray(dice.choice(good))
        turned = dice.randrange(8 * len(frame))
        frame[turned // 8] ^= dice.choice([0, 1 << turned % 8])
        yield dice.choice([bytes(frame), bytes(frame[: turned // 8]), dice.randbytes(dice.randint(1, 200))])
