"""The sink into a SensorThings server: observations in data arrays, told apart where the server makes some only."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from paifang.config.sink_sensorthings import SensorThingsSettings
from paifang.north.connector import REFUSED, unreachable
from paifang.north.http import HttpClient, Meaning
from paifang.north.naming import Namings
from paifang.north.sensorthings import observations
from paifang.north.sensorthings.observations import Observation, Streams
from paifang.profiles import city_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paifang.config.sink import SinkSettings
    from paifang.north.http import Answer
    from paifang.north.kinds import Ward
    from paifang.north.record import Record

_log = logging.getLogger(__name__)


def build(settings: SinkSettings, ward: Ward) -> SensorThingsSink:
    """Raises PaifangError when a token, a certificate, a table of names or a unit is not to be had."""
    assert isinstance(settings, SensorThingsSettings)
    HttpClient.check(settings, settings.url)
    if settings.names is not None:
        city_tables.find(settings.names)
    return SensorThingsSink(settings, ward)


class SensorThingsSink:
    batch_records = 200
    deliver_limit_s = 600.0
    """A server that goes on answering is waited for; one that does not is given up after the settings' `timeout`."""

    def __init__(self, settings: SensorThingsSettings, ward: Ward) -> None:
        self._settings = settings
        self._streams = Streams(settings)
        self._namings = Namings(ward)
        self._http = HttpClient(settings, settings.url)

    async def open(self) -> None:
        self._http.open({})
        await self._http.probe(observations.PATH, observations.CONTENT_TYPE)

    async def deliver(self, records: Sequence[Record]) -> Mapping[int, str]:
        dropped: dict[int, str] = {}
        found: list[Observation] = []
        for place, record in enumerate(records):
            naming = self._namings.of(record.node, self._settings.names)
            made = observations.observations(place, record, self._streams, naming)
            if isinstance(made, str):
                dropped[place] = made
            else:
                found += made
        if found:
            for each, why in await self._create(found):
                _log.warning(
                    "sink %s: %s is refused by datastream %s: %s",
                    *(self._settings.name, records[each.place].id, each.datastream, why),
                )
                dropped[each.place] = REFUSED
        return dropped

    async def close(self) -> None:
        await self._http.close()

    async def _create(self, found: Sequence[Observation]) -> list[tuple[Observation, str]]:
        """Those that are refused. Raises PaifangError when any has to come again."""
        answer = await self._http.post(observations.PATH, observations.body(found), observations.CONTENT_TYPE)
        if answer.meaning is Meaning.DONE:
            return await self._those_failed(answer, found)
        if answer.meaning not in {Meaning.REFUSED, Meaning.TOO_LARGE}:
            raise self._http.problem(answer)
        if len(found) == 1:
            return [(found[0], answer.told)]
        half = len(found) // 2
        return [*await self._create(found[:half]), *await self._create(found[half:])]

    async def _those_failed(self, answer: Answer, found: Sequence[Observation]) -> list[tuple[Observation, str]]:
        """An "error" gives no reason: alone, the observation is either made or refused once more."""
        failed = observations.failed(answer, found)
        if failed is None:
            hint = "it has to answer CreateObservations with one address an observation"
            raise unreachable(self._settings.name, f"an answer that nobody understands: {answer.told}", hint)
        if len(found) == 1:
            return [(each, "error") for each in failed]
        return [refused for each in failed for refused in await self._create([each])]
