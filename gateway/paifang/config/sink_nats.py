"""The settings of a sink into a JetStream stream."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from paifang.config.nats import NatsSettings, StreamName
from paifang.config.sink import SinkSettings
from paifang.config.tables import Milliseconds

PREFIX_EXPECTED = 'the beginning of a subject, such as "paifang" or "city.north"'

_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,32}(?:\.[A-Za-z0-9_-]{1,32}){0,7}")


def _prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value):
        raise ValueError(PREFIX_EXPECTED)
    return value


class NatsSinkSettings(NatsSettings, SinkSettings):
    stream: StreamName = Field(default="PAIFANG", description="The stream that keeps the messages and confirms them.")
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        default="paifang", description="Messages go to PREFIX.SITE.NODE.report and PREFIX.SITE.NODE.event."
    )
    in_flight: int = Field(
        default=512,
        ge=1,
        le=10_000,
        description="Messages sent ahead of their confirmation. 1 keeps their order whatever happens, slowly.",
    )
    create: bool = Field(
        default=False, description="Whether to make the stream where there is none, with the settings below."
    )
    replicas: int = Field(default=1, ge=1, le=5, description="Servers that keep each message: 1, or 3 in a cluster.")
    max_age_ms: Milliseconds = Field(
        default=7 * 86_400_000,
        ge=60_000,
        validation_alias="max_age",
        description="How long the stream keeps messages.",
    )
    duplicate_window_ms: Milliseconds = Field(
        default=600_000,
        ge=1_000,
        validation_alias="duplicate_window",
        description="How long the stream knows a record that comes again, and drops it.",
    )
