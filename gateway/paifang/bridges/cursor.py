"""One field after the other out of bytes that may end too early."""

from __future__ import annotations

from paifang.bridges.errors import FrameError


class Cursor:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been taken."""
        return len(self._data) - self._at

    def take(self, length: int) -> bytes:
        """The next bytes; FrameError "length" if there are fewer."""
        if length > self.left:
            raise FrameError("length", f"{length} bytes needed, {self.left} are left")
        self._at += length
        return self._data[self._at - length : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def rest(self) -> bytes:
        return self.take(self.left)
