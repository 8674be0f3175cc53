"""What goes between a street and a signal's node: what the node gets to know in a tick, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from .shipped import frames

if TYPE_CHECKING:
    from .street import Street

TICK_MS, SAMPLE_MS = 100, 20
NO_UNIT = 255
"""The mode of a node without a site record that it believes: it lights nothing and holds no relay."""


class Seen(NamedTuple):
    """What a node gets to know in a tick. `order`: (kind, phases), given once. `hands`: flags of the cabinet.

    `clock_ms`: how far its wall clock is ahead of the time of the bench.
    """

    detectors: int = 0
    pedestrians: int = 0
    preempts: int = 0
    transit: int = 0
    order: tuple[int, int] | None = None
    flash: bool = False
    supply: bool = True
    hands: int = 0
    clock_ms: int = 0


class Port(Protocol):
    """A node of a signal. `tick` gives the aspects of all groups and the interlock's mode after 100 ms more.

    `reason`: why it flashes (points.REASON), `trip`: the reason of its monitor, both as of the last answer.
    """

    street: Street
    reason: int
    trip: int

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]: ...

    def sample(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        """The monitor alone looks at the street, as it does between two ticks."""
        ...

    def close(self) -> None: ...


def flags(street: Street, seen: Seen) -> int:
    """The cabinet's flags: what the street and the hands in the cabinet do."""
    bits = frames.SUPPLY_OK * seen.supply | frames.RELAY_CLOSED * street.relay_closed
    return bits | frames.FLASH_SWITCH * seen.flash | seen.hands
