"""What a point is called in the schemas of a city: HJ 212, NGSI-LD, SensorThings. As data, in tables and profiles."""

from typing import Annotated

from pydantic import Field

from paifang.profiles.fields import Matching, PointName, ProfileName
from paifang.settings import Milliseconds, Table

FACTOR_EXPECTED = 'a factor of HJ 212, such as "a34004"'
ATTRIBUTE_EXPECTED = 'a name of letters, digits, "_" and "-", such as "relativeHumidity"'
ID_EXPECTED = 'an id without spaces, such as "pm25"'

Factor = Annotated[str, Matching(r"[A-Za-z][A-Za-z0-9]{1,15}", FACTOR_EXPECTED)]
Attribute = Annotated[str, Matching(r"[A-Za-z][A-Za-z0-9_-]{0,63}", ATTRIBUTE_EXPECTED)]
Id = Annotated[str, Matching(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", ID_EXPECTED)]


class Hj212Name(Table):
    factor: Factor = Field(description="The code of the factor.")
    unit: str = Field(description="The unit that the bureau expects.")


class NgsiLdName(Table):
    type: Attribute = Field(description="The type of entity, one of [types] of the table.")
    attribute: Attribute = Field(description="Its attribute.")
    key: Attribute | None = Field(default=None, description='Of an attribute that is an object: its key, such as "L1".')
    unit: str = Field(default="", description="The unit that the model asks for.")
    code: str | None = Field(default=None, description="unitCode: the code of that unit in UN/CEFACT's list.")


class SensorThingsName(Table):
    name: Id = Field(description="What stands for {name} in the ids of datastreams.")
    unit: str = Field(default="", description="The unit of the datastream.")


class CityNames(Table):
    """A schema that is not there has no name for the point."""

    hj212: Hj212Name | None = Field(default=None, description="HJ 212.")
    ngsi_ld: NgsiLdName | None = Field(default=None, description="NGSI-LD.")
    sensorthings: SensorThingsName | None = Field(default=None, description="SensorThings.")


class EntityType(Table):
    """What an NGSI-LD entity of a type has beside what was measured."""

    context: str = Field(pattern="https?://[^ ]+", description="The @context that knows its attributes.")
    dates: Annotated[tuple[Attribute, ...], Field(strict=False)] = Field(
        default=(), description="Attributes that take the time of the observation."
    )
    since: Attribute | None = Field(default=None, description="One that takes when its period began.")
    period_ms: Milliseconds = Field(
        default=0, ge=0, validation_alias="period", description="How long before the observation that was."
    )
    fixed: dict[Attribute, str] = Field(default={}, description="Attributes that are always the same.")


class NameTable(Table):
    """A file of names for the points of a kind of station."""

    name: ProfileName = Field(description="Its name, which is also the name of the file.")
    title: str = Field(min_length=1, description="For what stations, in a few words.")
    source: str = Field(min_length=1, description="Where the facts are from.")
    includes: Annotated[tuple[ProfileName, ...], Field(strict=False)] = Field(
        default=(), description="Other tables that paifang comes with, whose names count where this has none."
    )
    types: dict[Attribute, EntityType] = Field(default={}, description="Types of NGSI-LD entities.")
    points: dict[PointName, CityNames] = Field(default={}, description="Points, by name.")
