"""The settings of a sink into a broker of MQTT 5."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.bridges import Remote
from paifang.config.sink import TlsSinkSettings
from paifang.config.tables import FilePath, Milliseconds

TOPIC_EXPECTED = 'the beginning of a topic without +, # and a / at either end, such as "paifang" or "city/north"'
EXPIRY_MOST_MS = 4_294_967_295_000
"""What a broker can be told: 32 bits of seconds (MQTT 5.0, 3.3.2.3.3)."""

_TOPIC = re.compile(r"[^+#/\s\x00$][^+#/\s\x00]*(/[^+#/\s\x00]+)*")


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value) or len(value) > 128:
        raise ValueError(TOPIC_EXPECTED)
    return value


Topic = Annotated[str, AfterValidator(_topic)]


class MqttSettings(TlsSinkSettings):
    broker: Remote = Field(description="Where the broker is, HOST:PORT.")
    user: str | None = Field(default=None, min_length=1, description="Who the gateway is at the broker.")
    password_file: FilePath | None = Field(default=None, description="The file with that user's password.")
    client_id: str | None = Field(
        default=None, min_length=1, max_length=128, description="Without it, paifang-SITE-NAME of this sink."
    )
    prefix: Topic = Field(
        default="paifang", description="Messages go to PREFIX/SITE/NODE/report and PREFIX/SITE/NODE/event."
    )
    format: Literal["json", "senml-cbor"] = Field(
        default="json", description="How reports are written. Events, and reports whose time nobody knows, are JSON."
    )
    expiry_ms: Milliseconds | None = Field(
        default=None,
        ge=1_000,
        le=EXPIRY_MOST_MS,
        validation_alias="expiry",
        description="How long the broker keeps a message for who is away. Without it, as long as it likes.",
    )
    keep_alive_ms: Milliseconds = Field(
        default=30_000,
        ge=2_000,
        le=3_600_000,
        validation_alias="keep_alive",
        description="After how long without a word from this gateway the broker says that it is offline.",
    )
    answer_ms: Milliseconds = Field(
        default=20_000,
        ge=1_000,
        le=300_000,
        validation_alias="answer",
        description="How long the broker may take to answer before the connection is given up and made anew.",
    )
    home_assistant: Topic | None = Field(
        default=None, description='The discovery prefix of a Home Assistant, there "homeassistant"; without it, none.'
    )
    fresh_ms: Milliseconds = Field(
        default=900_000,
        ge=10_000,
        le=86_400_000,
        validation_alias="fresh",
        description="How old a value may be to be shown in Home Assistant as the present one.",
    )

    @model_validator(mode="after")
    def _user_is_whole(self) -> Self:
        if self.user is None and self.password_file is not None:
            raise ValueError("user, because there is password_file")
        return self
