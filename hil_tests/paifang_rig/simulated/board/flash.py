"""The flash behind `/`: a file as a NOR block device, each program and erase announced to the bench before it happens.

The bench may answer that power fails in the middle: then half of the operation is done, and nothing after it.
"""

import struct

import bench
from micropython import const

_BLOCK = const(4096)
_OP_STORAGE = const(10)
_OP_POWER_LOST = const(12)
_PROGRAM = const(1)
_ERASE = const(2)
_TORN = const(1)
_ERASED = b"\xff" * 512


class Flash:
    def __init__(self, fd, block_count):
        self._file = open(fd, "rb+")
        self._block_count = block_count

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * _BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        torn = self._announce(_PROGRAM, block, offset, len(buffer))
        self._file.seek(block * _BLOCK + offset)
        self._file.write(memoryview(buffer)[: len(buffer) // 2] if torn else buffer)
        if torn:
            bench.end(_OP_POWER_LOST)

    def ioctl(self, op, argument):
        if op == 4:
            return self._block_count
        if op == 5:
            return _BLOCK
        if op == 6:
            torn = self._announce(_ERASE, argument, 0, _BLOCK)
            self._file.seek(argument * _BLOCK)
            for _ in range(4 if torn else 8):
                self._file.write(_ERASED)
            if torn:
                bench.end(_OP_POWER_LOST)
        return 0

    def _announce(self, kind, block, offset, length):
        return bench.ask(_OP_STORAGE, struct.pack("<BHHH", kind, block, offset, length))[0] == _TORN
