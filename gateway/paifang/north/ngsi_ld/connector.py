"""The sink into an NGSI-LD broker: batches of entities, told apart where the broker takes some and not others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from paifang.config.sink_ngsi_ld import NgsiLdSettings
from paifang.north.connector import REFUSED, unreachable
from paifang.north.http import HttpClient, Meaning
from paifang.north.naming import Namings
from paifang.north.ngsi_ld import upserts
from paifang.north.ngsi_ld.entities import entities
from paifang.north.ngsi_ld.upserts import Item
from paifang.profiles import city_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from paifang.config.sink import SinkSettings
    from paifang.north.kinds import Ward
    from paifang.north.ngsi_ld.entities import Entity
    from paifang.north.record import Record

_log = logging.getLogger(__name__)


def build(settings: SinkSettings, ward: Ward) -> NgsiLdSink:
    """Raises PaifangError when a token, a certificate or a table of names is not to be had."""
    assert isinstance(settings, NgsiLdSettings)
    HttpClient.check(settings, settings.url)
    for place in settings.places:
        if place.names is not None:
            city_tables.find(place.names)
    return NgsiLdSink(settings, ward)


def without_place(settings: NgsiLdSettings, nodes: Iterable[str]) -> list[str]:
    """Those of `nodes` whose records the sink drops, because it does not know where they stand."""
    known = {place.node for place in settings.places}
    return [node for node in nodes if settings.takes(node) and node not in known]


class NgsiLdSink:
    batch_records = 30
    """Reports of one node go one request after the other: a failure must not bring back too many of them."""
    deliver_limit_s = 600.0
    """A broker that goes on answering is waited for; one that does not is given up after the settings' `timeout`."""

    def __init__(self, settings: NgsiLdSettings, ward: Ward) -> None:
        self._settings = settings
        self._namings = Namings(ward)
        self._places = {place.node: place for place in settings.places}
        self._http = HttpClient(settings, settings.url)

    async def open(self) -> None:
        tenant = self._settings.tenant
        self._http.open({"NGSILD-Tenant": tenant} if tenant else {})
        await self._http.probe(upserts.PATH, upserts.CONTENT_TYPE)

    async def deliver(self, records: Sequence[Record]) -> Mapping[int, str]:
        dropped: dict[int, str] = {}
        items: list[Item] = []
        for place, record in enumerate(records):
            found = self._entities(record)
            if isinstance(found, str):
                dropped[place] = found
            else:
                items += [Item(place, entity) for entity in found]
        for each in upserts.rounds(items):
            for item, why in await self._upsert(each):
                _log.warning(
                    "sink %s: %s is refused: %s: %s", self._settings.name, records[item.place].id, item.entity.id, why
                )
                dropped[item.place] = REFUSED
        return dropped

    async def close(self) -> None:
        await self._http.close()

    def _entities(self, record: Record) -> list[Entity] | str:
        place = self._places.get(record.node)
        naming = self._namings.of(record.node, place.names if place else None)
        return entities(record, place, naming, self._settings.context)

    async def _upsert(self, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Those that are refused. Raises PaifangError when any has to come again."""
        answer = await self._http.post(upserts.PATH, upserts.body(items), upserts.CONTENT_TYPE)
        if answer.meaning is Meaning.DONE:
            outcome = upserts.outcome(answer, items)
            if outcome.later:
                raise unreachable(self._settings.name, outcome.later, "look at the broker's log")
            return [(item, outcome.refused[item.entity.id]) for item in items if item.entity.id in outcome.refused]
        if answer.meaning not in {Meaning.REFUSED, Meaning.TOO_LARGE}:
            raise self._http.problem(answer)
        if len(items) == 1:
            return [(items[0], answer.told)]
        half = len(items) // 2
        return [*await self._upsert(items[:half]), *await self._upsert(items[half:])]
