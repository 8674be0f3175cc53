"""Frames over a serial line, in COBS: nothing to connect, and damage costs a frame, not the line."""

import asyncio

from micropython import const

from paifang_wire.serial import SerialDecoder, serial_frame

_READ_BYTES = const(512)
_SEND_MS = const(20_000)


class SerialTransport:
    """A UART that nobody else uses; `open` only forgets half a frame."""

    def __init__(self, uart) -> None:
        self._reader = asyncio.StreamReader(uart)
        self._writer = asyncio.StreamWriter(uart, {})
        self._decoder = SerialDecoder()
        self._refused_before = 0
        self.handshake_ms = 3_000  # one node a line, and a hello that nobody was there to hear is lost

    @property
    def refused(self) -> int:
        return self._refused_before + sum(self._decoder.errors.values())

    async def open(self) -> None:
        self._refused_before = self.refused
        self._decoder = SerialDecoder()

    async def receive(self) -> list:
        return self._decoder.feed(await self._reader.read(_READ_BYTES))

    async def send(self, frame: bytes) -> None:
        self._writer.write(serial_frame(frame))
        await asyncio.wait_for_ms(self._writer.drain(), _SEND_MS)

    async def close(self) -> None:
        pass
