"""The settings of a webhook: a service that is told of alarms, one request each."""

from typing import Annotated

from pydantic import AfterValidator, Field

from paifang.config.sink_http import HttpSinkSettings, Url
from paifang.config.tables import FilePath
from paifang_wire import messages, names

ALL = "*"
EVENTS_EXPECTED = 'events as `paifang events` names them, or "*" for all: ' + ", ".join(names.EVENTS[1:])
_QUALITIES = names.QUALITY[messages.GOOD + 1 :]
QUALITIES_EXPECTED = "qualities of a value: " + ", ".join(_QUALITIES)


def _events(value: tuple[str, ...]) -> tuple[str, ...]:
    if not set(value) <= {ALL, *names.EVENTS[1:]}:
        raise ValueError(EVENTS_EXPECTED)
    return value


def _qualities(value: tuple[str, ...]) -> tuple[str, ...]:
    if not set(value) <= set(_QUALITIES):
        raise ValueError(QUALITIES_EXPECTED)
    return value


class WebhookSettings(HttpSinkSettings):
    url: Url = Field(description="Where alarms are sent, https://… or http://…")
    secret_file: FilePath | None = Field(
        default=None, description="The file with the secret that requests are signed with; without it, they are not."
    )
    events: Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_events)] = Field(
        default=(ALL,), description='Which events are alarms, such as "sensor-mute"; "*" is all of them.'
    )
    qualities: Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_qualities)] = Field(
        default=(), description='Reports with a value of which quality are alarms, too, such as "fault".'
    )
