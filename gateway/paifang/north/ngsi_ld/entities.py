"""A record as NGSI-LD entities: one for each model that has names for its points. ETSI GS CIM 009, clause 4.5.

Every property has the record's own time as observedAt: without it a broker keeps no history, and on the entity itself
some refuse it. `source` names the record, so that whoever reads can tell what came twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from paifang.config.sink_ngsi_ld import CORE_CONTEXT
from paifang.north.connector import NOT_WANTED
from paifang.north.naming import NO_TIME, time_of
from paifang.notation.text import number, quoted, utc
from paifang_wire import messages, names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paifang.config.sink_ngsi_ld import PlaceSettings
    from paifang.north.record import Record, Value
    from paifang.profiles.city_names import EntityType, NgsiLdName
    from paifang.profiles.city_tables import Naming

NO_PLACE = "no-place"
"""Why a record is dropped whose node has no place in the settings."""
NO_VALUE = "no-value"
"""Why a record is dropped in which no point with a name had a reading."""


@dataclass(frozen=True, slots=True)
class Entity:
    """`text` is its JSON."""

    id: str
    text: str


@dataclass(slots=True)
class _Attribute:
    name: NgsiLdName
    values: dict[str | None, str]
    quality: int


def entities(record: Record, place: PlaceSettings | None, naming: Naming, context: Sequence[str]) -> list[Entity] | str:
    """What a record becomes; a str is why it is dropped. `context`: instead of the model's own, if not empty."""
    if record.event is not None:
        return NOT_WANTED
    found = [(name, value, told) for value in record.values for name, told in _named(value, naming)]
    if not found:
        return NOT_WANTED
    if place is None:
        return NO_PLACE
    utc_ms = time_of(record)
    if utc_ms is None:
        return NO_TIME
    by_type = _by_type((name, value, told) for name, value, told in found if told is not None)
    if not by_type:
        return NO_VALUE
    types = naming.table.types
    return [_entity(record, place, kind, types[kind], utc_ms, by_type[kind], context) for kind in by_type]


def _named(value: Value, naming: Naming) -> Iterable[tuple[NgsiLdName, str | None]]:
    """Its name and its value as JSON, if the model has one for it."""
    name = naming.find("ngsi_ld", value.point.name, value.point.unit)
    exact = value.exact
    if name is not None and not isinstance(exact, bool):
        yield name[0], None if exact is None else number(name[1](exact))


def _by_type(found: Iterable[tuple[NgsiLdName, Value, str]]) -> dict[str, dict[str, _Attribute]]:
    """{type: {attribute: …}}; of two points with the same name, the first."""
    types: dict[str, dict[str, _Attribute]] = {}
    for name, value, told in found:
        attributes = types.setdefault(name.type, {})
        attribute = attributes.setdefault(name.attribute, _Attribute(name, {}, messages.GOOD))
        attribute.values.setdefault(name.key, told)
        attribute.quality = attribute.quality or value.quality
    return types


def _entity(
    record: Record,
    place: PlaceSettings,
    kind: str,
    model: EntityType,
    utc_ms: int,
    attributes: dict[str, _Attribute],
    context: Sequence[str],
) -> Entity:
    observed = quoted.__wrapped__(utc(utc_ms))
    name = f"urn:ngsi-ld:{kind}:{_urn(record.site)}:{_urn(record.node)}"
    texts = {
        **{date: _property(_date(observed), observed) for date in model.dates},
        **({model.since: _property(_date(f'"{utc(utc_ms - model.period_ms)}"'), observed)} if model.since else {}),
        **{fixed: _property(quoted(said), observed) for fixed, said in model.fixed.items()},
        "location": _location(place.longitude, place.latitude),
        "source": _property(f'"{_source(record)}"', observed),
        **{attribute: _measured(each, observed) for attribute, each in attributes.items()},
    }
    body = ",".join(f"{quoted(attribute)}:{text}" for attribute, text in texts.items())
    known = ",".join(map(quoted, context or (CORE_CONTEXT, model.context)))
    return Entity(name, f'{{"id":{quoted(name)},"type":{quoted(kind)},{body},"@context":[{known}]}}')


def _measured(attribute: _Attribute, observed: str) -> str:
    code = attribute.name.code
    more = f',"unitCode":{quoted(code)}' if code else ""
    if attribute.quality != messages.GOOD:
        more += f',"quality":{{"type":"Property","value":{quoted(names.QUALITY[attribute.quality])}}}'
    values = attribute.values
    alone = values.get(None)
    told = alone or f"{{{','.join(f'{quoted(key)}:{value}' for key, value in values.items() if key)}}}"
    return _property(told, observed, more)


def _property(value: str, observed: str, more: str = "") -> str:
    return f'{{"type":"Property","value":{value}{more},"observedAt":{observed}}}'


def _date(text: str) -> str:
    return f'{{"@type":"DateTime","@value":{text}}}'


@lru_cache(maxsize=4096)
def _location(longitude: float, latitude: float) -> str:
    """GeoJSON: longitude comes first."""
    return f'{{"type":"GeoProperty","value":{{"type":"Point","coordinates":[{longitude!r},{latitude!r}]}}}}'


def _source(record: Record) -> str:
    return f"urn:paifang:{_urn(record.site)}:{_urn(record.node)}:{record.boot}.{record.number}"


@lru_cache(maxsize=4096)
def _urn(name: str) -> str:
    return quote(name, safe="")
