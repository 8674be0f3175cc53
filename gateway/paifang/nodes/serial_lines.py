"""Nodes on serial lines: opened, read without waiting, and opened again when the device has gone and come back."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

import serial

from paifang_wire.serial import SerialDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.nodes.links import Link

READ_BYTES = 4096
WRITE_LIMIT_BYTES = 64 * 1024
"""What may wait for a line to take it; beyond it the line counts as gone."""
REOPEN_FIRST_S = 0.25
REOPEN_LONGEST_S = 10.0

_log = logging.getLogger(__name__)


class SerialLine:
    """The line at `device`; a fresh link each time it is opened. `make_link(carrier)` gives it.

    `problem` says why the line is not open, "" while it is.
    """

    def __init__(self, device: str, baud: int, make_link: Callable[[SerialLine], Link]) -> None:
        self.peer = device
        self.baud = baud
        self.link: Link | None = None
        self.problem = "not opened yet"
        self._make_link = make_link
        self._loop = asyncio.get_running_loop()
        self._port: serial.Serial | None = None
        self._fd = -1
        self._decoder = SerialDecoder()
        self._counted: dict[str, int] = {}
        self._waiting = b""
        self._reopen: asyncio.TimerHandle | None = None
        self._delay_s = REOPEN_FIRST_S

    def start(self) -> None:
        """Open the line, and keep trying when that fails."""
        self._reopen = None
        try:
            self._port = serial.Serial(self.peer, self.baud, timeout=0, write_timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            self._retry(str(error))
            return
        self._fd = self._port.fileno()
        os.set_blocking(self._fd, False)
        self._decoder = SerialDecoder()
        self._counted = {}
        self._waiting = b""
        self.problem = ""
        self.link = self._make_link(self)
        self._loop.add_reader(self._fd, self._readable)
        _log.info("nodes: serial line %s is open at %d baud", self.peer, self.baud)

    def stop(self) -> None:
        """Close the line for good."""
        if self._reopen is not None:
            self._reopen.cancel()
            self._reopen = None
        self._hang_up()

    def pause(self) -> None:
        """Read nothing more."""
        if self._port is not None:
            self._loop.remove_reader(self._fd)

    def write(self, data: bytes) -> None:
        if self._port is None:
            return
        if not self._waiting:
            self._loop.add_writer(self._fd, self._writable)
        self._waiting += data
        if len(self._waiting) > WRITE_LIMIT_BYTES:
            self._lost("the line takes no bytes")

    def close(self, why: str) -> None:
        """End the session, not the line: whoever is at its other end may say hello again."""
        link = self.link
        if link is not None:
            link.desk.counters.closed[why] += 1
            link.desk.lost(link)
            self.link = self._make_link(self)

    def _readable(self) -> None:
        if self._port is None:
            return
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error.strerror or str(error))
            return
        if not data:
            self._lost("end of file")
            return
        self._take(data)

    def _take(self, data: bytes) -> None:
        link = self.link
        assert link is not None
        counters = link.desk.counters
        counters.bytes_in += len(data)
        frames = self._decoder.feed(data)
        for reason, count in self._decoder.errors.items():
            counters.refused[reason] += count - self._counted.get(reason, 0)
        self._counted = dict(self._decoder.errors)
        link.receive(frames)

    def _writable(self) -> None:
        if self._port is None:
            return
        try:
            sent = os.write(self._fd, self._waiting)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error.strerror or str(error))
            return
        self._waiting = self._waiting[sent:]
        if not self._waiting:
            self._loop.remove_writer(self._fd)

    def _lost(self, why: str) -> None:
        self._hang_up()
        self._retry(why)

    def _hang_up(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            port.close()
            self._delay_s = REOPEN_FIRST_S
        link, self.link = self.link, None
        if link is not None:
            link.desk.lost(link)

    def _retry(self, why: str) -> None:
        if why != self.problem:
            _log.warning("nodes: serial line %s: %s; trying again", self.peer, why)
        self.problem = why
        self._reopen = self._loop.call_later(self._delay_s, self.start)
        self._delay_s = min(2 * self._delay_s, REOPEN_LONGEST_S)
