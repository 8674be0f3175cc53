"""The settings of a sink into a SensorThings server."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.name_tables import TableName
from paifang.config.names import PointName
from paifang.config.sink_http import HttpSinkSettings, Url
from paifang.config.tables import Table

TEMPLATE_EXPECTED = 'an id with {node} and {name} in it, such as "{node}:{name}"; {site} too'

_FIELD = re.compile(r"\{(.*?)\}")


def _template(value: str) -> str:
    named = set(_FIELD.findall(value))
    if not {"node", "name"} <= named <= {"site", "node", "name"} or len(value) > 128:
        raise ValueError(TEMPLATE_EXPECTED)
    return value


class DatastreamSettings(Table):
    point: PointName = Field(description='Of which point, "NODE/POINT".')
    id: int | str = Field(description="The datastream's id at the server: a number, or a text in quotes.")
    unit: str | None = Field(
        default=None, description="Its unit; without it, that of the table of names, or the point's own."
    )


class SensorThingsSettings(HttpSinkSettings):
    url: Url = Field(description='Where the service is, with its version, such as "https://host/FROST-Server/v1.1".')
    template: Annotated[str, AfterValidator(_template)] | None = Field(
        default=None,
        description="How ids of datastreams are made where none is given; without it, such points are not sent.",
    )
    names: TableName | None = Field(
        default=None,
        description="The table of names and units; without it, that of a device's profile, or the common one.",
    )
    datastreams: Annotated[tuple[DatastreamSettings, ...], Field(strict=False)] = Field(
        default=(), description="Datastreams of points, one such table each."
    )

    @model_validator(mode="after")
    def _has_datastreams(self) -> Self:
        if not self.datastreams and self.template is None:
            raise ValueError("template, or at least one [[sinks.sensorthings.datastreams]]")
        points = [each.point for each in self.datastreams]
        twice = next((point for point in points if points.count(point) > 1), None)
        if twice is not None:
            raise ValueError(f"each point's datastream once, {twice} is there twice")
        return self
