"""`machine.SPI` over the bench: one message a transfer."""

import bench
from micropython import const

_OP_SPI = const(16)


class SPI:
    MSB = const(0)
    LSB = const(1)

    def __init__(self, id=1, baudrate=1000000, *, sck=None, mosi=None, miso=None, **settings):
        self._id = id

    def write_readinto(self, write_buf, read_buf):
        read_buf[:] = bench.ask(_OP_SPI, bytes((self._id,)) + write_buf)

    def write(self, buf):
        bench.ask(_OP_SPI, bytes((self._id,)) + buf)

    def readinto(self, buf, write=0):
        self.write_readinto(bytes((write,)) * len(buf), buf)

    def read(self, nbytes, write=0):
        return bench.ask(_OP_SPI, bytes((self._id,)) + bytes((write,)) * nbytes)


SoftSPI = SPI
