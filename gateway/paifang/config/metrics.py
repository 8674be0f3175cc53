"""The settings of the metrics page, for Prometheus."""

from pydantic import Field

from paifang.config.names import Listen
from paifang.config.tables import Milliseconds, Table


class MetricsSettings(Table):
    listen: Listen | None = Field(
        default=None, description="Where Prometheus asks, at /metrics. It knows no passwords: who can connect can read."
    )
    nodes: bool = Field(default=False, description="Whether figures of each node and device are shown, too.")
    values: bool = Field(default=False, description="Whether the present value of each point is shown, too.")
    fresh_ms: Milliseconds = Field(
        default=900_000,
        ge=1_000,
        le=86_400_000,
        validation_alias="fresh",
        description="From which age on a value is not shown any more.",
    )
