"""`machine.I2C` over the bench: one message a transaction."""

import struct

import bench
from micropython import const

_OP_I2C = const(5)


class I2C:
    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._id = id

    def scan(self):
        return [address for address in range(8, 0x78) if self._acknowledges(address)]

    def writeto(self, address, data, stop=True):
        self._transfer(address, data, 0)
        return len(data)

    def readfrom(self, address, count, stop=True):
        return self._transfer(address, b"", count)

    def readfrom_into(self, address, buffer, stop=True):
        buffer[:] = self._transfer(address, b"", len(buffer))

    def writeto_mem(self, address, register, data, *, addrsize=8):
        self._transfer(address, register.to_bytes(addrsize // 8, "big") + bytes(data), 0)

    def readfrom_mem(self, address, register, count, *, addrsize=8):
        return self._transfer(address, register.to_bytes(addrsize // 8, "big"), count)

    def readfrom_mem_into(self, address, register, buffer, *, addrsize=8):
        buffer[:] = self.readfrom_mem(address, register, len(buffer), addrsize=addrsize)

    def _acknowledges(self, address):
        try:
            self._transfer(address, b"", 0)
        except OSError:
            return False
        return True

    def _transfer(self, address, data, count):
        return bench.ask(_OP_I2C, struct.pack("<BBH", self._id, address, count) + data)


SoftI2C = I2C
