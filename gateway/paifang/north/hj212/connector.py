"""The sink to an environment bureau: one TCP connection for all its stations, a message at a time."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from typing import TYPE_CHECKING, cast

from paifang.config.bridges import split_remote
from paifang.config.sink_hj212 import Hj212Settings
from paifang.errors import bad_argument
from paifang.keys.files import read_passphrase
from paifang.north.connector import NOT_WANTED, unreachable
from paifang.north.hj212 import reports
from paifang.north.hj212.desk import Station, Ways
from paifang.north.hj212.session import Message, Session, Timing
from paifang.north.naming import Namings
from paifang.north.tls import tls_context
from paifang.profiles import city_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paifang.config.sink import SinkSettings
    from paifang.config.sink_hj212 import StationSettings
    from paifang.north.kinds import Ward
    from paifang.north.record import Record

STREAMS = 2
"""That share the line, message by message: what is new, and what was left behind."""
_MS_OF_S = 1_000
_PASSWORD = re.compile(r"[0-9A-Za-z]{1,32}", re.ASCII)


def build(settings: SinkSettings, ward: Ward) -> Hj212Sink:
    """Raises PaifangError when a password, a certificate or a table of names is not to be had."""
    assert isinstance(settings, Hj212Settings)
    for each in settings.stations:
        _station(each)
        if each.names is not None:
            city_tables.find(each.names)
    tls_context(settings)
    return Hj212Sink(settings, ward)


class Hj212Sink:
    batch_records = 8

    def __init__(self, settings: Hj212Settings, ward: Ward) -> None:
        self._settings = settings
        self._ward = ward
        self._namings = Namings(ward)
        self._stations = [(each, _station(each)) for each in settings.stations]
        self._ways = _ways(settings)
        self._timing = _timing(settings)
        self._turn = asyncio.Lock()
        self._line: _Line | None = None
        message_ms = settings.attempts * settings.timeout_ms + settings.pause_ms + _MS_OF_S
        self.deliver_limit_s = STREAMS * self.batch_records * message_ms / _MS_OF_S

    async def open(self) -> None:
        host, port = split_remote(self._settings.address)
        session = Session(self._settings.name, [each for _, each in self._stations], self._ways, self._timing)
        loop = asyncio.get_running_loop()
        context = tls_context(self._settings)
        line = _Line(self._settings.name, session, self._ward.utc_ms)
        await loop.create_connection(lambda: line, host, port, ssl=context)
        self._line = line

    async def deliver(self, records: Sequence[Record]) -> Mapping[int, str]:
        assert self._line is not None
        dropped: dict[int, str] = {}
        for place, record in enumerate(records):
            message = self._message(record)
            if isinstance(message, str):
                dropped[place] = message
                continue
            async with self._turn:
                await self._line.exchange(message)
        return dropped

    async def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _message(self, record: Record) -> Message | str:
        if record.event is not None:
            return NOT_WANTED
        found = next((each for each in self._stations if each[0].takes(record.node)), None)
        if found is None:
            return NOT_WANTED
        settings, station = found
        return reports.message(record, station, self._namings.of(record.node, settings.names), self._ways)


class _Line(asyncio.Protocol):
    """A session on a socket, with the timer that it asks for."""

    def __init__(self, sink: str, session: Session, utc_ms: Callable[[], int]) -> None:
        self._sink = sink
        self._session = session
        self._utc_ms = utc_ms
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._confirmed: asyncio.Future[None] | None = None
        self._failure: Exception | None = None

    async def exchange(self, message: Message) -> None:
        """Return when it is confirmed. Raises PaifangError."""
        wait_ms = self._session.ready_ms(message.station, self._utc_ms(), _now_ms()) - _now_ms()
        if wait_ms > 0:
            await asyncio.sleep(wait_ms / _MS_OF_S)
        if self._failure is not None:
            raise self._failure
        self._confirmed = self._loop.create_future()
        self._write(self._session.start(message, self._utc_ms(), _now_ms()))
        self._arm()
        await self._confirmed

    def close(self) -> None:
        self._disarm()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # That of uvloop is none by its class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._do(lambda: self._session.feed(data, self._utc_ms(), _now_ms()))

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        why = f": {exc}" if exc else ""
        hint = "look at the bureau's side for what it thinks of the last message"
        self._fail(unreachable(self._sink, f"the bureau has closed the connection{why}", hint))

    def _due(self) -> None:
        self._do(lambda: self._session.tick(self._utc_ms(), _now_ms()))

    def _do(self, step: Callable[[], bytes]) -> None:
        try:
            self._write(step())
        except Exception as error:  # noqa: BLE001 - it is raised where a delivery waits
            self._fail(error)
            self.close()
            return
        if not self._session.is_waiting and self._confirmed is not None and not self._confirmed.done():
            self._confirmed.set_result(None)
        self._arm()

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        if self._confirmed is not None and not self._confirmed.done():
            self._confirmed.set_exception(self._failure)

    def _arm(self) -> None:
        self._disarm()
        due_ms = self._session.due_ms()
        if due_ms is not None and self._failure is None:
            self._timer = self._loop.call_later(max(0, due_ms - _now_ms()) / _MS_OF_S, self._due)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _station(settings: StationSettings) -> Station:
    password = read_passphrase(settings.password_file)
    if not _PASSWORD.fullmatch(password):
        hint = "it has up to 32 letters and digits, most bureaus give six"
        raise bad_argument(f"{settings.password_file} holds no PW of HJ 212 for station {settings.mn}", hint)
    return Station(settings.mn, settings.st, password)


def _ways(settings: Hj212Settings) -> Ways:
    sign, hours, minutes = settings.time_zone[0], settings.time_zone[1:3], settings.time_zone[4:]
    ahead = dt.timedelta(hours=int(hours), minutes=int(minutes))
    return Ways(
        version=settings.version,
        zone=dt.timezone(-ahead if sign == "-" else ahead),
        interval_s=settings.interval_ms // _MS_OF_S,
        in_parts=settings.parts,
        follows_clock=settings.follow_clock,
    )


def _timing(settings: Hj212Settings) -> Timing:
    return Timing(settings.timeout_ms, settings.attempts, settings.pause_ms, settings.heartbeat_ms)
