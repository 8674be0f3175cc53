"""What carries the bytes of a bus: a serial port, or a TCP connection to a device or a serial server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from paifang.ports import SerialPort

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.ports import Format

CONNECT_S = 5.0


class Carrier(Protocol):
    """Opened and closed again and again; it tells what it receives, and once when it is lost."""

    async def open(self) -> None:
        """Raises OSError or ValueError saying why it cannot be had."""
        ...

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """`remote`: host and port; None: `name` is a serial port, and `how` its characters go."""

    name: str
    how: Format
    remote: tuple[str, int] | None = None


def carrier_of(place: Place, received: Callable[[bytes], object], lost: Callable[[str], object]) -> Carrier:
    if place.remote is None:
        return SerialCarrier(place.name, place.how, received, lost)
    return TcpCarrier(*place.remote, received, lost)


class SerialCarrier:
    def __init__(
        self, device: str, how: Format, received: Callable[[bytes], object], lost: Callable[[str], object]
    ) -> None:
        self._how = how
        self._port = SerialPort(device, received, lost)
        self.write, self.close = self._port.write, self._port.close

    async def open(self) -> None:
        self._port.open(self._how)


class TcpCarrier(asyncio.Protocol):
    def __init__(
        self, host: str, port: int, received: Callable[[bytes], object], lost: Callable[[str], object]
    ) -> None:
        self._place = host, port
        self._received = received
        self._lost = lost
        self._transport: asyncio.Transport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(lambda: self, *self._place)
        except TimeoutError as error:
            raise OSError(f"no answer within {CONNECT_S:.0f} s") from error

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport = None
            self._lost(str(exc) if exc else "the other end has closed the connection")
