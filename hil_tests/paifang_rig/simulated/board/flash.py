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
_ERASED = b"\xff" * 256


class Flash:
    def __init__(self, file, block_count):
        self._file = file
        self._block_count = block_count

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * _BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._change(_PROGRAM, block, offset, len(buffer), buffer, 1)

    def ioctl(self, op, argument):
        if op == 6:
            self._change(_ERASE, argument, 0, _BLOCK, _ERASED, 16)
            return 0
        return self._block_count if op == 4 else _BLOCK if op == 5 else 0

    def _change(self, kind, block, offset, length, data, times):
        torn = bench.ask(_OP_STORAGE, struct.pack("<BHHH", kind, block, offset, length))[0]
        self._file.seek(block * _BLOCK + offset)
        for _ in range((times + 1) // 2 if torn else times):
            self._file.write(memoryview(data)[: len(data) // 2] if torn and times == 1 else data)
        if torn:
            bench.ask(_OP_POWER_LOST)
