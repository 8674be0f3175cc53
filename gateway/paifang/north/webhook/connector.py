"""The sink of alarms: one request each, in order, confirmed by its answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from paifang.config.sink_webhook import ALL
from paifang.north.connector import NOT_WANTED, REFUSED
from paifang.north.document import CONTENT_TYPE, document
from paifang.north.http import HttpClient, Meaning
from paifang.north.webhook.signing import headers, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paifang.config.sink_webhook import WebhookSettings
    from paifang.north.kinds import Ward
    from paifang.north.record import Record

_MS_OF_S = 1_000
_log = logging.getLogger(__name__)


class WebhookConnector:
    batch_records = 200
    """Most of a batch are no alarms."""

    def __init__(self, settings: WebhookSettings, ward: Ward) -> None:
        # Each request has a limit of its own, which comes first.
        self.deliver_limit_s = self.batch_records * settings.timeout_ms / _MS_OF_S
        self._settings = settings
        self._utc_ms = ward.utc_ms
        self._client = HttpClient(settings, settings.url)
        self._key: bytes | None = None

    async def open(self) -> None:
        file = self._settings.secret_file
        self._key = None if file is None else key_of(file)
        self._client.open({"User-Agent": "Paifang"})
        await self._client.look()

    async def deliver(self, records: Sequence[Record]) -> Mapping[int, str]:
        dropped: dict[int, str] = {}
        for place, record in enumerate(records):
            why = await self._sent(record) if self._is_alarm(record) else NOT_WANTED
            if why is not None:
                dropped[place] = why
        return dropped

    async def close(self) -> None:
        await self._client.close()

    def _is_alarm(self, record: Record) -> bool:
        if record.event is not None:
            return ALL in self._settings.events or record.event.name in self._settings.events
        return any(value.told_quality in self._settings.qualities for value in record.values)

    async def _sent(self, record: Record) -> str | None:
        """None when it is confirmed, else why it is dropped. Raises PaifangError when it is to wait."""
        body = document(record)
        told = headers(quote(record.id, safe="/"), self._utc_ms() // _MS_OF_S, body, self._key)
        answer = await self._client.post("", body, CONTENT_TYPE, told)
        if answer.meaning is Meaning.DONE:
            return None
        if answer.meaning in {Meaning.REFUSED, Meaning.TOO_LARGE}:
            _log.warning("sink %s: %s is refused: %s", self._settings.name, record.id, answer.told)
            return REFUSED
        raise self._client.problem(answer)
