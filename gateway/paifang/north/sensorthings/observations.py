"""A record as observations, one a point with a datastream; many of them as one CreateObservations. Sans-IO.

OGC 18-088, clauses 8.2.6 (Observation), 14 (data array extension). `parameters.record` names the record, so that
whoever reads can tell what came twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from paifang.errors import bad_argument
from paifang.north.connector import NOT_WANTED
from paifang.north.naming import NO_TIME, time_of
from paifang.notation.text import number, quoted, utc
from paifang.profiles import city_tables, units
from paifang.profiles.city_tables import Conversion
from paifang_wire import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paifang.config.sink_sensorthings import DatastreamSettings, SensorThingsSettings
    from paifang.north.http import Answer
    from paifang.north.record import Record, Value
    from paifang.profiles.city_tables import Naming

PATH = "/CreateObservations"
CONTENT_TYPE = "application/json"
NO_VALUE = "no-value"
"""Why a record is dropped in which no point with a datastream had a reading."""
FAILED = "error"
"""What stands in an answer in the place of an observation that was not made."""

_COMPONENTS = '["phenomenonTime","result","resultQuality","parameters"]'


@dataclass(frozen=True, slots=True)
class Observation:
    """`datastream` and `values` are JSON; `place` is that of its record in the batch."""

    place: int
    datastream: str
    values: tuple[str, str, str, str]
    """phenomenonTime, result, resultQuality, parameters."""


class Streams:
    """Which datastream a point has, by the settings. Raises PaifangError for a unit that there is not."""

    def __init__(self, settings: SensorThingsSettings) -> None:
        self._template = settings.template
        self._given = {each.point: each for each in settings.datastreams}
        for each in settings.datastreams:
            if each.unit is not None and units.find(each.unit) is None:
                near = units.nearest(each.unit)
                hint = f'did you mean "{near}"?' if near else f"there are {', '.join(units.NAMES)}"
                raise bad_argument(f"{settings.name}: the datastream of {each.point} has no unit {each.unit!r}", hint)

    def find(self, record: Record, value: Value, naming: Naming) -> tuple[str, Conversion] | None:
        """The id as JSON, and how its values are converted; None: it has no datastream, or one of another quantity."""
        point = value.point
        named = naming.find("sensorthings", point.name, point.unit)
        given = self._given.get(f"{record.node}/{point.name}")
        if given is not None:
            conversion = named[1] if named else Conversion()
            found = conversion if given.unit is None else city_tables.between(point.unit, given.unit)
            return None if found is None else (_id(given), found)
        if self._template is None:
            return None
        name, conversion = (named[0].name, named[1]) if named else (point.name, Conversion())
        made = self._template.replace("{site}", record.site).replace("{node}", record.node).replace("{name}", name)
        return quoted(made), conversion


def observations(place: int, record: Record, streams: Streams, naming: Naming) -> list[Observation] | str:
    """What a record becomes; a str is why it is dropped."""
    if record.event is not None:
        return NOT_WANTED
    wanted = [(value, found) for value in record.values if (found := streams.find(record, value, naming)) is not None]
    if not wanted:
        return NOT_WANTED
    utc_ms = time_of(record)
    if utc_ms is None:
        return NO_TIME
    parameters = f'{{"record":{json.dumps(record.id, ensure_ascii=False)}}}'
    time = f'"{utc(utc_ms)}"'
    made: list[Observation] = []
    for value, (datastream, conversion) in wanted:
        result = _result(value, conversion)
        if result is not None:
            quality = quoted(names.QUALITY[value.quality])
            made.append(Observation(place, datastream, (time, result, quality, parameters)))
    return made or NO_VALUE


def body(found: Sequence[Observation]) -> bytes:
    """One data array a datastream, in the order in which they first come."""
    return f"[{','.join(_array(datastream, each) for datastream, each in grouped(found).items())}]".encode()


def grouped(found: Sequence[Observation]) -> Mapping[str, list[Observation]]:
    groups: dict[str, list[Observation]] = {}
    for each in found:
        groups.setdefault(each.datastream, []).append(each)
    return groups


def failed(answer: Answer, found: Sequence[Observation]) -> list[Observation] | None:
    """Those that the server did not make; None: the answer does not say of each.

    The answer has a text for each observation, in the order of the request: its address, or FAILED.
    """
    try:
        read: Any = json.loads(answer.body)
    except ValueError:
        return None
    asked = [each for group in grouped(found).values() for each in group]
    told = cast("list[object]", read) if isinstance(read, list) else []
    if len(told) != len(asked) or not all(isinstance(each, str) for each in told):
        return None
    return [each for each, said in zip(asked, told, strict=True) if said == FAILED]


def _array(datastream: str, found: Sequence[Observation]) -> str:
    rows = ",".join(f"[{','.join(each.values)}]" for each in found)
    return (
        f'{{"Datastream":{{"@iot.id":{datastream}}},"components":{_COMPONENTS},"dataArray@iot.count":{len(found)},'
        f'"dataArray":[{rows}]}}'
    )


def _result(value: Value, conversion: Conversion) -> str | None:
    exact = value.exact
    if exact is None or isinstance(exact, bool):
        return None if exact is None else str(exact).lower()
    return number(conversion(exact))


def _id(given: DatastreamSettings) -> str:
    return str(given.id) if isinstance(given.id, int) else quoted(given.id)
