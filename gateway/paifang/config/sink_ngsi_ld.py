"""The settings of a sink into an NGSI-LD broker."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.name_tables import TableName
from paifang.config.names import NodeName
from paifang.config.sink_http import HttpSinkSettings, Url
from paifang.config.tables import Table

TENANT_EXPECTED = 'a tenant of letters, digits, "_" and "-", such as "city"'
CONTEXT_EXPECTED = 'the address of an @context, such as "https://context.city.example/context.jsonld"'
CORE_CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld"

_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONTEXT = re.compile(r'https?://[^\s"\\]+')


def _tenant(value: str) -> str:
    if not _TENANT.fullmatch(value):
        raise ValueError(TENANT_EXPECTED)
    return value


def _context(value: str) -> str:
    if not _CONTEXT.fullmatch(value):
        raise ValueError(CONTEXT_EXPECTED)
    return value


class PlaceSettings(Table):
    node: NodeName = Field(description="A node or device.")
    longitude: Annotated[float, Field(ge=-180, le=180)] = Field(description="Degrees east, WGS 84.")
    latitude: Annotated[float, Field(ge=-90, le=90)] = Field(description="Degrees north, WGS 84.")
    names: TableName | None = Field(
        default=None,
        description="The table of names for its points; without it, that of a device's profile, or the common one.",
    )


class NgsiLdSettings(HttpSinkSettings):
    url: Url = Field(description="Where the broker is, without /ngsi-ld/v1.")
    tenant: Annotated[str, AfterValidator(_tenant)] | None = Field(
        default=None, description="Its tenant, the header NGSILD-Tenant."
    )
    context: Annotated[tuple[Annotated[str, AfterValidator(_context)], ...], Field(strict=False)] = Field(
        default=(), description="The @context of all entities; without it, the core's and that of the entity's model."
    )
    places: Annotated[tuple[PlaceSettings, ...], Field(strict=False)] = Field(
        default=(), description="Where nodes stand, one such table each: without it, no record of theirs is sent."
    )

    @model_validator(mode="after")
    def _each_node_once(self) -> Self:
        nodes = [place.node for place in self.places]
        twice = next((node for node in nodes if nodes.count(node) > 1), None)
        if twice is not None:
            raise ValueError(f"each node's place once, {twice} is there twice")
        return self
