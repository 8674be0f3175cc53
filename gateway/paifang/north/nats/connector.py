"""The connection of a NATS sink: messages go ahead in order, and the stream's confirmations are awaited together."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import nats.js.errors
from nats.js.api import StreamConfig

from paifang.jetstream import login
from paifang.jetstream.link import Link, unreachable
from paifang.jetstream.subjects import covers
from paifang.north.document import document
from paifang.north.nats import subjects
from paifang.north.nats.confirmations import TOO_LARGE, Confirmations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nats.aio.msg import Msg

    from paifang.config.sink_nats import NatsSinkSettings
    from paifang.north.kinds import Ward
    from paifang.north.record import Record

MESSAGE_ID = "Nats-Msg-Id"
"""By which the stream knows a record that comes again."""
EXPECTED_STREAM = "Nats-Expected-Stream"
HEADER_BYTES = 12
"""Of a header block without its lines: "NATS/1.0", and the empty line at its end."""
LINE_BYTES = 4
"""Of a header line beside its key and value: ": " and the end of the line."""

_log = logging.getLogger(__name__)


class NatsConnector:
    """Its connection is never mended: what was not confirmed is the runner's, which opens another one."""

    def __init__(self, settings: NatsSinkSettings, ward: Ward) -> None:
        self.batch_records = settings.in_flight
        # Sending and waiting have limits of their own, which come first.
        self.deliver_limit_s = 3 * settings.timeout_ms / 1000
        self.duplicates = 0
        """Messages that the stream had kept already."""
        self._settings = settings
        self._site = ward.site
        self._link = Link(settings, settings.name, ward.random(1)[0])
        self._inbox = ""
        self._batch = 0
        self._waiting: dict[str, tuple[Confirmations, asyncio.Event]] = {}

    async def open(self) -> None:
        """Raises PaifangError also when the stream is not there, or takes other subjects."""
        await self._link.open()
        await self._see_stream()
        self._inbox = self._link.client.new_inbox()
        # nats-py leaves open what its futures and parameters are.
        asking = self._link.client.subscribe(f"{self._inbox}.*.*", cb=self._answered)  # pyright: ignore[reportUnknownMemberType]
        await self._link.answered(asking, "asking for confirmations")

    async def deliver(self, records: Sequence[Record]) -> Mapping[int, str]:
        """Raises PaifangError when one of the records is not confirmed in time."""
        self._batch += 1
        batch = str(self._batch)
        confirmations, heard = Confirmations(len(records)), asyncio.Event()
        self._waiting[batch] = confirmations, heard
        try:
            await self._link.answered(self._publish(batch, records, confirmations), "sending")
            while not confirmations.is_over:
                heard.clear()
                await self._link.answered(heard.wait(), "confirmations")
            if confirmations.failure:
                raise unreachable(self._link.who, confirmations.failure, confirmations.hint)
        except BaseException:
            self._tell_overtaken(confirmations)
            raise
        finally:
            del self._waiting[batch]
            self.duplicates += confirmations.duplicates
        return confirmations.refused

    async def close(self) -> None:
        await self._link.close()

    async def _publish(self, batch: str, records: Sequence[Record], confirmations: Confirmations) -> None:
        settings, client = self._settings, self._link.client
        room = client.max_payload - HEADER_BYTES - len(MESSAGE_ID + EXPECTED_STREAM + settings.stream) - 2 * LINE_BYTES
        for place, record in enumerate(records):
            body = document(record)
            if len(body) + len(record.id.encode()) > room:
                confirmations.refuse(place, TOO_LARGE)
                continue
            what = subjects.REPORT if record.event is None else subjects.EVENT
            await client.publish(
                subjects.subject(settings.prefix, record.site, record.node, what),
                body,
                f"{self._inbox}.{batch}.{place}",
                {MESSAGE_ID: record.id, EXPECTED_STREAM: settings.stream},
            )

    async def _answered(self, message: Msg) -> None:
        *_, batch, place = message.subject.split(".")
        waiting = self._waiting.get(batch)
        if waiting is None:
            return
        confirmations, heard = waiting
        confirmations.take(int(place), message.headers, message.data)
        if confirmations.is_over:
            heard.set()

    async def _see_stream(self) -> None:
        wanted = f"{self._settings.prefix}.{subjects.token(self._site)}.>"
        name = self._settings.stream
        try:
            info = await self._link.answered(self._link.streams.stream_info(name), f"stream {name}")
        except nats.js.errors.NotFoundError as error:
            if not self._settings.create:
                raise unreachable(self._link.who, f"there is no stream {name}", self._how_to_make()) from error
            await self._create()
            return
        if not any(covers(pattern, wanted) for pattern in info.config.subjects or ()):
            raise unreachable(
                self._link.who,
                f"stream {name} does not take {wanted}, but {', '.join(info.config.subjects or ())}",
                f"add it: nats stream edit {name} --subjects '{self._settings.prefix}.>'; or set prefix or stream",
            )

    async def _create(self) -> None:
        settings = self._settings
        config = StreamConfig(
            name=settings.stream,
            subjects=[f"{settings.prefix}.>"],
            num_replicas=settings.replicas,
            max_age=settings.max_age_ms / 1000,
            duplicate_window=settings.duplicate_window_ms / 1000,
        )
        making = self._link.streams.add_stream(config)  # pyright: ignore[reportUnknownMemberType]
        await self._link.answered(making, f"making stream {settings.stream}")
        _log.info("%s: made stream %s for %s.>", self._link.who, settings.stream, settings.prefix)

    def _how_to_make(self) -> str:
        settings = self._settings
        return (
            f"set create = true, or make it: nats stream add {settings.stream} --subjects '{settings.prefix}.>' "
            f"--storage file --replicas {settings.replicas} --dupe-window {settings.duplicate_window_ms // 1000}s "
            f"--max-age {settings.max_age_ms // 1000}s --defaults"
        )

    def _tell_overtaken(self, confirmations: Confirmations) -> None:
        if confirmations.overtaken:
            _log.warning(
                "%s: %d messages were kept while one before them was not; it comes behind them",
                self._link.who,
                confirmations.overtaken,
            )


def build(settings: NatsSinkSettings, ward: Ward) -> NatsConnector:
    """A connector, not open yet. Raises PaifangError for a file of its settings that cannot be read."""
    login.options(settings)
    return NatsConnector(settings, ward)
