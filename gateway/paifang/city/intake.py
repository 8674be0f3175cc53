"""The worker's end of a shared durable consumer: messages are pulled, and acknowledged or given back one by one."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nats.js.errors
from nats.js.api import AckPolicy, ConsumerConfig

from paifang.city.batch import Message, message
from paifang.city.document import MalformedError
from paifang.jetstream.link import Link, unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nats.aio.msg import Msg
    from nats.js.api import ConsumerInfo, StreamInfo

    from paifang.config.city import StreamSettings

WAIT_S = 5.0
"""How long one request waits for a first message; then the next one shows that the server is there."""
BATCH_BYTES = 64 << 20
"""Of one request at most; no server takes a message that is larger."""
_BREATH_S = 0.1
_ACK, _NAK = b"+ACK", b"-NAK"
_HEARTBEAT, _LIMIT = "100", "409"
_GONE = ("Consumer Deleted", "Consumer is push based")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pull:
    """One request: how many messages are to come yet, and why no more will."""

    open: int
    status: str
    reason: str
    over: asyncio.Event


class Intake:
    """Of one connection. `who` is the worker."""

    def __init__(self, settings: StreamSettings, who: str, turn: int = 0) -> None:
        self._settings = settings
        self._link = Link(settings, who, turn)
        self._inbox = ""
        self._count = 0
        self._pull = _Pull(0, "", "", asyncio.Event())
        self._arrived: list[Message] = []

    async def open(self, *, make: bool = True) -> StreamInfo:
        """Connect, and `make` the consumer if need be; what the stream is. Raises PaifangError."""
        settings, link = self._settings, self._link
        await link.open()
        try:
            info = await link.answered(link.streams.stream_info(settings.name), f"stream {settings.name}")
        except nats.js.errors.NotFoundError as error:
            hint = "wards make it with create = true in their sink; or name another one"
            raise unreachable(link.who, f"there is no stream {settings.name}", hint) from error
        if make:
            await self._see_consumer()
        self._inbox = link.client.new_inbox()
        # nats-py leaves open what its futures are.
        asking = link.client.subscribe(f"{self._inbox}.*", cb=self._came)  # pyright: ignore[reportUnknownMemberType]
        await link.answered(asking, "asking for messages")
        return info

    async def take(self, most: int) -> list[Message]:
        """What is there, up to `most`; else what comes first in the next seconds, and none when nothing does."""
        await self._ask(most, wait_s=0)
        if not self._arrived:
            await self._ask(1, wait_s=min(WAIT_S, self._settings.timeout_ms / 2000))
            if self._arrived and most > 1:
                await self._ask(most - 1, wait_s=0)
        return self.arrived()

    def arrived(self) -> list[Message]:
        """What came and was not taken: of a `take` that was cancelled."""
        arrived, self._arrived = self._arrived, []
        return arrived

    async def acknowledge(self, messages: Iterable[Message]) -> None:
        """They are done. What is not heard comes again, and is known then."""
        await self._link.answered(self._say(messages, _ACK), "acknowledging")

    async def give_back(self, messages: Iterable[Message]) -> None:
        """They come again, to whoever asks next."""
        await self._link.answered(self._say(messages, _NAK), "giving back")

    async def consumer(self) -> ConsumerInfo:
        """How far all workers are. nats.js.errors.NotFoundError when there is no consumer."""
        settings = self._settings
        asking = self._link.streams.consumer_info(settings.name, settings.consumer)
        return await self._link.answered(asking, f"consumer {settings.consumer}")

    async def close(self) -> None:
        """Never raises."""
        await self._link.close()

    async def _see_consumer(self) -> None:
        settings = self._settings
        try:
            await self.consumer()
        except nats.js.errors.NotFoundError:
            config = ConsumerConfig(
                durable_name=settings.consumer,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=settings.ack_wait_ms / 1000,
                max_ack_pending=settings.ack_pending,
                filter_subject=settings.subjects,
            )
            # Two workers that make the same at once both succeed.
            making = self._link.streams.add_consumer(settings.name, config)  # pyright: ignore[reportUnknownMemberType]
            await self._link.answered(making, f"making consumer {settings.consumer}")
            _log.info("made consumer %s of stream %s", settings.consumer, settings.name)

    async def _ask(self, count: int, wait_s: float) -> None:
        """One request (NATS ADR-13): up to `count`, at once or as they come within `wait_s`. Raises PaifangError."""
        settings = self._settings
        self._count += 1
        pull = self._pull = _Pull(count, "", "", asyncio.Event())
        request: dict[str, object] = {"batch": count, "max_bytes": BATCH_BYTES}
        request |= {"expires": int(wait_s * 1e9)} if wait_s else {"no_wait": True}
        await self._link.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{settings.name}.{settings.consumer}",
            json.dumps(request).encode(),
            f"{self._inbox}.{self._count}",
        )
        await self._link.answered(pull.over.wait(), "messages")
        await self._judge(pull)

    async def _judge(self, pull: _Pull) -> None:
        if pull.status == "503" or pull.reason.startswith(_GONE):
            raise unreachable(self._link.who, f"consumer {self._settings.consumer}: {pull.reason or 'nobody answers'}")
        if pull.status == _LIMIT and not self._arrived:
            _log.debug("%s: %s", self._link.who, pull.reason)
            await asyncio.sleep(_BREATH_S)  # others have all in hand that may be in hand

    async def _came(self, came: Msg) -> None:
        """A message under its own subject, which does not tell of which request it is; or how a request ended."""
        pull = self._pull
        headers = came.headers or {}
        status = headers.get("Status", "")
        if status:
            if came.subject.endswith(f".{self._count}") and status != _HEARTBEAT:
                pull.status, pull.reason = status, headers.get("Description", "")
                pull.over.set()
            return
        try:
            self._arrived.append(message(came.subject, came.reply, came.data))
        except MalformedError as error:
            _log.warning("%s: %s", self._link.who, error)
            return
        pull.open -= 1
        if pull.open <= 0:
            pull.over.set()

    async def _say(self, messages: Iterable[Message], word: bytes) -> None:
        for each in messages:
            await self._link.client.publish(each.reply, word)
