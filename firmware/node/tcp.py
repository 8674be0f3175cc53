"""Frames over TCP, as a CBOR sequence: one connection for each session."""

import asyncio
import errno

from micropython import const

from paifang_wire.framing import StreamDecoder, stream_frame

_READ_BYTES = const(512)
_OPEN_MS = const(15_000)
_SEND_MS = const(20_000)


class TcpTransport:
    """A new connection with each `open`. `wifi` may be None when the network is there by itself."""

    def __init__(self, host: str, port: int, wifi) -> None:
        self._host = host
        self._port = port
        self._wifi = wifi
        self._reader = self._writer = self._decoder = None
        self.refused = 0
        self.handshake_ms = 10_000  # a thousand nodes may be knocking at once

    async def open(self) -> None:
        """Raises OSError when there is no network or nobody listens, asyncio.TimeoutError when nobody answers."""
        if self._wifi is not None:
            await self._wifi.up()
        connecting = asyncio.open_connection(self._host, self._port)
        self._reader, self._writer = await asyncio.wait_for_ms(connecting, _OPEN_MS)
        self._decoder = StreamDecoder()

    async def receive(self) -> list:
        """The frames that came next, possibly none. Raises OSError at the end, and WireError for what is no frame."""
        data = await self._reader.read(_READ_BYTES)
        if not data:
            raise OSError(errno.ECONNRESET)
        return self._decoder.feed(data)

    async def send(self, frame: bytes) -> None:
        """Raises OSError, or asyncio.TimeoutError when the other side takes nothing any more."""
        self._writer.write(stream_frame(frame))
        await asyncio.wait_for_ms(self._writer.drain(), _SEND_MS)

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.wait_closed()
