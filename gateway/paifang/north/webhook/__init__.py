"""Alarms to a service, one signed request each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.config.sink_webhook import WebhookSettings
from paifang.north.http import HttpClient
from paifang.north.webhook.connector import WebhookConnector
from paifang.north.webhook.signing import key_of

if TYPE_CHECKING:
    from paifang.config.sink import SinkSettings
    from paifang.north.kinds import Ward


def build(settings: SinkSettings, ward: Ward) -> WebhookConnector:
    """Raises PaifangError when a secret, token or certificate is not to be had."""
    assert isinstance(settings, WebhookSettings)
    HttpClient.check(settings, settings.url)
    if settings.secret_file is not None:
        key_of(settings.secret_file)
    return WebhookConnector(settings, ward)
