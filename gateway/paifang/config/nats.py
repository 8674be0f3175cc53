"""The settings of whoever connects to NATS: a ward's sink, the city's workers."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.tables import FilePath, Milliseconds, Table

SERVER_EXPECTED = 'a server as "nats://HOST:PORT", or "tls://HOST:PORT"'
STREAM_EXPECTED = "a stream's name without spaces, dots, slashes, * and >"

_SERVER = re.compile(r"(?:nats|tls)://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_STREAM = re.compile(r"[^\s.*>/\\]{1,64}")


def _server(value: str) -> str:
    if not _SERVER.fullmatch(value):
        raise ValueError(SERVER_EXPECTED)
    return value


def _stream(value: str) -> str:
    if not _STREAM.fullmatch(value):
        raise ValueError(STREAM_EXPECTED)
    return value


Server = Annotated[str, AfterValidator(_server)]
StreamName = Annotated[str, AfterValidator(_stream)]


class NatsSettings(Table):
    """Where the servers are, and who asks."""

    servers: Annotated[tuple[Server, ...], Field(strict=False, min_length=1)] = Field(
        default=("nats://127.0.0.1:4222",), description="Servers of one cluster; any of them will do."
    )
    user: str | None = Field(default=None, min_length=1, description="Who asks, with password_file.")
    password_file: FilePath | None = Field(default=None, description="The file with that user's password.")
    token_file: FilePath | None = Field(default=None, description="Or the file with a token.")
    creds_file: FilePath | None = Field(
        default=None, description="Or the credentials of a user, as nsc writes them: a JWT and its seed."
    )
    ca_file: FilePath | None = Field(
        default=None, description="Who has signed the servers' certificates; without it, whom the system trusts."
    )
    cert_file: FilePath | None = Field(default=None, description="A certificate of our own, where servers ask for one.")
    key_file: FilePath | None = Field(default=None, description="The key of that certificate.")
    keepalive_ms: Milliseconds = Field(
        default=10_000,
        ge=1_000,
        le=600_000,
        validation_alias="keepalive",
        description="How often the server is asked whether it is still there; after two without an answer it is not.",
    )
    timeout_ms: Milliseconds = Field(
        default=10_000,
        ge=100,
        le=600_000,
        validation_alias="timeout",
        description="How long to wait for an answer; a cluster takes seconds to choose another leader.",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file, or neither")
        if sum(each is not None for each in (self.password_file, self.token_file, self.creds_file)) > 1:
            raise ValueError("one of password_file, token_file and creds_file")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file, or neither")
        return self
