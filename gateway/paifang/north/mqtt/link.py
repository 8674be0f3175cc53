"""A session on a socket."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, cast

from paifang.north.mqtt.packets import MqttError
from paifang.north.mqtt.session import Batch, Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping

    from paifang.north.mqtt.packets import Publish
    from paifang.north.mqtt.session import Login, Message

PART = 64
"""Messages after which others have their turn."""
TICK_S = 1.0
CLOSE_S = 2.0


class Link(asyncio.Protocol):
    """`on_message` is called with what the broker sends. Once lost, it stays so: `publish` raises why."""

    def __init__(self, login: Login, on_message: Callable[[Publish], object] = lambda _: None) -> None:
        self._loop = asyncio.get_running_loop()
        self._session = Session(login, self._now_ms())
        self._on_message = on_message
        self._transport: asyncio.Transport | None = None
        self._up = self._loop.create_future()
        self._ended = asyncio.Event()
        self._waiting: dict[Batch, asyncio.Future[None]] = {}
        self._lost: MqttError | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_up(self) -> bool:
        return self._session.is_up and self._lost is None

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None, limit_s: float) -> None:
        """Raises MqttError, OSError, of these TimeoutError after `limit_s`. `close` afterwards, either way."""
        async with asyncio.timeout(limit_s):
            await self._loop.create_connection(
                lambda: self, host, port, ssl=tls, ssl_handshake_timeout=limit_s if tls else None
            )
            await self._up

    async def publish(self, messages: Iterable[Message]) -> Mapping[int, int]:
        """Return when the broker has answered for each: {place: reason code} of those that it did not take.

        The loop goes on in between: messages that are made as they are asked for take their time. Raises MqttError when
        the connection is lost before.
        """
        batch = Batch()
        rest = iter(messages)
        while part := list(itertools.islice(rest, PART)):
            if self._lost is not None:
                raise self._lost
            self._session.publish(part, self._now_ms(), batch)
            self._flush()
            await asyncio.sleep(0)
        if self._lost is not None:
            raise self._lost
        if batch.left:
            answered = self._waiting[batch] = self._loop.create_future()
            try:
                await answered
            finally:
                self._waiting.pop(batch, None)
        return batch.codes

    def show(self, messages: Iterable[Message]) -> None:
        """Publish with QoS 0; nobody hears of it if that fails."""
        for message in messages:
            self._session.show(message)
        self._flush()

    def subscribe(self, topic: str) -> None:
        self._session.subscribe(topic)
        self._flush()

    async def close(self) -> None:
        """Say goodbye if there is somebody to hear it. Never raises."""
        if self._transport is None or self._lost is not None:
            return
        self._session.leave()
        self._flush()
        self._transport.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._ended.wait()
        except TimeoutError:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclasses
        self._flush()
        self._tick_later()

    def data_received(self, data: bytes) -> None:
        try:
            settled, published = self._session.take(data, self._now_ms())
        except MqttError as error:
            self._lose(error)
            return
        self._flush()
        if self._session.is_up and not self._up.done():
            self._up.set_result(None)
        for batch in settled:
            answered = self._waiting.get(batch)
            if answered is not None and not answered.done():
                answered.set_result(None)
        for message in published:
            self._on_message(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()
        reason = f": {exc}" if exc else ""
        self._lose(MqttError(f"the broker closed the connection{reason}", "look at the broker's log"))

    def _lose(self, error: MqttError) -> None:
        if self._lost is not None:
            return
        self._lost = error
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        for waiting in (self._up, *self._waiting.values()):
            if not waiting.done():
                waiting.set_exception(error)
        if self._up.done() and not self._up.cancelled():
            self._up.exception()  # it may be that nobody waits any more

    def _tick(self) -> None:
        try:
            self._session.tick(self._now_ms())
        except MqttError as error:
            self._lose(error)
            return
        self._flush()
        self._tick_later()

    def _tick_later(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def _flush(self) -> None:
        data = self._session.to_send(self._now_ms())
        if data and self._transport is not None and self._lost is None:
            self._transport.write(data)

    def _now_ms(self) -> int:
        return int(self._loop.time() * 1_000)
