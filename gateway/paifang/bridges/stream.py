"""From a stream of bytes to frames: resynchronises after noise, and counts what it had to leave out."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

from paifang.bridges.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.bridges.errors import Reason

F = TypeVar("F")

UNDECIDED = 0
NO_FRAME = -1


class Splitter(Generic[F]):
    """Bytes in, frames out; the same frames however the bytes are cut.

    A frame begins with one of the bytes `starts`. `measure(bytes from there)` says how long it is, UNDECIDED while that
    cannot be told, NO_FRAME as soon as it is known to be none. `decode` gets that many bytes. Whatever is not a frame
    costs one byte, and the search goes on behind it: a frame hidden by a false start is found.

    `skipped` counts bytes that belong to no frame (`filler` between frames does not count), `refused` the frames that
    `decode` did not take, by reason.
    """

    def __init__(
        self,
        starts: bytes,
        measure: Callable[[bytes], int],
        decode: Callable[[bytes], F],
        *,
        filler: bytes = b"",
        shares_last: int = 0,
    ) -> None:
        self._start = re.compile(b"[" + re.escape(starts) + b"]")
        self._measure = measure
        self._decode = decode
        self._filler = filler
        self._shares_last = shares_last
        self._buffer = b""
        self.skipped = 0
        self.refused: Counter[Reason] = Counter()

    @property
    def pending(self) -> bool:
        """Whether what has come may be the beginning of a frame."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[F]:
        self._buffer += data
        frames: list[F] = []
        while self._to_start():
            length = self._measure(self._buffer)
            if length == UNDECIDED or length > len(self._buffer):
                break
            if length == NO_FRAME or not self._take(length, frames):
                self._skip(1)
        return frames

    def reset(self) -> None:
        """Forget half a frame, before a new question is asked: its end must not be taken from the new answer."""
        self._skip(len(self._buffer))

    def _take(self, length: int, frames: list[F]) -> bool:
        try:
            frames.append(self._decode(self._buffer[:length]))
        except FrameError as error:
            self.refused[error.reason] += 1
            return False
        self._buffer = self._buffer[length - self._shares_last :]
        return True

    def _to_start(self) -> bool:
        found = self._start.search(self._buffer)
        self._skip(found.start() if found else len(self._buffer))
        return bool(found)

    def _skip(self, count: int) -> None:
        left_out = self._buffer[:count].translate(None, self._filler)
        self.skipped += len(left_out)
        self._buffer = self._buffer[count:]
