"""The settings of a city's worker, city.toml: which stream it reads, and into which PostgreSQL it writes."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.nats import NatsSettings, StreamName
from paifang.config.tables import FilePath, Milliseconds, Table

SUBJECT_EXPECTED = 'a subject, such as "paifang.ward-1.>"'


def _subject(value: str) -> str:
    tokens = value.split(".")
    if any(not token or token.split() != [token] for token in tokens) or ">" in tokens[:-1]:
        raise ValueError(SUBJECT_EXPECTED)
    return value


class StreamSettings(NatsSettings):
    name: StreamName = Field(default="PAIFANG", description="The stream that wards write into.")
    consumer: StreamName = Field(
        default="city",
        description="The durable consumer that all workers of one PostgreSQL share; made if need be.",
    )
    subjects: Annotated[str, AfterValidator(_subject)] = Field(
        default="paifang.>", description="What of the stream this consumer takes. Fixed once it is made."
    )
    ack_wait_ms: Milliseconds = Field(
        default=60_000,
        ge=1_000,
        le=3_600_000,
        validation_alias="ack_wait",
        description="How long a worker may take over a message before another one gets it. Fixed once it is made.",
    )
    ack_pending: int = Field(
        default=50_000,
        ge=100,
        le=1_000_000,
        description="Messages that all workers together may have in hand. Fixed once it is made.",
    )


class PostgresSettings(Table):
    host: str = Field(default="127.0.0.1", min_length=1, description="Where PostgreSQL is, or its socket's folder.")
    port: int = Field(default=5432, ge=1, le=65535, description="Its port.")
    database: str = Field(default="city", min_length=1, description="The database.")
    user: str = Field(default="city", min_length=1, description="Who writes.")
    password_file: FilePath | None = Field(default=None, description="The file with that user's password.")
    tls: bool = Field(default=False, description="Whether the connection is under TLS.")
    ca_file: FilePath | None = Field(
        default=None, description="Who has signed the server's certificate; without it, whom the system trusts."
    )
    timeout_ms: Milliseconds = Field(
        default=30_000,
        ge=1_000,
        le=600_000,
        validation_alias="timeout",
        description="How long PostgreSQL may take over a step of a batch; after that the connection counts as lost.",
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if self.ca_file is not None and not self.tls:
            raise ValueError("tls = true, because there is ca_file")
        return self


class WorkerSettings(Table):
    batch: int = Field(default=2_000, ge=1, le=50_000, description="Messages in one transaction, at most.")
    tries: int = Field(
        default=5,
        ge=1,
        le=1_000,
        description="How often a message that PostgreSQL refuses is tried before it is set aside.",
    )


class CityLogSettings(Table):
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is logged.")


class CitySettings(Table):
    stream: StreamSettings = Field(default=StreamSettings(), description="NATS JetStream, where wards deliver.")
    postgres: PostgresSettings = Field(default=PostgresSettings(), description="PostgreSQL, where readings stay.")
    worker: WorkerSettings = Field(default=WorkerSettings(), description="How this worker works.")
    log: CityLogSettings = Field(default=CityLogSettings(), description="What it says on its standard error.")
