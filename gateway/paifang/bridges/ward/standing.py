"""How a device stands: whether it answers, and which of its points are missing; apart from whether it may be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from paifang_wire import messages

Operating = Literal["up", "degraded", "down"]
NOT_HEARD = "it has not answered yet"
LOCKED = "it is locked"
_NAMED = 3
"""So many missing points are told by name."""

EVENTS: dict[Operating, int] = {
    "up": messages.EV_RECOVERED,
    "degraded": messages.EV_SENSOR_ABSENT,
    "down": messages.EV_SENSOR_MUTE,
}
"""What is stored when a device gets there."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Since `since_ms` of its own life; `why` is "" when it is up."""

    state: Operating = "down"
    why: str = NOT_HEARD
    since_ms: int = 0

    @property
    def text(self) -> str:
        return f"{self.state}: {self.why}" if self.why else self.state


def missing(points: list[str], why: str) -> str:
    """Such as: no value of voltage, current, power and 3 more: refused: exception 2."""
    named = ", ".join(points[:_NAMED])
    more = f" and {len(points) - _NAMED} more" if len(points) > _NAMED else ""
    return f"no value of {named}{more}" + (f": {why}" if why else "")
