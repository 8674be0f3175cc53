"""A flash in RAM, as a block device, whose power fails at one of its operations; it counts the erases of its blocks."""

import errno

BLOCK = 4096
_SYNC, _COUNT, _SIZE, _ERASE = 3, 4, 5, 6
_ERASED = b"\xff" * BLOCK

CLEAN, TORN, SHUFFLED = 0, 1, 2
"""How power fails: before the operation; half-way through it; and any of those since the last sync may be missing."""
MODES = ("clean", "torn", "shuffled")


class Flash:
    """`data`: what is on it. After the cut nothing works until `revive`; `fired` tells whether there was one."""

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self.erases = [0] * (len(data) // BLOCK)
        self.operations = 0
        self.is_refusing = False
        self.is_dark = self.fired = False
        self._cut = self._mode = 0
        self._random = None
        self._since_sync = []

    def arm(self, operation: int, mode: int, random) -> None:
        """Power will fail at the `operation`-th program, erase or sync from now."""
        self._cut, self._mode, self._random = self.operations + operation, mode, random

    def revive(self) -> None:
        self.is_dark = False
        self._cut = 0
        self._since_sync.clear()

    def readblocks(self, block, buffer, offset=0):
        if self.is_dark:
            return -errno.EIO
        start = block * BLOCK + offset
        buffer[:] = memoryview(self.data)[start : start + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset=0):
        return self._change(block * BLOCK + offset, bytes(buffer))

    def ioctl(self, operation, argument):
        if operation == _ERASE:
            self.erases[argument] += not self.is_dark
            return self._change(argument * BLOCK, None)
        if operation == _SYNC:
            return self._change(0, b"")
        return len(self.data) // BLOCK if operation == _COUNT else BLOCK if operation == _SIZE else 0

    def _change(self, start, programmed) -> int:
        """Program bytes, erase a block (None), or sync (b"")."""
        if self.is_dark or (self.is_refusing and programmed != b""):
            return -errno.EIO
        self.operations += 1
        if self.operations == self._cut:
            self._fail(start, programmed)
            return -errno.EIO
        if self._cut and self._mode == SHUFFLED:
            count = BLOCK if programmed is None else len(programmed)
            self._since_sync.append((start, bytes(self.data[start : start + count]), programmed))
        self._do(start, programmed)
        if programmed == b"":
            self._since_sync.clear()
        return 0

    def _do(self, start, programmed) -> None:
        if programmed is None:
            programmed = _ERASED
        elif programmed:
            programmed = self._on_top(start, programmed)
        self.data[start : start + len(programmed)] = programmed

    def _on_top(self, start, programmed) -> bytes:
        """A program clears bits; only an erase sets them."""
        before = memoryview(self.data)[start : start + len(programmed)]
        if before == _ERASED[: len(programmed)]:
            return programmed
        both = int.from_bytes(before, "big") & int.from_bytes(programmed, "big")
        return both.to_bytes(len(programmed), "big")

    def _fail(self, start, programmed) -> None:
        self.is_dark = self.fired = True
        if self._mode == TORN:
            whole = _ERASED if programmed is None else programmed
            self.data[start : start + len(whole) // 2] = whole[: len(whole) // 2]
        if self._mode == SHUFFLED:
            for where, before, _ in reversed(self._since_sync):
                self.data[where : where + len(before)] = before
            for where, _, after in self._since_sync + [(start, b"", programmed)]:
                if self._random.below(2):
                    self._do(where, after)
