"""The kinds of sinks there are; each is loaded only where one is set up: their libraries take their time."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.config.sinks import SinkSettings
    from paifang.north.connector import Connector
    from paifang.profiles.model import AnyProfile

MODULES: dict[str, str] = {
    "hj212": "paifang.north.hj212.connector",
    "mqtt": "paifang.north.mqtt.connector",
    "nats": "paifang.north.nats",
    "ngsi_ld": "paifang.north.ngsi_ld.connector",
    "sensorthings": "paifang.north.sensorthings.connector",
    "webhook": "paifang.north.webhook",
}
"""By kind, as the field of SinksSettings: the module with `build(settings, ward) -> Connector`."""


@dataclass(frozen=True, slots=True)
class Ward:
    """What a connector knows of the gateway around it."""

    site: str
    utc_ms: Callable[[], int]
    random: Callable[[int], bytes]
    profile: Callable[[str], AnyProfile | None] = lambda _node: None
    """Of a bridged device, by its name; nodes of our own have none."""


def build(kind: str, settings: SinkSettings, ward: Ward) -> Connector:
    """A connector, not open yet. Raises PaifangError, say for a password file that is missing."""
    return importlib.import_module(MODULES[kind]).build(settings, ward)
