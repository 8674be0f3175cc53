"""How frames travel: over TCP as a CBOR sequence, over a serial line in COBS. Both look the same to the link."""

import asyncio
import errno

from micropython import const

from paifang_wire.framing import SerialDecoder, StreamDecoder, serial_frame, stream_frame

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

    async def open(self) -> None:
        """Raises OSError when there is no network or nobody listens, asyncio.TimeoutError when nobody answers."""
        if self._wifi is not None:
            await self._wifi.up()
        connecting = asyncio.open_connection(self._host, self._port)
        self._reader, self._writer = await asyncio.wait_for_ms(connecting, _OPEN_MS)
        self._decoder = StreamDecoder()

    async def receive(self) -> list:
        """The frames that came next, possibly none. Raises OSError at the end, WireError for what is no frame: drop it then."""
        data = await self._reader.read(_READ_BYTES)
        if not data:
            raise OSError(errno.ECONNRESET)
        return self._decoder.feed(data)

    async def send(self, frame: bytes) -> None:
        """Raises OSError, or asyncio.TimeoutError when the other side takes nothing any more."""
        await _send(self._writer, stream_frame(frame))

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.wait_closed()


class SerialTransport:
    """A UART that nobody else uses; `open` only forgets half a frame."""

    def __init__(self, uart) -> None:
        self._reader = asyncio.StreamReader(uart)
        self._writer = asyncio.StreamWriter(uart, {})
        self._decoder = SerialDecoder()
        self._refused_before = 0

    @property
    def refused(self) -> int:
        return self._refused_before + sum(self._decoder.errors.values())

    async def open(self) -> None:
        self._refused_before = self.refused
        self._decoder = SerialDecoder()

    async def receive(self) -> list:
        return self._decoder.feed(await self._reader.read(_READ_BYTES))

    async def send(self, frame: bytes) -> None:
        await _send(self._writer, serial_frame(frame))

    async def close(self) -> None:
        pass


async def _send(writer, data: bytes) -> None:
    writer.write(data)
    await asyncio.wait_for_ms(writer.drain(), _SEND_MS)
