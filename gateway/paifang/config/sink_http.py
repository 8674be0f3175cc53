"""What the settings of sinks that speak HTTP share."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.sink import SinkSettings, TlsSinkSettings
from paifang.config.tables import FilePath, Milliseconds

URL_EXPECTED = 'where it is, such as "https://broker.city.example:1026"'

_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


def _url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError(URL_EXPECTED)
    return value.rstrip("/")


Url = Annotated[str, AfterValidator(_url)]


class HttpSinkSettings(SinkSettings):
    """Certificates and the token are read again at each connection."""

    ca_file: FilePath | None = Field(
        default=None, description="The certificates its certificate must go back to; without it, those of this machine."
    )
    cert_file: FilePath | None = Field(default=None, description="The certificate that this gateway shows.")
    key_file: FilePath | None = Field(default=None, description="The private key of that certificate.")
    token_file: FilePath | None = Field(
        default=None, description="The file with the token that is sent as Authorization: Bearer."
    )
    timeout_ms: Milliseconds = Field(
        default=20_000, ge=10, le=300_000, validation_alias="timeout", description="How long an answer is waited for."
    )

    def tls_of(self, url: str) -> TlsSinkSettings:
        """The same as settings of TLS, which https asks for."""
        return TlsSinkSettings(
            name=self.name,
            tls=url.startswith("https:"),
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
        )

    @model_validator(mode="after")
    def _certificate_is_whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file, or neither")
        return self
