"""Where a signal's node runs: here, in this interpreter, or on a board at the other end of the lock-step."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from paifang_wire import cbor

from .shipped import controller, detectors, interlock, plans, site

TICK_MS = 100
NO_ORDER = 255


class Seen(NamedTuple):
    """What a node gets to know in a tick, as in `frames.down`."""

    detectors: int = 0
    pedestrians: int = 0
    preempts: int = 0
    transit: int = 0
    orders: tuple[tuple[int, int], ...] = ()


class Port(Protocol):
    """A node of a signal. `tick` shows the aspects of all groups and the interlock's mode after 100 ms more."""

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]: ...

    def close(self) -> None: ...


class InProcess:
    """The shipped detectors, controller and interlock, on this interpreter, joined as the role joins them."""

    def __init__(self, site_record: list[Any], plan_record: list[Any]) -> None:
        self.site = site.decode(cbor.encode(site_record))
        self.plan = plans.decode(cbor.encode(plan_record), self.site)
        self.controller = controller.Controller(self.plan, self.site)
        self.interlock = interlock.Interlock(self.site)
        self.detectors = detectors.Detectors(self.plan)

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        del t_ms  # the parts count ticks
        for kind, phases in seen.orders:
            self.controller.command(kind, phases)
        calls = self.detectors.tick(seen.detectors, self.controller.green_phases)
        request = self.controller.tick(calls, seen.pedestrians, self.interlock.aspects, seen.preempts, seen.transit)
        self.interlock.tick(request)
        return bytes(self.interlock.aspects), self.interlock.mode

    def close(self) -> None:
        """Nothing is held."""
