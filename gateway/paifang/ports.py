"""A serial port in the event loop: opened for itself alone, read without waiting, written as it takes bytes."""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import serial

if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES = 4096
WRITE_LIMIT_BYTES = 64 * 1024
"""What may wait for a port to take it; beyond it the port counts as gone."""
_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_REFUSALS = {errno.EAGAIN: "another process has it", errno.EACCES: "no right to open it: the group dialout may"}
"""What the numbers of pyserial's exceptions mean here; its words say the name of the port twice."""


@dataclass(frozen=True, slots=True)
class Format:
    """How characters go over a line; `parity` is none, even or odd."""

    baud: int
    data_bits: int = 8
    parity: str = "none"
    stop_bits: int = 1

    @property
    def bits(self) -> int:
        """Of a character, its start bit included."""
        return 1 + self.data_bits + (self.parity != "none") + self.stop_bits


class SerialPort:
    """The port `device`. `received(data)` and `lost(why)` are called from the loop; what is lost is closed before."""

    def __init__(self, device: str, received: Callable[[bytes], object], lost: Callable[[str], object]) -> None:
        self._device = device
        self._received = received
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._port: serial.Serial | None = None
        self._fd = -1
        self._waiting = b""

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def open(self, how: Format) -> None:
        """Raises OSError or ValueError saying why it cannot be had."""
        try:
            self._port = serial.Serial(
                self._device,
                how.baud,
                bytesize=how.data_bits,
                parity=_PARITIES[how.parity],
                stopbits=how.stop_bits,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except serial.SerialException as error:
            raise OSError(_why(error)) from error
        self._fd = self._port.fileno()
        os.set_blocking(self._fd, False)
        self._waiting = b""
        self._loop.add_reader(self._fd, self._readable)

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            port.close()

    def pause(self) -> None:
        """Read nothing more."""
        if self._port is not None:
            self._loop.remove_reader(self._fd)

    def write(self, data: bytes) -> None:
        """Have it sent; while the port is closed it is lost."""
        if self._port is None:
            return
        if not self._waiting:
            self._loop.add_writer(self._fd, self._writable)
        self._waiting += data
        if len(self._waiting) > WRITE_LIMIT_BYTES:
            self._end("the line takes no bytes")

    def _end(self, why: str) -> None:
        self.close()
        self._lost(why)

    def _readable(self) -> None:
        if self._port is None:
            return
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error.strerror or str(error))
            return
        if data:
            self._received(data)
        else:
            self._end("end of file")

    def _writable(self) -> None:
        if self._port is None:
            return
        try:
            sent = os.write(self._fd, self._waiting)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error.strerror or str(error))
            return
        self._waiting = self._waiting[sent:]
        if not self._waiting:
            self._loop.remove_writer(self._fd)


def _why(error: serial.SerialException) -> str:
    if error.errno is None:
        return str(error)
    return _REFUSALS.get(error.errno) or os.strerror(error.errno)
