"""A board's UART as a serial device of the host: a PTY that a gateway opens like /dev/ttyUSB0, 8N1."""

from __future__ import annotations

import contextlib
import os
import tty
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

BUFFER_LIMIT = 4096  # what waits for a host that does not read; the rest is lost, as on a line without flow control


class SerialLine:
    """The PTY outlives the board's power cycles, as an adapter in the host's USB port does.

    `corrupt` may change the bytes of either direction: it gets True for bytes from the board, and the bytes.
    `heard_bytes` counts what came from the host, `lost_bytes` what no host took.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, to_board: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._to_board = to_board
        self._master, self._peer = os.openpty()  # the peer stays open, or the master fails when the gateway leaves
        tty.setraw(self._peer)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._peer)
        self.corrupt: Callable[[bool, bytes], bytes] | None = None
        self.heard_bytes = self.lost_bytes = 0
        self._waiting = b""
        loop.add_reader(self._master, self._from_host)

    def from_board(self, data: bytes) -> None:
        if self.corrupt:
            data = self.corrupt(True, data)
        room = BUFFER_LIMIT - len(self._waiting)
        self.lost_bytes += max(0, len(data) - room)
        self._waiting += data[:room]
        self._flush()

    def close(self) -> None:
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        os.close(self._peer)

    def _from_host(self) -> None:
        data = os.read(self._master, BUFFER_LIMIT)
        self.heard_bytes += len(data)
        self._to_board(self.corrupt(False, data) if self.corrupt else data)

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._waiting = self._waiting[os.write(self._master, self._waiting) :]
        if self._waiting:
            self._loop.add_writer(self._master, self._flush)
        else:
            self._loop.remove_writer(self._master)
