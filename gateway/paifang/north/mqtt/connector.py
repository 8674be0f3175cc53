"""The sink into a broker of MQTT 5: each record a message with QoS 1, confirmed by the broker one by one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from paifang.config.bridges import split_remote
from paifang.config.sink_mqtt import MqttSettings
from paifang.keys.files import read_passphrase
from paifang.north.connector import REFUSED, unreachable
from paifang.north.mqtt import codes, topics
from paifang.north.mqtt.codes import Fate
from paifang.north.mqtt.home_assistant import HomeAssistant
from paifang.north.mqtt.link import Link
from paifang.north.mqtt.packets import MqttError, Publish, Will
from paifang.north.mqtt.session import Login, Message
from paifang.north.mqtt.topics import Topics
from paifang.north.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paifang.config.sink import SinkSettings
    from paifang.north.kinds import Ward
    from paifang.north.record import Record

GOODBYE_S = 2.0
"""A broker that does not take the farewell in this time is left without one."""

_log = logging.getLogger(__name__)


def build(settings: SinkSettings, ward: Ward) -> MqttSink:
    """Raises PaifangError when a password or certificate is not to be had."""
    assert isinstance(settings, MqttSettings)
    _password(settings)
    tls_context(settings)
    return MqttSink(settings, ward)


class MqttSink:
    batch_records = 1_000
    deliver_limit_s = 3_600.0
    """A broker that goes on answering is waited for; one that does not is given up after the settings' `answer`."""

    def __init__(self, settings: MqttSettings, ward: Ward) -> None:
        self._settings = settings
        self._ward = ward
        self._topics = Topics(settings, ward.site)
        self._link: Link | None = None
        self._shown = _home_assistant(settings, self._topics, ward.site)

    async def open(self) -> None:
        settings = self._settings
        login = Login(
            client_id=settings.client_id or f"paifang-{self._ward.site}-{settings.name}",
            will=Will(self._topics.status, topics.OFFLINE),
            keep_alive_ms=settings.keep_alive_ms,
            answer_ms=settings.answer_ms,
            user=settings.user,
            password=_password(settings),
        )
        link = self._link = Link(login, self._heard)
        host, port = split_remote(settings.broker)
        try:
            await link.open(host, port, tls_context(settings), settings.answer_ms / 1_000)
            await self._tell(link, topics.ONLINE)
            if self._shown is not None:
                link.subscribe(self._shown.birth_topic)
        except MqttError as error:
            raise self._unreachable(error) from error

    async def deliver(self, records: Sequence[Record]) -> Mapping[int, str]:
        link = self._link
        assert link is not None
        try:
            if self._shown is not None:
                await self._announce(link, self._shown.announced(records))
            refused = await link.publish(self._topics.message(record) for record in records)
        except MqttError as error:
            raise self._unreachable(error) from error
        if self._shown is not None:
            link.show(self._shown.shown(records, self._ward.utc_ms()))
        return {place: self._judged(records[place], code) for place, code in refused.items()}

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        if link.is_up:
            # Where it fails, the will says it.
            with contextlib.suppress(MqttError, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._tell(link, topics.OFFLINE)
        await link.close()

    def _judged(self, record: Record, code: int) -> str:
        """Why the record is dropped. Raises PaifangError when it is to wait."""
        if codes.fate(code) is Fate.LATER:
            hint = codes.HINTS.get(code, "look at the broker's log")
            raise unreachable(self._settings.name, f"the broker did not take {record.id}: {codes.told(code)}", hint)
        _log.warning("sink %s: the broker will never take %s: %s", self._settings.name, record.id, codes.told(code))
        return REFUSED

    async def _tell(self, link: Link, status: bytes) -> None:
        refused = await link.publish([Message(self._topics.status, status, is_retained=True)])
        if refused:
            reason = codes.told(refused[0])
            _log.warning("sink %s: %s is not told: %s", self._settings.name, self._topics.status, reason)

    async def _announce(self, link: Link, configs: Sequence[Message]) -> None:
        """What is refused here is not shown in Home Assistant; the records go on."""
        for place, code in (await link.publish(configs)).items():
            _log.warning("sink %s: %s: %s", self._settings.name, configs[place].topic, codes.told(code))

    def _heard(self, message: Publish) -> None:
        """Home Assistant has started: it may have forgotten."""
        link = self._link
        if link is not None and self._shown is not None and message == (self._shown.birth_topic, topics.ONLINE):
            link.show(self._shown.everything(self._ward.utc_ms()))

    def _unreachable(self, error: MqttError) -> Exception:
        return unreachable(self._settings.name, error.message, error.hint)


def _home_assistant(settings: MqttSettings, topics: Topics, site: str) -> HomeAssistant | None:
    if settings.home_assistant is None:
        return None
    return HomeAssistant(settings.home_assistant, topics, site, settings.fresh_ms)


def _password(settings: MqttSettings) -> str | None:
    return None if settings.password_file is None else read_passphrase(settings.password_file)
