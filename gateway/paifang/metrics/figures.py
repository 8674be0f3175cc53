"""What the metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paifang.metrics.newest import Present


@dataclass(frozen=True, slots=True)
class Figures:
    """`gateway` is what Reporter.metrics() gives, `sinks` what SinkService.rows() gives, `nodes` what Reporter.nodes()
    gives. `imbalances` is None before the first look.
    """

    site: str
    version: str
    now_ms: int
    uptime_s: float
    is_degraded: bool
    store_bytes: int
    gateway: Mapping[str, Any]
    sinks: Sequence[Mapping[str, Any]]
    imbalances: int | None = None
    nodes: Sequence[Mapping[str, Any]] = ()
    values: Sequence[Present] = ()
