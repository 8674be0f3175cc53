"""The settings of sinks: where in the city network records go. One kind a field, one table a sink."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from paifang.config.sink import SinkSettings
from paifang.config.sink_hj212 import Hj212Settings
from paifang.config.sink_mqtt import MqttSettings
from paifang.config.sink_nats import NatsSinkSettings
from paifang.config.sink_ngsi_ld import NgsiLdSettings
from paifang.config.sink_sensorthings import SensorThingsSettings
from paifang.config.sink_webhook import WebhookSettings
from paifang.config.tables import Table


class SinksSettings(Table):
    hj212: Annotated[tuple[Hj212Settings, ...], Field(strict=False)] = Field(
        default=(), description="Environment bureaus that take HJ 212, one such table each."
    )
    mqtt: Annotated[tuple[MqttSettings, ...], Field(strict=False)] = Field(
        default=(), description="Brokers of MQTT 5, one such table each."
    )
    nats: Annotated[tuple[NatsSinkSettings, ...], Field(strict=False)] = Field(
        default=(), description="Streams of NATS JetStream, one such table each."
    )
    ngsi_ld: Annotated[tuple[NgsiLdSettings, ...], Field(strict=False)] = Field(
        default=(), description="NGSI-LD context brokers, one such table each."
    )
    sensorthings: Annotated[tuple[SensorThingsSettings, ...], Field(strict=False)] = Field(
        default=(), description="SensorThings servers, one such table each."
    )

    webhook: Annotated[tuple[WebhookSettings, ...], Field(strict=False)] = Field(
        default=(), description="Services that are told of alarms, one such table each."
    )

    @property
    def by_name(self) -> dict[str, tuple[str, SinkSettings]]:
        """{name: (kind, settings)} of all."""
        return {sink.name: (kind, sink) for kind in type(self).model_fields for sink in getattr(self, kind)}

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [sink.name for kind in type(self).model_fields for sink in getattr(self, kind)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"each sink's name once, {twice} is there twice")
        return self
