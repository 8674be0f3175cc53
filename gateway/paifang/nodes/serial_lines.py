"""Nodes on serial lines: opened, read without waiting, and opened again when the device has gone and come back."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from paifang.ports import Format, SerialPort
from paifang_wire.serial import SerialDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.nodes.links import Link

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
        self._port = SerialPort(device, self._take, self._lost)
        self._decoder = SerialDecoder()
        self._counted: dict[str, int] = {}
        self._reopen: asyncio.TimerHandle | None = None
        self._delay_s = REOPEN_FIRST_S
        self.pause, self.write = self._port.pause, self._port.write

    def start(self) -> None:
        """Open the line, and keep trying when that fails."""
        self._reopen = None
        try:
            self._port.open(Format(self.baud))
        except (OSError, ValueError) as error:
            self._retry(str(error))
            return
        self._decoder = SerialDecoder()
        self._counted = {}
        self.problem = ""
        self._delay_s = REOPEN_FIRST_S
        self.link = self._make_link(self)
        _log.info("nodes: serial line %s is open at %d baud", self.peer, self.baud)

    def stop(self) -> None:
        """Close the line for good."""
        if self._reopen is not None:
            self._reopen.cancel()
            self._reopen = None
        self._port.close()
        self._end_link()

    def close(self, why: str) -> None:
        """End the session, not the line: whoever is at its other end may say hello again."""
        link = self.link
        if link is not None:
            link.desk.counters.closed[why] += 1
            link.desk.lost(link)
            self.link = self._make_link(self)

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

    def _lost(self, why: str) -> None:
        self._end_link()
        self._retry(why)

    def _end_link(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            link.desk.lost(link)

    def _retry(self, why: str) -> None:
        if why != self.problem:
            _log.warning("nodes: serial line %s: %s; trying again", self.peer, why)
        self.problem = why
        self._reopen = asyncio.get_running_loop().call_later(self._delay_s, self.start)
        self._delay_s = min(2 * self._delay_s, REOPEN_LONGEST_S)
