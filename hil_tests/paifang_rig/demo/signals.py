"""The demo's chapter of the two junctions: traffic, a fire engine, a lamp that lies, and what it takes to run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang_rig.demo.junctions import NAMES
from paifang_rig.signals.street import GREEN_SHIFT

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang_rig.demo.ward import Ward

_START_S = 40.0
_GREEN_S = 60.0
_TRIP_S = 5.0


class Signals:
    """`say(text, kind)` tells what happens."""

    def __init__(self, ward: Ward, say: Callable[..., None]) -> None:
        self._ward = ward
        self._say = say

    async def run(self) -> None:
        """The whole chapter; it goes its own way beside the rest of the story."""
        junctions = self._ward.junctions
        self._say(f"two junctions with {junctions.traffic.name}: the cabinets' flashers, then all red, then green")
        for name in NAMES:
            await self._until(lambda name=name: self._greens(name), _START_S, f"green at {name}")
        self._say("; ".join(f"{name} shows {junctions.shown(name)}" for name in NAMES), "did")
        await self._fire_engine(NAMES[1])
        await self._lying_lamp(NAMES[0])

    async def _fire_engine(self, name: str) -> None:
        row, phases = self._ward.junctions.emergency(name)
        numbers = " and ".join(str(n) for n in range(1, 9) if phases >> n - 1 & 1)
        cabinet = self._ward.junctions.cabinets[name]
        self._say(f"a fire engine comes to {name}, and asks for phases {numbers}")
        cabinet.preempts = 1 << row
        await self._until(lambda: self._greens(name) & 0xFF == phases, _GREEN_S, f"green for the engine at {name}")
        self._say(f"{name} shows {self._ward.junctions.shown(name)}: no amber and no walk was cut short for it", "did")
        cabinet.preempts = 0

    async def _lying_lamp(self, name: str) -> None:
        """A green that does not go out: the node asks for red, and the street shows something else."""
        cabinet = self._ward.junctions.cabinets[name]
        red = next(i for i in range(8) if cabinet.street.lit() >> i & 1)
        self._say(f"a driver of {name} breaks: the green of group {red + 1} is lit while others move", "power")
        cabinet.street.stuck_on = 1 << GREEN_SHIFT + red
        await self._until(lambda: not cabinet.street.relay_closed, _TRIP_S, f"a trip at {name}")
        self._say(f"the monitor of {name} lets go of the relay: the cabinet's flasher is in charge, latched", "refused")
        cabinet.street.stuck_on = 0
        self._say(f"the driver is replaced; $ paifang send {name} latch off --key alice          (class 3)")
        pending = await self._ward.operators.set("alice", name, "latch", 0)
        self._say(f"$ paifang approve {pending['id']} --key bob")
        receipt = await self._ward.operators.approve("bob", str(pending["id"]))
        self._say(f"receipt of {name}: {receipt['verdict']}; through all-red, then green", "did")
        await self._until(lambda: cabinet.street.relay_closed and self._greens(name), _START_S, f"green at {name}")
        self._say(f"{name} shows {self._ward.junctions.shown(name)}", "did")

    def _greens(self, name: str) -> int:
        """Groups whose green is lit, 0 while the flasher is in charge."""
        street = self._ward.junctions.cabinets[name].street
        return street.lit() >> GREEN_SHIFT if street.relay_closed else 0

    async def _until(self, condition: Callable[[], object], deadline_s: float, what: str) -> None:
        await self._ward.bench.until(condition, deadline_s, what)
