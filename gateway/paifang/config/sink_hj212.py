"""The settings of a sink that reports to an environment bureau, HJ 212."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.bridges import Remote
from paifang.config.name_tables import TableName
from paifang.config.sink import NodesPattern, TlsSinkSettings, takes
from paifang.config.tables import FilePath, Milliseconds, Table

MN_EXPECTED = 'the MN of a station, up to 24 letters, digits and "_", such as "010000A8900016F000169DC0"'
ZONE_EXPECTED = 'what its clock is ahead of UTC, such as "+08:00"'

_MN = re.compile(r"[0-9A-Za-z_]{1,24}", re.ASCII)
_ZONE = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d", re.ASCII)


def _mn(value: str) -> str:
    if not _MN.fullmatch(value):
        raise ValueError(MN_EXPECTED)
    return value


def _zone(value: str) -> str:
    if not _ZONE.fullmatch(value):
        raise ValueError(ZONE_EXPECTED)
    return value


class StationSettings(Table):
    mn: Annotated[str, AfterValidator(_mn)] = Field(description="MN: what the bureau has assigned to the station.")
    st: Literal[
        "21", "22", "23", "24", "25", "26", "27", "31", "32", "36", "37", "38", "39", "41", "44", "45", "51", "52"
    ] = Field(
        default="22", description="ST: 21 surface water, 22 air, 23 ambient noise, 39 site dust, 44 electricity (2025)."
    )
    password_file: FilePath = Field(description="The file with its PW, which requests of the bureau must have, too.")
    nodes: Annotated[tuple[NodesPattern, ...], Field(strict=False)] = Field(
        default=("*",), description="Whose records it reports; of several stations the first that fits."
    )
    names: TableName | None = Field(
        default=None,
        description="The table that has factors for points; without it, that of a device's profile, or the common one.",
    )

    def takes(self, node: str) -> bool:
        return takes(self.nodes, node)


class Hj212Settings(TlsSinkSettings):
    address: Remote = Field(description="Where the bureau listens, HOST:PORT.")
    version: Literal["2017", "2025"] = Field(default="2017", description="Of HJ 212.")
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="+08:00", description="Of all times that go out and come in; it has no summer time."
    )
    timeout_ms: Milliseconds = Field(
        default=10_000,
        ge=10,
        le=300_000,
        validation_alias="timeout",
        description="How long a confirmation is waited for.",
    )
    attempts: int = Field(default=3, ge=1, le=10, description="How often a message is sent before the line is closed.")
    pause_ms: Milliseconds = Field(
        default=10, ge=0, le=60_000, validation_alias="pause", description="The least time between two messages."
    )
    heartbeat_ms: Milliseconds | None = Field(
        default=None,
        ge=1_000,
        validation_alias="heartbeat",
        description="How long nothing is sent before a heartbeat (9015) is; without it, there is none.",
    )
    interval_ms: Milliseconds = Field(
        default=60_000,
        ge=1_000,
        validation_alias="interval",
        description="What a bureau is told that asks for RtdInterval; how often nodes report is set at the nodes.",
    )
    follow_clock: bool = Field(
        default=False,
        description="Whether the bureau may set the clock that QN is of; DataTime and the gateway's clock stay.",
    )
    parts: bool = Field(
        default=False,
        description="Whether a report too long for a packet goes in parts (PNUM, PNO), not as several reports.",
    )
    stations: Annotated[tuple[StationSettings, ...], Field(strict=False)] = Field(
        default=(), validate_default=True, description="Its stations, one such table each."
    )

    @model_validator(mode="after")
    def _each_station_once(self) -> Self:
        if not self.stations:
            raise ValueError("at least one [[sinks.hj212.stations]]")
        numbers = [station.mn for station in self.stations]
        twice = next((mn for mn in numbers if numbers.count(mn) > 1), None)
        if twice is not None:
            raise ValueError(f"each station's mn once, {twice} is there twice")
        return self
