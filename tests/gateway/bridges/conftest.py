"""What the tests of all codecs share: frames written as people print them, and frames that were spoiled on the way."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the frames that several tests share

from paifang.bridges.errors import REASONS, FrameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from paifang.bridges.stream import Splitter


@pytest.fixture
def fuzz(tier_size: Callable[[int, int], int]) -> Callable[..., Counter[str]]:
    """`fuzz(decode, frames, repair)`: spoiled frames, every second one with a valid checksum again.

    Counts "taken" and each reason; whatever else `decode` raises fails the test.
    """

    def run(
        decode: Callable[[bytes], Any], frames: Sequence[bytes], repair: Callable[[bytes], bytes] = bytes
    ) -> Counter[str]:
        seen: Counter[str] = Counter()
        mutants = _spoiled(frames, random.Random(645))
        for number in range(tier_size(10_000, 200_000)):
            mutant = next(mutants)
            try:
                decode(repair(mutant) if number % 2 else mutant)
            except FrameError as error:
                seen[error.reason] += 1
            else:
                seen["taken"] += 1
        assert seen.keys() <= {"taken", *REASONS}
        return seen

    return run


@pytest.fixture
def in_pieces(tier_size: Callable[[int, int], int]) -> Callable[..., None]:
    """`in_pieces(make_splitter, frames)`: frames amid noise, cut at any places, are the frames of one piece."""

    def run(make: Callable[[], Splitter[Any]], frames: Sequence[bytes]) -> None:
        dice = random.Random(188)
        found = 0
        for _ in range(tier_size(300, 10_000)):
            stream = b"".join(_with_noise(dice, frames))
            whole, cut = make(), make()
            expected = whole.feed(stream)
            assert [frame for piece in _pieces(dice, stream) for frame in cut.feed(piece)] == expected
            assert (cut.skipped, cut.refused) == (whole.skipped, whole.refused)
            found += len(expected)
        assert found > tier_size(300, 10_000)

    return run


def _spoiled(frames: Sequence[bytes], dice: random.Random) -> Iterator[bytes]:
    while True:
        data = bytearray(dice.choice(frames))
        for _ in range(dice.randint(1, 3)):
            dice.choice(_MUTATIONS)(data, dice)
        yield bytes(data)


def _change_byte(data: bytearray, dice: random.Random) -> None:
    if data:
        data[dice.randrange(len(data))] = dice.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, dice.randrange(256)))


def _flip_bit(data: bytearray, dice: random.Random) -> None:
    if data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _cut_out(data: bytearray, dice: random.Random) -> None:
    start = dice.randint(0, len(data))
    del data[start : start + dice.randint(1, 8)]


def _put_in(data: bytearray, dice: random.Random) -> None:
    place = dice.randint(0, len(data))
    data[place:place] = dice.randbytes(dice.randint(1, 8))


def _double(data: bytearray, dice: random.Random) -> None:
    start = dice.randint(0, len(data))
    data[start:start] = data[start : start + dice.randint(1, 16)]


_MUTATIONS = (_change_byte, _flip_bit, _cut_out, _put_in, _double)


def _with_noise(dice: random.Random, frames: Sequence[bytes]) -> Iterator[bytes]:
    for _ in range(dice.randint(3, 6)):
        yield dice.choice((b"", dice.randbytes(dice.randint(1, 20)), dice.choice(frames)[: dice.randint(1, 12)]))
        yield dice.choice(frames)


def _pieces(dice: random.Random, stream: bytes) -> Iterator[bytes]:
    while stream:
        length = dice.randint(1, 24)
        yield stream[:length]
        stream = stream[length:]
